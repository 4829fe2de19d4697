#include "train/data/own_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>

#include "train/data/bytes.h"
#include "train/data/cifar_pickle.h"
#include "train/data/csv.h"
#include "train/data/gzip.h"
#include "train/data/idx.h"
#include "train/data/install.h"
#include "train/data/npy.h"
#include "train/data/records.h"
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
  const auto kind = record_kind(found.set->name, spec.coarse);
  return found.pickled.empty() ? read_records(kind, found.parent)
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

/// `origins` are the files of its parts: the training data, then whichever others there are.
Result<Source> source_of(Table table, const TableSpec& how, const std::vector<fs::path>& origins) {
  Source source{.shape = {table.width}, .remarks = remarks_of(table, how)};
  source.samples.inputs = std::move(table.inputs);
  source.samples.count = table.rows;
  source.columns = std::move(table.columns);
  auto label = table.labels.begin();
  for (std::size_t i = 0; i < origins.size(); ++i) {
    const auto end = label + table.parts[i];
    TRY(add_labels(parse_labels({std::move_iterator(label), std::move_iterator(end)}),
                   fmt::format("{}: column \"{}\"", origins[i].string(), table.label_column),
                   table.parts[i], source));
    label = end;
  }
  return source;
}

Result<Source> read_csv(const fs::path& path, const DataSpec& spec) {
  const auto bytes = TRY(read_unpacked(path));
  TableSpec how = spec.table;
  how.label = spec.labels;
  return source_of(TRY(parse_csv(as_text(bytes), how, path.string())), how, {path});
}

/// Tables for the parts of the data, in one folder.
struct Tables {
  fs::path train;
  std::optional<fs::path> validation = {};
  std::optional<fs::path> test = {};
};

Result<std::optional<fs::path>> table_named(const fs::path& folder,
                                            std::span<const std::string_view> names) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto ending = ending_of(entry.path());
    const auto name = lower(entry.path().filename().string());
    const auto stem = name.substr(0, name.rfind(ending));
    if (entry.is_regular_file() && (ending == ".csv" || ending == ".tsv") &&
        std::ranges::find(names, stem) != names.end())
      found.push_back(entry.path());
  }
  std::ranges::sort(found);
  if (found.size() > 1)
    return invalid(fmt::format("{}: {} and {} stand for the same part of the data; leave one",
                               folder.string(), found[0].filename().string(),
                               found[1].filename().string()));
  return found.empty() ? std::optional<fs::path>() : std::optional(found[0]);
}

/// Beside folders of images a train.csv holds their labels, and is no table of its own.
Result<std::optional<Tables>> find_tables(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && !of_file_system(entry.path())) return std::optional<Tables>();
  const auto train = TRY(table_named(folder, kTrainNames));
  if (!train) return std::optional<Tables>();
  auto validation = TRY(table_named(folder, kValidationNames));
  auto test = TRY(table_named(folder, kTestNames));
  return std::optional(Tables{*train, std::move(validation), std::move(test)});
}

std::string_view first_line(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text.substr(0, text.find_first_of("\r\n"));
}

/// All parts as one table, so that columns, categories and classes are those of all of them.
Result<Source> read_tables(const Tables& tables, const DataSpec& spec) {
  TableSpec how = spec.table;
  how.label = spec.labels;
  const auto bytes = TRY(read_unpacked(tables.train));
  const auto alone = TRY(parse_csv(as_text(bytes), how, tables.train.string()));
  how.header = alone.header;
  std::string text(as_text(bytes));
  std::vector<fs::path> origins = {tables.train};
  std::vector<std::size_t> begins;
  std::vector<std::string> remarks;
  const auto add_part = [&](const std::optional<fs::path>& path, bool needed) -> Result<bool> {
    if (!path) return false;
    const auto part = TRY(read_unpacked(*path));
    std::string_view rows = as_text(part);
    const std::string_view header = first_line(rows);
    if (alone.header && header != first_line(as_text(bytes))) {
      const auto other = fmt::format("{} has other columns than {}", path->string(),
                                     tables.train.filename().string());
      if (needed) return invalid(other);
      // As in competitions, whose test tables have no labels.
      remarks.push_back("left out: " + other);
      return false;
    }
    TRY(parse_csv(rows, how, path->string()));  // What is wrong in it is told with its place.
    // In the middle of a text a byte order mark would be part of the first field.
    rows.remove_prefix(static_cast<std::size_t>(header.data() - rows.data()) +
                       (alone.header ? header.size() : 0));
    text += '\n';
    begins.push_back(text.size());
    text += rows;
    origins.push_back(*path);
    return true;
  };
  const bool validation = TRY(add_part(tables.validation, true));
  const bool test = TRY(add_part(tables.test, false));
  auto table = TRY(parse_csv(text, how, tables.train.parent_path().string(), begins));
  const auto parts = table.parts;
  const std::int64_t width = table.width;
  how.header = spec.table.header;
  Source source = TRY(source_of(std::move(table), how, origins));
  std::int64_t first = parts[0];
  const auto cut = [&](std::int64_t count) {
    std::vector<std::int64_t> positions(static_cast<std::size_t>(count));
    std::iota(positions.begin(), positions.end(), first);
    first += count;
    return take(source.samples, width, positions);
  };
  if (validation) source.validation = cut(parts[1]);
  if (test) source.test = cut(parts.back());
  std::vector<std::int64_t> kept(static_cast<std::size_t>(parts[0]));
  std::iota(kept.begin(), kept.end(), 0);
  keep_only(source.samples, width, kept);
  source.remarks.insert(source.remarks.end(), remarks.begin(), remarks.end());
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
  if (const auto tables = TRY(find_tables(path))) return read_tables(*tables, spec);
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
    const auto tables = find_tables(path);
    if (tables.ok() && *tables) {
      std::uintmax_t bytes = 0;
      for (const auto& each :
           {std::optional((*tables)->train), (*tables)->validation, (*tables)->test})
        if (each) bytes += fs::file_size(*each, code);
      if (bytes > kMostBytes) return {};
      if (auto source = read_tables(**tables, spec); source.ok())
        remarks = std::move(source->remarks);
    } else if (images.ok() && !*images && !cifar) {
      remarks = images_left_out(path, spec.skip_damaged);
    }
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
