#include "train/data/own_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/data/bytes.h"
#include "train/data/csv.h"
#include "train/data/idx.h"
#include "train/data/npy.h"
#include "train/data/resize.h"
#include "train/data/targets.h"

namespace clavier::train::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxResize = 4096;

Result<Array> read_array(const fs::path& path) {
  auto bytes = TRY(read_file(path));
  if (as_text(bytes).starts_with("\x93NUMPY")) return parse_npy(bytes, path.string());
  if (path.extension() != ".npy") return parse_idx(bytes, path.string());
  return parse_npy(bytes, path.string());
}

Status add(const Array& inputs, const fs::path& inputs_at, const Array& labels,
           const fs::path& labels_at, Task task, Source& source, Split& split) {
  TRY(set_inputs(inputs.view(), inputs_at.string(), source, split));
  return set_targets(TRY(labels_of(labels.view(), labels_at.string())), task, labels_at.string(),
                     source, split);
}

Status add_files(const fs::path& inputs, const fs::path& labels, Task task, Source& source,
                 Split& split) {
  return add(TRY(read_array(inputs)), inputs, TRY(read_array(labels)), labels, task, source, split);
}

Result<Source> read_npy_folder(const fs::path& folder, Task task) {
  Source source;
  TRY(add_files(folder / "inputs.npy", folder / "labels.npy", task, source, source.samples));
  auto part = [&](const char* name, std::optional<Split>& split) -> Status {
    auto inputs = folder / fmt::format("{}_inputs.npy", name);
    if (!fs::exists(inputs)) return ok_status();
    return add_files(inputs, folder / fmt::format("{}_labels.npy", name), task, source,
                     split.emplace());
  };
  TRY(part("validation", source.validation));
  TRY(part("test", source.test));
  return source;
}

/// MNIST's files exist with '-' and with '.' before "idx".
std::optional<fs::path> idx_file(const fs::path& folder, std::string_view start, int dimensions) {
  for (char separator : {'-', '.'}) {
    auto path = folder / fmt::format("{}{}idx{}-ubyte", start, separator, dimensions);
    if (fs::exists(path)) return path;
  }
  return std::nullopt;
}

Result<Source> read_idx_folder(const fs::path& folder, Task task) {
  Source source;
  auto part = [&](std::string_view name, Split& split) -> Status {
    auto inputs = idx_file(folder, fmt::format("{}-images", name), 3);
    auto labels = idx_file(folder, fmt::format("{}-labels", name), 1);
    if (!inputs || !labels)
      return not_found(fmt::format("{}: {}-{}-ubyte is missing", folder.string(), name,
                                   inputs ? "labels-idx1" : "images-idx3"));
    return add_files(*inputs, *labels, task, source, split);
  };
  TRY(part("train", source.samples));
  if (idx_file(folder, "t10k-images", 3)) TRY(part("t10k", source.test.emplace()));
  return source;
}

Result<Source> read_tensors(const fs::path& path, const DataSpec& spec) {
  auto file = TRY(read_safetensors(path));
  Source source;
  auto labels_name = spec.labels.empty() ? std::string("labels") : spec.labels;
  auto part = [&](const std::string& start, Split& split) -> Status {
    const auto* inputs = file.find(start + "inputs");
    const auto* labels = file.find(start + labels_name);
    if (inputs == nullptr || labels == nullptr)
      return invalid(fmt::format("{}: there is no tensor \"{}{}\"", path.string(), start,
                                 inputs == nullptr ? "inputs" : labels_name));
    TRY(set_inputs(*inputs, path.string() + ": " + inputs->name, source, split));
    auto origin = path.string() + ": " + labels->name;
    return set_targets(TRY(labels_of(*labels, origin)), spec.task, origin, source, split);
  };
  TRY(part("", source.samples));
  if (file.find("validation_inputs")) TRY(part("validation_", source.validation.emplace()));
  if (file.find("test_inputs")) TRY(part("test_", source.test.emplace()));
  return source;
}

Result<Source> read_csv(const fs::path& path, const DataSpec& spec) {
  auto bytes = TRY(read_file(path));
  auto table = TRY(parse_csv(as_text(bytes), spec.labels, path.string()));
  Source source{.shape = {table.width}};
  source.samples.inputs = std::move(table.features);
  source.samples.count = table.rows;
  TRY(set_targets(parse_labels(std::move(table.labels)), spec.task,
                  fmt::format("{}: column \"{}\"", path.string(), table.label_column), source,
                  source.samples));
  return source;
}

