#include "cli/data.h"

#include <fmt/format.h>

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
      "folder of images\nas `data` in the study file. Data folder: {}\n",
      data_dir.string());
}

std::string describe(const data::Dataset& set) {
  return fmt::format(
      "{}: {} numbers per sample, {}; {} training, {} validation and {} test samples", set.name,
      fmt::join(set.shape, " x "),
      set.classes > 0 ? fmt::format("{} classes", set.classes) : std::string("one target"),
      set.train.count, set.validation.count, set.test.count);
}

Status get(const DataOptions& options, const fs::path& data_dir, Streams& streams) {
  std::ostream& out = streams.out;
  const auto* known = data::find_known(options.name);
  if (known == nullptr && options.from)
    return invalid(
        fmt::format("--from is for digits, cifar10 and cifar100, not for {}", options.name));
  if (known != nullptr)
    TRY(data::install(*known, data_dir, options.from,
                      [&](std::string_view line) { streams.err << line << '\n'; }));
  auto set = TRY(data::load_dataset(
      {.source = options.name, .validation = options.validation, .seed = options.seed}, data_dir));
  out << fmt::format("{}\n", describe(set));
  if (known != nullptr) out << fmt::format("{}\n", (data_dir / known->folder).string());
  if (options.export_to) {
    TRY(data::export_dataset(set, *options.export_to));
    out << fmt::format("exported to {}\n", options.export_to->string());
  }
  return ok_status();
}

}  // namespace

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
