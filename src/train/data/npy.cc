#include "train/data/npy.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace clavier::train::data {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kMaxHeaderBytes = 64 << 10;

struct Named {
  std::string_view descr;
  Dtype dtype;
};
constexpr std::array<Named, 13> kTypes = {{{"|u1", Dtype::kU8},
                                           {"<u1", Dtype::kU8},
                                           {"|b1", Dtype::kBool},
                                           {"|i1", Dtype::kI8},
                                           {"<i1", Dtype::kI8},
                                           {"<u2", Dtype::kU16},
                                           {"<i2", Dtype::kI16},
                                           {"<u4", Dtype::kU32},
                                           {"<i4", Dtype::kI32},
                                           {"<u8", Dtype::kU64},
                                           {"<i8", Dtype::kI64},
                                           {"<f4", Dtype::kF32},
                                           {"<f8", Dtype::kF64}}};

/// How to make an array that is read of one that is not.
std::string remedy(std::string_view descr) {
  if (descr.find_first_of("USO") != descr.npos)
    return "for labels that are text: numpy.save(file, numpy.unique(array, "
           "return_inverse=True)[1])";
  return "for labels and other whole numbers: numpy.save(file, array.astype('<i8')); for others: "
         "numpy.save(file, array.astype('<f4'))";
}

/// The header is the text of a Python dictionary with three known keys; this reads just that.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view origin, std::size_t offset)
      : text_(text), origin_(origin), offset_(offset) {}

  Result<Array> parse() {
    Array array;
    TRY(expect('{'));
    while (!accept('}')) {
      auto key = TRY(quoted());
      TRY(expect(':'));
      TRY(value(key, array));
      if (!accept(',')) {
        TRY(expect('}'));
        break;
      }
    }
    skip_space();
    if (place_ != text_.size()) return error("text after the dictionary");
    if (seen_ != 7) return error("descr, fortran_order and shape must each stand once");
    return array;
  }

 private:
  Status value(std::string_view key, Array& array) {
    if (key == "descr") {
      TRY(once(1));
      array.dtype = TRY(type());
    } else if (key == "fortran_order") {
      TRY(once(2));
      TRY(order());
    } else if (key == "shape") {
      TRY(once(4));
      array.shape = TRY(shape());
    } else {
      return error(fmt::format("unknown key '{}'", key));
    }
    return ok_status();
  }

  Status once(int bit) {
    if (seen_ & bit) return error("a key stands twice");
    seen_ |= bit;
    return ok_status();
  }

  Result<Dtype> type() {
    auto descr = TRY(quoted());
    for (const auto& known : kTypes)
      if (known.descr == descr) return known.dtype;
    return error(fmt::format("type '{}' is not read; {}", descr, remedy(descr)));
  }

  Status order() {
    if (accept_word("False")) return ok_status();
    if (accept_word("True"))
      return error("Fortran order is not read: numpy.save(file, numpy.ascontiguousarray(array))");
    return error("fortran_order must be True or False");
  }

  Result<std::vector<std::int64_t>> shape() {
    std::vector<std::int64_t> extents;
    TRY(expect('('));
    while (!accept(')')) {
      skip_space();
      std::int64_t extent = 0;
      auto [end, code] =
          std::from_chars(text_.data() + place_, text_.data() + text_.size(), extent);
      if (code != std::errc() || extent < 0) return error("the shape must be whole numbers");
      place_ = static_cast<std::size_t>(end - text_.data());
      extents.push_back(extent);
      if (!accept(',')) {
        TRY(expect(')'));
        break;
      }
    }
    return extents;
  }

  Result<std::string_view> quoted() {
    skip_space();
    char quote = place_ < text_.size() ? text_[place_] : '\0';
    if (quote != '\'' && quote != '"') return error("a quoted name must stand here");
    auto end = text_.find(quote, place_ + 1);
    if (end == std::string_view::npos) return error("a quote is not closed");
    auto inside = text_.substr(place_ + 1, end - place_ - 1);
    place_ = end + 1;
    return inside;
  }

  void skip_space() {
    while (place_ < text_.size() && (text_[place_] == ' ' || text_[place_] == '\n')) ++place_;
  }
  bool accept(char wanted) {
    skip_space();
    if (place_ >= text_.size() || text_[place_] != wanted) return false;
    ++place_;
    return true;
  }
  bool accept_word(std::string_view wanted) {
    skip_space();
    if (!text_.substr(place_).starts_with(wanted)) return false;
    place_ += wanted.size();
    return true;
  }
  Status expect(char wanted) {
    return accept(wanted) ? ok_status() : error(fmt::format("{} must stand here", wanted));
  }
  Error error(std::string_view what) const { return corrupt_at(origin_, offset_ + place_, what); }

  std::string_view text_;
  std::string_view origin_;
  std::size_t offset_;
  std::size_t place_ = 0;
  int seen_ = 0;
};

