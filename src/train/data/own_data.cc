#include "train/data/own_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "train/data/bytes.h"
#include "train/data/cifar.h"
#include "train/data/cifar_pickle.h"
#include "train/data/csv.h"
#include "train/data/gzip.h"
#include "train/data/idx.h"
#include "train/data/install.h"
#include "train/data/npy.h"
#include "train/data/resize.h"
#include "train/data/targets.h"

namespace clavier::train::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxResize = 4096;

std::string lower(std::string text) {
  for (auto& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Status add(const TensorView& inputs, const std::string& inputs_at, const TensorView& labels,
           const std::string& labels_at, Source& source, Split& split) {
  TRY(set_inputs(inputs, inputs_at, source, split));
  return add_labels(TRY(labels_of(labels, labels_at)), labels_at, split.count, source);
}

Status add_files(const fs::path& inputs, const fs::path& labels, Source& source, Split& split) {
  const auto inputs_array = TRY(read_array(inputs));
  const auto labels_array = TRY(read_array(labels));
  return add(inputs_array.view(), inputs.string(), labels_array.view(), labels.string(), source,
             split);
}

Result<Source> read_npy_folder(const fs::path& folder) {
  Source source;
  TRY(add_files(folder / "inputs.npy", folder / "labels.npy", source, source.samples));
  auto part = [&](const char* name, std::optional<Split>& split) -> Status {
    auto inputs = folder / fmt::format("{}_inputs.npy", name);
    if (!fs::exists(inputs)) return ok_status();
    return add_files(inputs, folder / fmt::format("{}_labels.npy", name), source, split.emplace());
  };
  TRY(part("validation", source.validation));
  TRY(part("test", source.test));
  return source;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  if (const auto at = text.rfind(from); at != text.npos) text.replace(at, from.size(), to);
  return text;
}

/// A file of that name, with '-' or '.' before "idx", packed or not.
std::optional<fs::path> idx_file(const fs::path& folder, std::string name) {
  name = replaced(replaced(name, ".gz", ""), ".idx", "-idx");
  for (const auto& form : {name, replaced(name, "-idx", ".idx")})
    for (const char* end : {"", ".gz"})
      if (auto path = folder / (form + end); fs::is_regular_file(path)) return path;
  return std::nullopt;
}

/// The labels of images: …-images-idx3-ubyte, …-labels-idx1-ubyte.
std::optional<fs::path> idx_labels(const fs::path& images) {
  return idx_file(
      images.parent_path(),
      replaced(replaced(images.filename().string(), "images", "labels"), "idx3", "idx1"));
}

Status add_idx(const fs::path& images, Source& source, Split& split) {
  const auto labels = idx_labels(images);
  if (labels) return add_files(images, *labels, source, split);
  return not_found(fmt::format(
      "{}: {} is missing", images.parent_path().string(),
      replaced(replaced(images.filename().string(), "images", "labels"), "idx3", "idx1")));
}

/// The training images and the test images beside them.
Result<Source> read_idx(const fs::path& images) {
  Source source;
  TRY(add_idx(images, source, source.samples));
  for (const char* test : {"t10k", "test"}) {
    const auto name = images.filename().string();
    const auto other = replaced(name, "train", test);
    const auto path = other == name ? std::nullopt : idx_file(images.parent_path(), other);
    if (path && !source.test) TRY(add_idx(*path, source, source.test.emplace()));
  }
  return source;
}

/// Training images in IDX form, in the folder or where torchvision puts them below it.
Result<std::optional<fs::path>> idx_images(const fs::path& folder) {
  for (const char* below :
       {"", "raw", "MNIST/raw", "FashionMNIST/raw", "KMNIST/raw", "EMNIST/raw"}) {
    if (!fs::is_directory(folder / below)) continue;
    std::map<std::string, fs::path> found;  // By name without ".gz".
    for (const auto& entry : fs::directory_iterator(folder / below)) {
      const auto name = entry.path().filename().string();
      if (name.find("train-images") != name.npos && name.find("idx3") != name.npos)
        found.emplace(replaced(name, ".gz", ""), entry.path());
    }
    if (found.size() > 1)
      return invalid(fmt::format("{}: {} and {}: name the file of images that you mean",
                                 (folder / below).string(), found.begin()->first,
                                 std::next(found.begin())->first));
    if (!found.empty()) return std::optional(found.begin()->second);
  }
  return std::optional<fs::path>();
}

/// CIFAR as its archives unpack.
struct CifarFolder {
  const KnownSet* set;
  fs::path parent;
  fs::path pickled = {};  ///< The folder of Python's form, if it is that.
};

std::optional<CifarFolder> find_cifar(const fs::path& path) {
  const auto folder = path.filename().empty() ? path.parent_path() : path;
  std::error_code code;
  for (const char* name : {"cifar10", "cifar100"}) {
    const KnownSet* set = find_known(name);
    if (folder.filename() == set->folder)
      return CifarFolder{set, fs::absolute(folder).parent_path()};
    if (fs::is_directory(folder / set->folder, code)) return CifarFolder{set, folder};
    const char* const pickled = set->name == "cifar10" ? "cifar-10-batches-py" : "cifar-100-python";
    if (folder.filename() == pickled) return CifarFolder{set, folder, folder};
    if (fs::is_directory(folder / pickled, code)) return CifarFolder{set, folder, folder / pickled};
  }
  return std::nullopt;
}

Result<Source> read_cifar_folder(const CifarFolder& found, const DataSpec& spec) {
  const auto kind = found.set->name == "cifar10" ? CifarKind::kCifar10
                    : spec.coarse                ? CifarKind::kCifar100Coarse
                                                 : CifarKind::kCifar100Fine;
  return found.pickled.empty() ? read_cifar(kind, found.parent)
                               : read_cifar_pickles(kind, found.pickled);
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
    return add(*inputs, path.string() + ": " + inputs->name, *labels,
               path.string() + ": " + labels->name, source, split);
  };
  TRY(part("", source.samples));
  if (file.find("validation_inputs")) TRY(part("validation_", source.validation.emplace()));
  if (file.find("test_inputs")) TRY(part("test_", source.test.emplace()));
  return source;
}

/// What a reader of the table should know.
std::vector<std::string> remarks_of(const Table& table, const TableSpec& spec) {
  std::vector<std::string> remarks;
  const bool first_said = spec.header.has_value();
  remarks.push_back(fmt::format(
      "the first line is {}{}", table.header ? "the header" : "data, there is no header",
      first_said ? "" : fmt::format(" (else header = {})", !table.header)));
  remarks.push_back(fmt::format("labels: column \"{}\"{}", table.label_column,
                                spec.label.empty() ? " (else labels = \"…\")" : ""));
  for (const Column& column : table.columns)
    if (column.kind == Column::Kind::kLeftOut)
      remarks.push_back(fmt::format("left out: column \"{}\": {}", column.name, column.why));
  if (table.dropped > 0)
    remarks.push_back(
        fmt::format("left out: {} that lack{} a value",
                    table.dropped == 1 ? "1 row" : fmt::format("{} rows", table.dropped),
                    table.dropped == 1 ? "s" : ""));
  return remarks;
}

Result<Source> read_csv(const fs::path& path, const DataSpec& spec) {
  const auto bytes = TRY(read_unpacked(path));
  TableSpec how = spec.table;
  how.label = spec.labels;
  auto table = TRY(parse_csv(as_text(bytes), how, path.string()));
  Source source{.shape = {table.width}, .remarks = remarks_of(table, how)};
  source.samples.inputs = std::move(table.inputs);
  source.samples.count = table.rows;
  source.columns = std::move(table.columns);
  TRY(add_labels(parse_labels(std::move(table.labels)),
                 fmt::format("{}: column \"{}\"", path.string(), table.label_column), table.rows,
                 source));
  return source;
}

Result<Source> read_single_array(const fs::path& path, const DataSpec& spec) {
  if (spec.labels.empty() && idx_labels(path) && idx_labels(path) != path) return read_idx(path);
  if (spec.labels.empty())
    return invalid(
        fmt::format("{}: holds inputs only; name the file of the labels (labels = "
                    "\"…\"), or name a folder with inputs.npy and labels.npy",
                    path.string()));
  Source source;
  TRY(add_files(path, spec.labels, source, source.samples));
  return source;
}

Result<Source> read_folder(const fs::path& path, const DataSpec& spec) {
  if (fs::exists(path / "inputs.npy")) return read_npy_folder(path);
  if (const auto images = TRY(idx_images(path))) return read_idx(*images);
  if (const auto cifar = find_cifar(path)) return read_cifar_folder(*cifar, spec);
  if (spec.task == Task::kRegression)
    return invalid(fmt::format("{}: a folder of images has classes, no values", path.string()));
  return read_image_folder(path, spec);
}

Result<Source> read_any(const DataSpec& spec) {
  fs::path path = spec.source;
  std::error_code ignored;
  if (fs::is_directory(path)) return read_folder(path, spec);
  if (!fs::exists(path))
    return not_found(fmt::format(
        "{}: no such file or folder{}, and no data set known by that name "
        "(digits, cifar10, cifar100, synthetic)",
        path.string(), path.is_relative() ? " in " + fs::current_path(ignored).string() : ""));
  const auto ending = ending_of(path);
  if (ending == ".csv" || ending == ".tsv") return read_csv(path, spec);
  if (ending == ".safetensors") return read_tensors(path, spec);
  if (ending == ".npy" || path.filename().string().find("idx") != std::string::npos)
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

std::string ending_of(const fs::path& path) {
  auto ending = lower(path.extension().string());
  return ending == ".gz" ? lower(path.stem().extension().string()) : ending;
}

Result<Array> read_array(const fs::path& path) {
  const auto bytes = TRY(read_unpacked(path));
  if (as_text(bytes).starts_with("\x93NUMPY") || ending_of(path) == ".npy")
    return parse_npy(bytes, path.string());
  return parse_idx(bytes, path.string());
}

Result<Source> read_own_data(const DataSpec& spec) {
  auto source = TRY(read_any(spec));
  TRY(finish_targets(spec.task, source));
  if (!source.samples.labels.empty() && source.classes < 2)
    return invalid(fmt::format("{}: all samples are of one class", spec.source));
  return source;
}

std::vector<std::string> left_out(const DataSpec& spec) try {
  constexpr std::uintmax_t kMostBytes = 64 << 20;
  const fs::path path = spec.source;
  std::vector<std::string> remarks;
  std::error_code code;
  if (fs::is_directory(path, code)) {
    if (fs::exists(path / "inputs.npy", code)) return {};
    const auto images = idx_images(path);
    const auto cifar = find_cifar(path);
    if (images.ok() && !*images && !cifar) remarks = images_left_out(path, spec.skip_damaged);
  } else if (const auto bytes = fs::file_size(path, code); !code && bytes <= kMostBytes) {
    const auto ending = ending_of(path);
    if (ending != ".csv" && ending != ".tsv") return {};
    if (auto source = read_csv(path, spec); source.ok()) remarks = std::move(source->remarks);
  }
  std::erase_if(remarks, [](const std::string& line) { return !line.starts_with("left out"); });
  return remarks;
} catch (const fs::filesystem_error&) {
  return {};
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
