#include "train/data/dataset.h"

#include <fmt/format.h>

#include <cstdlib>

#include "train/data/bytes.h"
#include "train/data/columns.h"
#include "train/data/install.h"
#include "train/data/own_data.h"
#include "train/data/records.h"
#include "train/data/synthetic.h"

namespace clavier::train::data {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::int64_t, 2> kDigitsSize = {32, 32};

std::optional<std::array<std::int64_t, 2>> size_of(const DataSpec& spec) {
  return spec.resize || spec.source != "digits" ? spec.resize : kDigitsSize;
}

/// Shape and classes of a known set, for which nothing need be on disk.
Result<Dataset> smoke_of_known(const KnownSet& set, const DataSpec& spec) {
  const bool digits = set.name == "digits";
  auto shape = set.shape;
  if (auto size = size_of(spec)) shape = {shape[0], (*size)[0], (*size)[1]};
  return smoke_dataset(spec.source, shape,
                       digits ? 10 : classes_of(record_kind(set.name, spec.coarse)), !digits,
                       spec.seed);
}

Result<Source> read_known(const KnownSet& set, const DataSpec& spec, const fs::path& data_dir) {
  if (spec.download)
    TRY(install(set, data_dir, std::nullopt,
                [](std::string_view line) { fmt::print(stderr, "{}\n", line); }));
  if (set.name == "digits") return read_digits(data_dir);
  return read_records(record_kind(set.name, spec.coarse), data_dir);
}

Result<Dataset> synthetic_of(const DataSpec& spec) {
  SyntheticSpec synthetic = spec.synthetic;
  if (spec.resize) {
    if (synthetic.shape.size() != 3)
      return invalid(
          fmt::format("resize needs images; samples have shape {}", shape_text(synthetic.shape)));
    synthetic.shape = {synthetic.shape[0], (*spec.resize)[0], (*spec.resize)[1]};
  }
  if (spec.samples > 0) {
    auto others = std::max<std::int64_t>(spec.samples / 4, 1);
    synthetic.train = std::min(synthetic.train, spec.samples);
    synthetic.validation = std::min(synthetic.validation, others);
    synthetic.test = std::min(synthetic.test, others);
  }
  if (spec.smoke)
    return smoke_dataset(spec.source, synthetic.shape, synthetic.classes, false, spec.seed);
  return synthetic_dataset(synthetic, spec.seed);
}

Result<Dataset> load_unguarded(const DataSpec& spec, const fs::path& data_dir) {
  if (spec.source == "synthetic") return synthetic_of(spec);
  const KnownSet* known = find_known(spec.source);
  if (known != nullptr && spec.smoke) return smoke_of_known(*known, spec);
  Source source =
      known != nullptr ? TRY(read_known(*known, spec, data_dir)) : TRY(read_own_data(spec));
  if (auto size = size_of(spec)) TRY(resize_source(source, *size));
  if (spec.smoke) {
    if (!source.columns.empty()) {
      std::vector<Split*> all = {&source.samples};
      source.shape = {learn_columns(source.columns, all)};
    }
    return smoke_dataset(spec.source, source.shape, source.classes, source.samples.bytes(),
                         spec.seed);
  }
  return split_source(std::move(source), spec, spec.source);
}

}  // namespace

Result<Dataset> load_dataset(const DataSpec& spec, const fs::path& data_dir) {
  try {
    return load_unguarded(spec, data_dir);
  } catch (const fs::filesystem_error& error) {
    return io_error(fmt::format("{}: {}", error.path1().string(), error.code().message()));
  } catch (const std::bad_alloc&) {
    return unavailable(fmt::format("{}: does not fit into memory; set samples", spec.source));
  }
}

fs::path default_data_dir() {
  if (const char* set = std::getenv("CLAVIER_DATA"); set != nullptr && *set != '\0') return set;
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : ".") / ".cache" / "clavier";
}

}  // namespace clavier::train::data
