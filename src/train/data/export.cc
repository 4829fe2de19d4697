#include "train/data/export.h"

#include <fmt/format.h>

#include "base/match.h"
#include "train/data/bytes.h"
#include "train/data/facts.h"
#include "train/data/npy.h"

namespace clavier::train::data {
namespace {

Status write_split(const Split& split, const std::vector<std::int64_t>& sample,
                   const std::filesystem::path& folder, std::string_view start) {
  if (split.count == 0) return ok_status();
  std::vector<std::int64_t> shape = {split.count};
  shape.insert(shape.end(), sample.begin(), sample.end());
  auto bytes = match(split.inputs, [](const auto& v) { return std::as_bytes(std::span(v)); });
  TRY(write_npy(folder / fmt::format("{}inputs.npy", start),
                {"", split.bytes() ? Dtype::kU8 : Dtype::kF32, shape, bytes}));
  bool classes = !split.labels.empty();
  return write_npy(
      folder / fmt::format("{}labels.npy", start),
      {"",
       classes ? Dtype::kI64 : Dtype::kF32,
       {split.count},
       classes ? std::as_bytes(std::span(split.labels)) : std::as_bytes(std::span(split.targets))});
}

}  // namespace

Status export_dataset(const Dataset& data, const std::filesystem::path& folder) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) return io_error(fmt::format("{}: cannot be made: {}", folder.string(), code.message()));
  TRY(write_split(data.train, data.shape, folder, ""));
  TRY(write_split(data.validation, data.shape, folder, "validation_"));
  TRY(write_split(data.test, data.shape, folder, "test_"));
  const auto text = to_text(facts_of(data)) + "\n";
  std::array<std::span<const std::byte>, 1> parts = {as_bytes(text)};
  return write_file(folder / "dataset.json", parts);
}

}  // namespace clavier::train::data
