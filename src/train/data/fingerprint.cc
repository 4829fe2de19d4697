#include "train/data/fingerprint.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <system_error>

#include "train/data/install.h"

namespace clavier::train::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kBudget = 64 << 20;
constexpr std::uint64_t kLeastPiece = 4096;
constexpr std::uint64_t kPieces = 16;  ///< Of a file too long to be read whole.

struct File {
  fs::path path;
  std::string name;
  std::uint64_t bytes = 0;
};

/// Sorted by name; hidden ones left out, as by the readers.
std::vector<File> files_of(const fs::path& source) {
  std::vector<File> files;
  std::error_code code;
  if (!fs::is_directory(source, code)) {
    if (const auto bytes = fs::file_size(source, code); !code)
      files.push_back({source, source.filename().string(), bytes});
    return files;
  }
  fs::recursive_directory_iterator at(source, code), end;
  for (; !code && at != end; at.increment(code)) {
    if (at->path().filename().string().starts_with('.')) {
      at.disable_recursion_pending();
      continue;
    }
    std::error_code none;
    if (const auto bytes = at->file_size(none); !none && at->is_regular_file(none))
      files.push_back({at->path(), at->path().lexically_relative(source).string(), bytes});
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.name < b.name; });
  return files;
}

class Sum {
 public:
  void add(std::string_view text) {
    crc_ = crc32_z(crc_, reinterpret_cast<const Bytef*>(text.data()), text.size());
  }
  /// At most `most` bytes of a file, evenly spread over it.
  void add(const File& file, std::uint64_t most) {
    std::ifstream in(file.path, std::ios::binary);
    const std::uint64_t pieces = file.bytes <= most ? 1 : kPieces;
    std::string piece(std::min(file.bytes, most) / pieces, '\0');
    for (std::uint64_t i = 0; in && i < pieces; ++i) {
      const auto last = file.bytes - piece.size();
      in.seekg(static_cast<std::streamoff>(pieces == 1 ? 0 : last / (pieces - 1) * i));
      in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
      add({piece.data(), static_cast<std::size_t>(in.gcount())});
    }
  }
  uLong value() const { return crc_; }

 private:
  uLong crc_ = 0;
};

}  // namespace

std::string fingerprint(const DataSpec& spec) {
  if (spec.source == "synthetic" || find_known(spec.source) != nullptr || spec.smoke) return {};
  auto files = files_of(spec.source);
  std::error_code code;
  if (!spec.labels.empty() && fs::is_regular_file(spec.labels, code))
    for (File& file : files_of(spec.labels)) files.push_back(std::move(file));
  if (files.empty()) return {};
  std::uint64_t bytes = 0;
  for (const File& file : files) bytes += file.bytes;
  // Of very many files, every so manieth is opened.
  const std::uint64_t step = files.size() * kLeastPiece / kBudget + 1;
  const bool all = bytes <= kBudget;
  Sum sum;
  for (std::size_t i = 0; i < files.size(); ++i) {
    sum.add(fmt::format("{} {}\n", files[i].name, files[i].bytes));
    if (all || i % step == 0)
      sum.add(files[i], all ? files[i].bytes : kBudget / (files.size() / step + 1));
  }
  return fmt::format("{:08x}-{}-{}", sum.value(), files.size(), bytes);
}

}  // namespace clavier::train::data
