#include "cli/data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ostream>

#include "train/data/dataset.h"
#include "train/data/export.h"
#include "train/data/install.h"

namespace clavier::cli {
namespace {

namespace data = train::data;
namespace fs = std::filesystem;

std::string size_text(std::uint64_t bytes) {
  return bytes < 10'000'000 ? fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6)
                            : fmt::format("{} MB", (bytes + 500'000) / 1'000'000);
}

std::string state_text(const data::KnownSet& set, const fs::path& data_dir) {
  if (!data::missing_file(set, data_dir)) return "ready";
  return fs::exists(data_dir / set.folder) ? "incomplete" : "not here";
}

void list(const fs::path& data_dir, std::ostream& out) {
  out << fmt::format("{:<9} {:<10} {:>7}  {}\n", "name", "state", "size", "content");
  for (const auto& set : data::known_sets()) {
    std::uint64_t bytes = 0;
    for (const auto& file : set.files) bytes += file.bytes;
    auto state = state_text(set, data_dir);
    out << fmt::format("{:<9} {:<10} {:>7}  {}\n", set.name, state, size_text(bytes),
                       set.description);
    if (state == "ready")
      out << fmt::format("{:<9} {}\n", "", (data_dir / set.folder).string());
    else
      out << fmt::format(
          "{:<9} get it with: clavier data {}{}\n", "", set.name,
          set.archive_bytes > 0 ? fmt::format(" ({} to fetch)", size_text(set.archive_bytes)) : "");
  }
  out << fmt::format(
      "{:<9} {:<10} {:>7}  images or features made on the spot, with a known ceiling\n",
      "synthetic", "ready", "");
  out << fmt::format(
      "\nOwn data need no command: name the .npy, .safetensors, .csv or IDX file or the "
      "folder of images\nas `data` in the study file. `clavier data FILE` says what they are "
      "taken for. Data folder: {}\n",
      data_dir.string());
}

constexpr std::size_t kMostShown = 20;  ///< Columns, categories, classes.

std::string describe(const data::Dataset& set) {
  return fmt::format(
      "{}: {} numbers per sample, {}; {} training, {} validation and {} test samples", set.name,
      fmt::join(set.shape, " x "),
      set.classes > 0 ? fmt::format("{} classes", set.classes) : std::string("one target"),
      set.train.count, set.validation.count, set.test.count);
}

/// The first of many, and how many more there are.
std::string first_of(const std::vector<std::string>& all, std::string_view separator) {
  const auto shown = std::min(all.size(), kMostShown);
  auto text = fmt::format(
      "{}", fmt::join(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(shown), separator));
  if (shown < all.size()) text += fmt::format("{}and {} more", separator, all.size() - shown);
  return text;
}

std::string describe(const data::Column& column) {
  std::string text = fmt::format("  \"{}\": ", column.name);
  switch (column.kind) {
    case data::Column::Kind::kNumber: text += "numbers"; break;
    case data::Column::Kind::kCategory:
      text += fmt::format("{} categories: {}", column.categories.size(),
                          first_of(column.categories, ", "));
      break;
    case data::Column::Kind::kLabel: text += "the labels"; break;
    case data::Column::Kind::kLeftOut: return text + "left out: " + column.why;
  }
  if (column.missing > 0) text += fmt::format("; {} missing", column.missing);
  return text;
}

/// What was taken for what, a line each.
std::vector<std::string> details(const data::Dataset& set) {
  std::vector<std::string> lines = set.remarks;
  if (!set.columns.empty()) {
    std::vector<std::string> columns;
    for (const data::Column& column : set.columns) columns.push_back(describe(column));
    lines.push_back(fmt::format("columns:\n{}", first_of(columns, "\n")));
  }
  std::vector<std::int64_t> counts(static_cast<std::size_t>(set.classes));
  for (const data::Split* split : {&set.train, &set.validation, &set.test})
    for (const std::int64_t label : split->labels) ++counts[static_cast<std::size_t>(label)];
  std::vector<std::string> classes;
  for (std::size_t i = 0; i < counts.size(); ++i)
    classes.push_back(fmt::format(
        "{} ({})", set.class_names.empty() ? fmt::format("{}", i) : set.class_names[i], counts[i]));
  if (!classes.empty()) lines.push_back(fmt::format("classes: {}", first_of(classes, ", ")));
  if (set.classes == 0 && set.target_deviation != 1)
    lines.push_back(
        fmt::format("targets: mean {:.4g}, deviation {:.4g}; standardised, values are "
                    "reported in their own unit",
                    set.target_mean, set.target_deviation));
  lines.push_back(fmt::format("normalised: every {} by its mean and deviation",
                              set.shape.size() == 3 ? "channel" : "number"));
  return lines;
}

data::DataSpec spec_of(const DataOptions& options) {
  data::DataSpec spec{.source = options.name, .labels = options.labels};
  spec.table.header = options.header;
  spec.table.ignore = options.ignore;
  spec.table.categories = options.categories;
  spec.table.missing = options.missing == "drop"     ? data::Missing::kDrop
                       : options.missing == "refuse" ? data::Missing::kRefuse
                                                     : data::Missing::kFill;
  spec.task = options.task == "classification" ? data::Task::kClassification
              : options.task == "regression"   ? data::Task::kRegression
                                               : data::Task::kAuto;
  spec.skip_damaged = options.skip_damaged;
  if (options.image_size > 0) spec.resize = {{options.image_size, options.image_size}};
  spec.validation = options.validation;
  spec.seed = options.seed;
  return spec;
}

Status get(const DataOptions& options, const fs::path& data_dir, Streams& streams) {
  std::ostream& out = streams.out;
  const auto* known = data::find_known(options.name);
  TRY(check_words(options));
  if (known != nullptr)
    TRY(data::install(*known, data_dir, options.from,
                      [&](std::string_view line) { streams.err << line << '\n'; }));
  auto set = TRY(data::load_dataset(spec_of(options), data_dir));
  out << describe(set) << '\n';
  if (known == nullptr)
    for (const std::string& line : details(set)) out << line << '\n';
  if (known != nullptr) out << fmt::format("{}\n", (data_dir / known->folder).string());
  if (options.export_to) {
    TRY(data::export_dataset(set, *options.export_to));
    out << fmt::format("exported to {}\n", options.export_to->string());
  }
  return ok_status();
}

}  // namespace

Status check_words(const DataOptions& options) {
  if (!options.from || data::find_known(options.name)) return {};
  return invalid(
      fmt::format("--from is for digits, cifar10 and cifar100, not for {}", options.name));
}

int run_data(const DataOptions& options, Streams& streams) {
  auto data_dir = options.data_dir.empty() ? data::default_data_dir() : options.data_dir;
  if (options.name.empty()) {
    list(data_dir, streams.out);
    return kSuccess;
  }
  const Status status = get(options, data_dir, streams);
  return status.ok() ? kSuccess : fail(streams, status.error());
}

}  // namespace clavier::cli
