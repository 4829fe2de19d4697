#include "train/data/unlabelled.h"

#include <fmt/format.h>

#include "train/data/bytes.h"
#include "train/data/columns.h"
#include "train/data/csv.h"
#include "train/data/gzip.h"
#include "train/data/own_data.h"
#include "train/data/safetensors.h"
#include "train/data/targets.h"

namespace clavier::train::data {
namespace {

namespace fs = std::filesystem;

void number_rows(Unlabelled& data) {
  for (std::int64_t i = 0; i < data.split.count; ++i) data.names.push_back(fmt::format("{}", i));
}

Result<Unlabelled> read_table(const fs::path& path, const Dataset& facts) {
  auto columns = facts.columns;
  // A model of plain numbers takes them from a table too.
  if (columns.empty())
    for (std::int64_t i = 0; i < facts.shape[0]; ++i)
      columns.push_back({.name = fmt::format("{}", i + 1)});
  const auto bytes = TRY(read_unpacked(path));
  const auto table = TRY(parse_csv_for(as_text(bytes), columns, path.string()));
  Unlabelled data;
  data.split.inputs = encode_columns(columns, table.inputs);
  data.split.count = table.rows;
  number_rows(data);
  return data;
}

Result<Unlabelled> of_array(const TensorView& array, const std::string& origin,
                            const Dataset& facts) {
  Source source;
  TRY(set_inputs(array, origin, source, source.samples));
  if (source.shape != facts.shape)
    return invalid(fmt::format("{}: samples of shape {}; the model was trained on {}", origin,
                               shape_text(source.shape), shape_text(facts.shape)));
  if (source.scale != facts.scale)
    return invalid(fmt::format(
        "{}: the model was trained on {}", origin,
        facts.scale == 1 ? "numbers that are no bytes (astype('<f4'))" : "bytes (astype('u1'))"));
  Unlabelled data{.split = std::move(source.samples)};
  number_rows(data);
  return data;
}

}  // namespace

Result<Unlabelled> read_unlabelled(const fs::path& path, const Dataset& facts, bool skip_damaged) {
  std::error_code code;
  if (!fs::exists(path, code))
    return not_found(fmt::format("{}: no such file or folder", path.string()));
  if (fs::exists(path / "inputs.npy", code))
    return read_unlabelled(path / "inputs.npy", facts, skip_damaged);
  const auto ending = ending_of(path);
  const bool table = ending == ".csv" || ending == ".tsv";
  if (table && facts.shape.size() == 1) return read_table(path, facts);
  if (!facts.columns.empty())
    return invalid(fmt::format(
        "{}: the model was trained on a table: a .csv or .tsv file is needed", path.string()));
  if (ending == ".safetensors") {
    const auto file = TRY(read_safetensors(path));
    const auto* inputs = file.find("inputs");
    if (inputs == nullptr)
      return invalid(fmt::format("{}: there is no tensor \"inputs\"", path.string()));
    return of_array(*inputs, path.string(), facts);
  }
  const bool array = ending == ".npy" || path.filename().string().find("idx") != std::string::npos;
  if (array && fs::is_regular_file(path)) {
    const auto numbers = TRY(read_array(path));
    return of_array(numbers.view(), path.string(), facts);
  }
  if (facts.shape.size() != 3 || facts.scale == 1)
    return invalid(
        fmt::format("{}: the model was trained on numbers of shape {}: a .npy, .csv or "
                    ".safetensors file is needed",
                    path.string(), shape_text(facts.shape)));
  auto images = TRY(read_images(path, facts.shape, skip_damaged));
  return Unlabelled{std::move(images.split), std::move(images.names), std::move(images.remarks)};
}

}  // namespace clavier::train::data