Result<Source> read_single_array(const fs::path& path, const DataSpec& spec) {
  if (spec.labels.empty())
    return invalid(
        fmt::format("{}: holds inputs only; name the file of the labels (labels = "
                    "\"…\"), or name a folder with inputs.npy and labels.npy",
                    path.string()));
  Source source;
  TRY(add_files(path, spec.labels, spec.task, source, source.samples));
  return source;
}

Result<Source> read_any(const DataSpec& spec) {
  fs::path path = spec.source;
  std::error_code ignored;
  if (fs::is_directory(path)) {
    if (fs::exists(path / "inputs.npy")) return read_npy_folder(path, spec.task);
    if (idx_file(path, "train-images", 3)) return read_idx_folder(path, spec.task);
    if (spec.task == Task::kRegression)
      return invalid(fmt::format("{}: a folder of images has classes, no values", path.string()));
    return read_image_folder(path, spec.resize);
  }
  if (!fs::exists(path))
    return not_found(fmt::format(
        "{}: no such file or folder{}, and no data set known by that name "
        "(digits, cifar10, cifar100, synthetic)",
        path.string(), path.is_relative() ? " in " + fs::current_path(ignored).string() : ""));
  auto extension = path.extension();
  if (extension == ".csv" || extension == ".tsv") return read_csv(path, spec);
  if (extension == ".safetensors") return read_tensors(path, spec);
  if (extension == ".npy" || path.filename().string().find("idx") != std::string::npos)
    return read_single_array(path, spec);
  return invalid(fmt::format("{}: not a .npy, .safetensors, .csv, .tsv or IDX file (…-idx3-ubyte)",
                             path.string()));
}

template <typename T>
T rounded(float value) {
  if constexpr (std::is_same_v<T, float>) return value;
  return static_cast<T>(std::lround(value));
}

template <typename T>
std::vector<T> resized(const std::vector<T>& values, std::size_t planes, std::size_t size,
                       std::size_t to_size, Resizer& resizer) {
  std::vector<float> plane(size), out(to_size);
  std::vector<T> result;
  result.reserve(planes * to_size);
  for (std::size_t i = 0; i < planes; ++i) {
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(i * size), size, plane.begin());
    resizer.apply(plane, out);
    for (float value : out) result.push_back(rounded<T>(value));
  }
  return result;
}

void resize_split(Split& split, std::size_t planes_each, std::size_t size, std::size_t to_size,
                  Resizer& resizer) {
  auto planes = static_cast<std::size_t>(split.count) * planes_each;
  std::visit([&](auto& values) { values = resized(values, planes, size, to_size, resizer); },
             split.inputs);
}

}  // namespace

Result<Source> read_own_data(const DataSpec& spec) {
  auto source = TRY(read_any(spec));
  if (!source.samples.labels.empty() && source.classes < 2)
    return invalid(fmt::format("{}: all samples are of one class", spec.source));
  return source;
}

Status resize_source(Source& source, std::array<std::int64_t, 2> size) {
  auto& shape = source.shape;
  if (shape.size() != 3)
    return invalid(fmt::format("resize needs images; samples have shape {}", shape_text(shape)));
  if (size[0] < 1 || size[1] < 1 || size[0] > kMaxResize || size[1] > kMaxResize)
    return invalid(
        fmt::format("resize = [{}, {}] must be from 1 to {}", size[0], size[1], kMaxResize));
  if (shape[1] == size[0] && shape[2] == size[1]) return ok_status();
  Resizer resizer(shape[1], shape[2], size[0], size[1]);
  auto planes = static_cast<std::size_t>(shape[0]);
  auto from = static_cast<std::size_t>(shape[1] * shape[2]);
  auto to = static_cast<std::size_t>(size[0] * size[1]);
  resize_split(source.samples, planes, from, to, resizer);
  if (source.validation) resize_split(*source.validation, planes, from, to, resizer);
  if (source.test) resize_split(*source.test, planes, from, to, resizer);
  shape[1] = size[0], shape[2] = size[1];
  return ok_status();
}

}  // namespace clavier::train::data
