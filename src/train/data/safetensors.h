#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// The safetensors format: a header length (8 bytes, little endian), a JSON header that names every
/// tensor with its type, shape and place, and the raw numbers, little endian and without gaps.
/// Python's `safetensors` package reads what is written here, and the other way round.
namespace clavier::train::data {

enum class Dtype { kBool, kU8, kI8, kU16, kI16, kF16, kBf16, kU32, kI32, kF32, kU64, kI64, kF64 };

/// "F32", "I64", … as in the header.
std::string_view name(Dtype dtype);
std::size_t size_bytes(Dtype dtype);

/// A tensor of a file, or one to be written. A view: whoever holds the bytes must outlive it.
struct TensorView {
  std::string name;
  Dtype dtype = Dtype::kF32;
  std::vector<std::int64_t> shape = {};  ///< Row-major; empty: a single number.
  std::span<const std::byte> bytes = {};
};

/// A file's content. Movable; the tensors' bytes live as long as the last copy and are aligned as
/// the file has them: copy numbers out instead of casting.
class SafeTensors {
 public:
  /// In the order of their place in the file.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// Null if there is none of that name.
  const TensorView* find(std::string_view name) const;

 private:
  friend Result<SafeTensors> parse_safetensors(std::span<const std::byte> file,
                                               std::string_view origin);
  std::shared_ptr<const std::vector<std::byte>> data_;
  std::vector<TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

inline constexpr std::uint64_t kMaxSafeTensorsHeaderBytes = 16 << 20;

/// Refuses whatever the format forbids: a header that is too long or no JSON, unknown types, shapes
/// that do not fit their bytes, gaps, overlaps, a file that is too short or too long.
Result<SafeTensors> read_safetensors(const std::filesystem::path& path);

/// The same from memory; `origin` names it in errors.
Result<SafeTensors> parse_safetensors(std::span<const std::byte> file, std::string_view origin);

/// Writes a new file beside `path` and renames it, so that `path` is whole or as it was. Not forced
/// to disk. Tensors are stored by falling size of their type, then by name: equal content gives
/// equal bytes. REQUIRES: distinct names other than "__metadata__", bytes as many as the shape
/// says.
Status write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                         const std::map<std::string, std::string>& metadata = {});

}  // namespace clavier::train::data
