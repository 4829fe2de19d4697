#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "train/data/dataset.h"

namespace clavier::train::data {

/// Labels as a file has them.
struct FileLabels {
  std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>> values;
  std::string origin;  ///< For messages.
};

/// A data set as its source has it, before splitting.
struct Source {
  std::vector<std::int64_t> shape;
  std::int64_t classes = 0;
  std::vector<std::string> class_names = {};
  float scale = 1;
  std::vector<float> mean = {};  ///< Known constants; empty: computed from the training split.
  std::vector<float> deviation = {};
  Split samples = {};  ///< Everything that the two below do not hold.
  std::optional<Split> validation = {};
  std::optional<Split> test = {};
  /// Of the splits that are there, in the order above, until `finish_targets` has made classes or
  /// targets of them.
  std::vector<FileLabels> labels = {};
  /// Of a table. Its inputs are then one per column used: a number, or the place of a category;
  /// NaN where there is none.
  std::vector<Column> columns = {};
  std::vector<std::string> remarks = {};

  std::vector<Split*> splits();
};

/// Two disjoint sets of positions that cover all, both ascending.
struct Partition {
  std::vector<std::int64_t> kept;
  std::vector<std::int64_t> taken;
};

/// Takes round(fraction × n) of n samples so that every class gives its share (largest remainders,
/// ties to the lower class) and keeps at least one. Which ones is a function of `key` and the
/// labels alone. Empty `labels` mean n samples of one class.
Partition stratified(std::int64_t n, std::span<const std::int64_t> labels, double fraction,
                     std::uint64_t key);

/// The samples at `positions`. REQUIRES: within the split.
Split take(const Split& split, std::int64_t sample_size, std::span<const std::int64_t> positions);
/// The same without a second copy in memory. REQUIRES: ascending.
void keep_only(Split& split, std::int64_t sample_size, std::span<const std::int64_t> positions);

/// Splits, limits and normalises. Refuses fractions outside [0, 1) and splits that would be empty.
Result<Dataset> split_source(Source source, const DataSpec& spec, std::string name);

}  // namespace clavier::train::data
