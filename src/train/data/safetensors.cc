#include "train/data/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "base/json.h"
#include "train/data/bytes.h"
#include "train/data/safetensors_header.h"

namespace clavier::train::data {
namespace {

struct DtypeFacts {
  std::string_view name;
  std::size_t bytes;
};
constexpr std::array<DtypeFacts, 13> kDtypes = {{{"BOOL", 1},
                                                 {"U8", 1},
                                                 {"I8", 1},
                                                 {"U16", 2},
                                                 {"I16", 2},
                                                 {"F16", 2},
                                                 {"BF16", 2},
                                                 {"U32", 4},
                                                 {"I32", 4},
                                                 {"F32", 4},
                                                 {"U64", 8},
                                                 {"I64", 8},
                                                 {"F64", 8}}};
constexpr std::size_t kLengthBytes = 8;

std::optional<Dtype> dtype_of(std::string_view text) {
  for (std::size_t i = 0; i < kDtypes.size(); ++i)
    if (kDtypes[i].name == text) return static_cast<Dtype>(i);
  return std::nullopt;
}

/// Nothing if the tensor is sound, else what is wrong with it.
std::optional<std::string> complaint(const HeaderEntry& entry, std::uint64_t data_bytes) {
  auto dtype = dtype_of(entry.dtype);
  if (!dtype) return fmt::format("unknown type \"{}\"", entry.dtype);
  auto count = element_count(entry.shape);
  std::uint64_t bytes = 0;
  if (!count || __builtin_mul_overflow(*count, size_bytes(*dtype), &bytes))
    return fmt::format("impossible shape {}", shape_text(entry.shape));
  if (entry.begin > entry.end || entry.end > data_bytes)
    return fmt::format("its bytes {} to {} are not within the {} of the file", entry.begin,
                       entry.end, data_bytes);
  if (entry.end - entry.begin != bytes)
    return fmt::format("{} of shape {} need {} bytes, it has {}", entry.dtype,
                       shape_text(entry.shape), bytes, entry.end - entry.begin);
  return std::nullopt;
}

Json header_of(std::span<const TensorView* const> tensors,
               const std::map<std::string, std::string>& metadata) {
  Json::Table header;
  if (!metadata.empty()) {
    Json::Table table;
    for (const auto& [name, text] : metadata) table.push_back({name, text});
    header.push_back({"__metadata__", std::move(table)});
  }
  std::uint64_t place = 0;
  for (const auto* tensor : tensors) {
    const auto end = place + tensor->bytes.size();
    header.push_back({tensor->name, Json::Table{{"dtype", name(tensor->dtype)},
                                                {"shape", tensor->shape},
                                                {"data_offsets", Json::List{place, end}}}});
    place = end;
  }
  return header;
}

}  // namespace

std::string_view name(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)].name; }
std::size_t size_bytes(Dtype dtype) { return kDtypes[static_cast<std::size_t>(dtype)].bytes; }

const TensorView* SafeTensors::find(std::string_view wanted) const {
  auto found = std::find_if(tensors_.begin(), tensors_.end(),
                            [&](const TensorView& tensor) { return tensor.name == wanted; });
  return found == tensors_.end() ? nullptr : &*found;
}

Result<SafeTensors> read_safetensors(const std::filesystem::path& path) {
  auto bytes = TRY(read_file(path));
  return parse_safetensors(bytes, path.string());
}

Result<SafeTensors> parse_safetensors(std::span<const std::byte> file, std::string_view origin) {
  if (file.size() < kLengthBytes)
    return corrupt_at(origin, file.size(), "the file ends within the length of its header");
  auto length = load<std::uint64_t>(file.data());
  if (length > kMaxSafeTensorsHeaderBytes)
    return corrupt_at(origin, 0,
                      fmt::format("a header of {} bytes is more than the {} allowed", length,
                                  kMaxSafeTensorsHeaderBytes));
  if (length > file.size() - kLengthBytes)
    return corrupt_at(origin, file.size(), "the file ends within its header");
  auto header =
      TRY(parse_header(as_text(file.subspan(kLengthBytes, length)), origin, kLengthBytes));

  auto data = file.subspan(kLengthBytes + length);
  std::stable_sort(header.entries.begin(), header.entries.end(),
                   [](const HeaderEntry& a, const HeaderEntry& b) {
                     return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
                   });
  SafeTensors result;
  auto owned = std::make_shared<const Bytes>(data.begin(), data.end());
  std::uint64_t place = 0;
  for (auto& entry : header.entries) {
    auto at = kLengthBytes + length + place;
    if (auto wrong = complaint(entry, data.size()))
      return corrupt_at(origin, at, fmt::format("tensor \"{}\": {}", entry.name, *wrong));
    if (entry.begin != place)
      return corrupt_at(origin, at,
                        fmt::format("tensor \"{}\" begins at {} of the data instead of {}",
                                    entry.name, entry.begin, place));
    place = entry.end;
    result.tensors_.push_back({std::move(entry.name), *dtype_of(entry.dtype),
                               std::move(entry.shape),
                               std::span(*owned).subspan(entry.begin, entry.end - entry.begin)});
  }
  if (place != data.size())
    return corrupt_at(origin, kLengthBytes + length + place,
                      fmt::format("{} bytes belong to no tensor", data.size() - place));
  result.data_ = std::move(owned);
  result.metadata_ = std::move(header.metadata);
  return result;
}

Status write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                         const std::map<std::string, std::string>& metadata) {
  std::vector<const TensorView*> sorted;
  for (const auto& tensor : tensors) {
    auto count = element_count(tensor.shape);
    CHECK(count && *count * size_bytes(tensor.dtype) == tensor.bytes.size(),
          "bytes do not fit the shape");
    CHECK(tensor.name != "__metadata__", "a reserved name");
    sorted.push_back(&tensor);
  }
  std::sort(sorted.begin(), sorted.end(), [](const TensorView* a, const TensorView* b) {
    auto a_bytes = size_bytes(a->dtype), b_bytes = size_bytes(b->dtype);
    return std::tie(b_bytes, a->name) < std::tie(a_bytes, b->name);
  });
  auto same = [](const TensorView* a, const TensorView* b) { return a->name == b->name; };
  CHECK(std::adjacent_find(sorted.begin(), sorted.end(), same) == sorted.end(),
        "two tensors of one name");

  std::string header = to_text(header_of(sorted, metadata));
  header.resize((header.size() + 7) / 8 * 8, ' ');
  if (header.size() > kMaxSafeTensorsHeaderBytes)
    return invalid(fmt::format("{}: the names and shapes need a header of {} bytes, more than {}",
                               path.string(), header.size(), kMaxSafeTensorsHeaderBytes));
  std::uint64_t length = header.size();
  std::vector<std::span<const std::byte>> parts = {std::as_bytes(std::span(&length, 1)),
                                                   as_bytes(header)};
  for (const auto* tensor : sorted) parts.push_back(tensor->bytes);
  return write_file(path, parts);
}

}  // namespace clavier::train::data
