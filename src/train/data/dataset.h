#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace clavier::train::data {

/// Samples of one purpose, row after row without gaps.
struct Split {
  /// count × product(Dataset::shape) numbers, channels first: bytes of image files, or floats.
  std::variant<std::vector<std::uint8_t>, std::vector<float>> inputs = {};
  /// Class of each sample, in [0, classes); empty for regression.
  std::vector<std::int64_t> labels = {};
  /// Target of each sample; empty for classification.
  std::vector<float> targets = {};
  std::int64_t count = 0;

  bool bytes() const { return std::holds_alternative<std::vector<std::uint8_t>>(inputs); }
};

/// A column of a table of own data.
struct Column {
  enum class Kind { kNumber, kCategory, kLabel, kLeftOut };
  std::string name = {};  ///< From the header, else its number from 1.
  Kind kind = Kind::kNumber;
  /// Of kCategory: the texts for which there is an input that is 1 there and 0 elsewhere, sorted.
  std::vector<std::string> categories = {};
  float fill = 0;            ///< Of kNumber: what stands for a missing value.
  std::int64_t missing = 0;  ///< Rows without a value.
  std::string why = {};      ///< Of kLeftOut.

  bool used() const { return kind == Kind::kNumber || kind == Kind::kCategory; }
};

/// A data set in memory. Immutable once loaded; the three splits share no sample.
struct Dataset {
  std::string name;
  std::vector<std::int64_t> shape;  ///< Of one sample: {C, H, W}, or {D} for plain features.
  std::int64_t classes = 0;         ///< 0: regression with one target.
  std::vector<std::string> class_names = {};  ///< By class; empty if the source has none.

  /// A network sees (x * scale - mean[k]) / deviation[k], where k is the channel of an image or the
  /// position of a feature. Known constants (CIFAR) or those of the training split; never 0.
  float scale = 1;  ///< 1/255 for bytes.
  std::vector<float> mean = {};
  std::vector<float> deviation = {};
  /// Regression: a network predicts (target - mean) / deviation. Of the training split.
  double target_mean = 0;
  double target_deviation = 1;
  std::vector<Column> columns = {};       ///< Of a table, in its order; else empty.
  std::vector<std::string> remarks = {};  ///< What was taken for what and what was left out.

  Split train = {};
  Split validation = {};  ///< What trials are compared on.
  Split test = {};        ///< Never used for selection; may be empty for own data.
};

enum class Task {
  kAuto,  ///< Text and few whole numbers are classes, others regression targets (targets.h).
  kClassification,
  kRegression,
};

/// What becomes of a row of a table that lacks a value.
enum class Missing {
  kFill,    ///< A number: the mean of the training split; a category: none of them.
  kDrop,    ///< The row is left out.
  kRefuse,  ///< An error that names the row.
};

/// How a CSV file is to be read where the rules (csv.h) are to be overruled.
struct TableSpec {
  std::string label = {};                    ///< Name of the label column or its number from 1.
  std::optional<bool> header = {};           ///< None: found by rule.
  std::vector<std::string> ignore = {};      ///< Columns to leave out.
  std::vector<std::string> categories = {};  ///< Columns of numbers that are names.
  Missing missing = Missing::kFill;
};

enum class SyntheticKind {
  kPrototypes,  ///< One smooth prototype per class plus Gaussian noise.
  kTeacher,     ///< Smooth Gaussian inputs labelled by a fixed random network, some at random.
};

/// Data that can be learnt, with a known ceiling (`synthetic_ceiling` in synthetic.h).
struct SyntheticSpec {
  SyntheticKind kind = SyntheticKind::kPrototypes;
  std::vector<std::int64_t> shape = {3, 32, 32};
  std::int64_t classes = 10;  ///< 0: regression (teacher only).
  /// Prototypes: noise relative to half the distance of two prototypes; the error between two
  /// classes is Φ(-1/difficulty). Teacher: share of labels drawn at random; deviation of the noise
  /// on a target of variance 1.
  double difficulty = 0.3;
  std::int64_t train = 2000;
  std::int64_t validation = 500;
  std::int64_t test = 500;
};

/// What to load and how to split it.
struct DataSpec {
  /// "digits", "cifar10", "cifar100", "synthetic", or a path: a .npy, .safetensors, .csv or IDX
  /// file, a folder of such files, or a folder of images (docs in own_data.h).
  std::string source;
  /// Own data: the column of a CSV file, or the file of the labels of a .npy or IDX file.
  std::string labels = {};
  TableSpec table = {};  ///< But for its label, which `labels` is.
  Task task = Task::kAuto;
  bool standardise = true;    ///< Targets of a regression.
  bool skip_damaged = false;  ///< Leave damaged images out instead of refusing them.
  bool coarse = false;        ///< cifar100: the 20 super-classes instead of the 100 classes.
  bool download = false;      ///< Fetch a known data set that is not there yet.

  /// Height and width of images; none: as stored (digits: 32 × 32).
  std::optional<std::array<std::int64_t, 2>> resize = {};
  /// Part of the training data kept for validation, stratified by class and keyed by `seed`.
  double validation = 0.2;
  /// Part kept for the test where the source has no test data of its own. Independent of `seed`.
  double test = 0.2;
  /// At most so many training samples (stratified; a quarter as many in the other splits); 0: all.
  std::int64_t samples = 0;
  std::uint64_t seed = 0;  ///< The study's `data_seed`.

  SyntheticSpec synthetic = {};
  /// Replaces the samples by a few synthetic ones of the same shape, type and classes. Known data
  /// sets need not be on disk then.
  bool smoke = false;
};

/// Reads, checks, resizes and splits. A pure function of the specification and the files. Paths
/// that are not absolute are relative to the working directory; known data sets are looked for in
/// `data_dir`. Fails with the file and the byte (or line) that is wrong, and says how to get a data
/// set that is missing. May take a download (`download`), which is safe in any number of processes.
Result<Dataset> load_dataset(const DataSpec& spec, const std::filesystem::path& data_dir);

/// `--data-dir` if given, else $CLAVIER_DATA, else ~/.cache/clavier.
std::filesystem::path default_data_dir();

}  // namespace clavier::train::data