std::string_view descr_of(Dtype dtype) {
  for (const auto& known : kTypes)
    if (known.dtype == dtype) return known.descr;
  check_failed("write_npy of another type", std::source_location::current());
}

}  // namespace

Result<Array> parse_npy(std::span<const std::byte> file, std::string_view origin) {
  if (!as_text(file).starts_with(kMagic))
    return corrupt_at(origin, 0, "no .npy file: it must begin with \\x93NUMPY");
  constexpr std::size_t kVersionAt = kMagic.size();
  if (file.size() < kVersionAt + 4)
    return corrupt_at(origin, file.size(), "the file ends within its header");
  auto major = static_cast<int>(file[kVersionAt]);
  if (major < 1 || major > 3)
    return corrupt_at(origin, kVersionAt, fmt::format("version {} is unknown", major));
  std::size_t start = kVersionAt + (major == 1 ? 4 : 6);
  if (file.size() < start)
    return corrupt_at(origin, file.size(), "the file ends within its header");
  std::size_t length = major == 1 ? load<std::uint16_t>(file.data() + kVersionAt + 2)
                                  : load<std::uint32_t>(file.data() + kVersionAt + 2);
  if (length > kMaxHeaderBytes)
    return corrupt_at(origin, kVersionAt + 2, fmt::format("a header of {} bytes", length));
  if (file.size() - start < length)
    return corrupt_at(origin, file.size(), "the file ends within its header");

  auto header = as_text(file.subspan(start, length));
  auto array = TRY(HeaderParser(header, origin, start).parse());
  auto data = file.subspan(start + length);
  auto count = element_count(array.shape);
  std::uint64_t bytes = 0;
  if (!count || __builtin_mul_overflow(*count, size_bytes(array.dtype), &bytes))
    return corrupt_at(origin, start, fmt::format("impossible shape {}", shape_text(array.shape)));
  if (data.size() != bytes)
    return corrupt_at(origin, start + length + std::min<std::uint64_t>(bytes, data.size()),
                      fmt::format("shape {} needs {} bytes, the file has {}",
                                  shape_text(array.shape), bytes, data.size()));
  array.bytes.assign(data.begin(), data.end());
  return array;
}

Status write_npy(const std::filesystem::path& path, const TensorView& array) {
  auto count = element_count(array.shape);
  CHECK(count && *count * size_bytes(array.dtype) == array.bytes.size(), "shape and bytes differ");
  auto extents = fmt::format("{}", fmt::join(array.shape, ", "));
  if (array.shape.size() == 1) extents += ',';
  auto header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                            descr_of(array.dtype), extents);
  constexpr std::size_t kAlign = 64;
  std::size_t before = kMagic.size() + 4;
  header.append(kAlign - 1 - (before + header.size()) % kAlign, ' ');
  header += '\n';
  auto length = static_cast<std::uint16_t>(header.size());
  std::string start(kMagic);
  start += {'\1', '\0', static_cast<char>(length & 0xff), static_cast<char>(length >> 8)};
  start += header;
  std::array<std::span<const std::byte>, 2> parts = {as_bytes(start), array.bytes};
  return write_file(path, parts);
}

}  // namespace clavier::train::data
