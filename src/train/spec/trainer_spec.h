#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "study/config.h"
#include "train/spec/model_spec.h"
#include "train/spec/schedule.h"

namespace clavier::train {

enum class OptimizerKind { kSgd, kAdam, kAdamW };
enum class LossKind { kCrossEntropy, kMse };
enum class StepUnit { kEpoch, kBatch };
enum class Precision { kFloat32, kFloat64 };
/// What a weight is drawn from and how fast it learns where the width changes.
enum class Parametrization {
  kStandard,  ///< As PyTorch's layers do by default.
  kMup,       ///< mup.h.
};

/// The [trainer] table of a study file with every default: one training run of one network on one
/// data set. Every key but `data` and `model` may come
/// from a trial's configuration by the same name instead.
struct TrainerSpec {
  ModelSpec model = {};
  Json data = Json("digits");  ///< A name or a table; read by data_table.h.

  std::int64_t epochs = 10;          ///< Length of the training and of its schedule.
  std::int64_t batches = 0;          ///< The same in batches, where `unit` is; 0: `epochs` counts.
  StepUnit unit = StepUnit::kEpoch;  ///< What a trial counts as a step.
  std::int64_t report_every = 1;     ///< Evaluated and reported at every multiple of it.
  std::int64_t batch_size = 32;
  std::int64_t eval_batch_size = 256;
  bool drop_last = false;  ///< Leave out the last, smaller batch of an epoch.

  double scale = 1;  ///< The model's widths are divided by it.
  Parametrization parametrization = Parametrization::kStandard;

  OptimizerKind optimizer = OptimizerKind::kSgd;
  double lr = 0.01;
  double momentum = 0.9;  ///< SGD.
  double dampening = 0;   ///< SGD.
  bool nesterov = false;  ///< SGD.
  double beta1 = 0.9;     ///< Adam, AdamW.
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;  ///< Added to the gradient; decoupled for AdamW.
  double clip_norm = 0;     ///< Largest norm of the whole gradient; 0: not clipped.

  Schedule schedule = {};  ///< Its `total` is `epochs`, or what `batches` are of the data.

  LossKind loss = LossKind::kCrossEntropy;
  double label_smoothing = 0;

  std::int64_t crop_padding = 0;  ///< Training images: shifted by up to so many pixels,
  bool flip = false;              ///< mirrored half of the time,
  std::int64_t cutout = 0;        ///< with a square of this edge blanked.
  std::int64_t image_size = 0;    ///< Images are resized to this edge; 0: as they are.

  std::string device = "auto";  ///< auto, cpu, cuda or cuda:N.
  Precision dtype = Precision::kFloat32;
  std::int64_t seed = 0;       ///< With the trial's number: initial weights and dropout.
  std::int64_t data_seed = 0;  ///< Order of the samples and augmentation, equal for all trials.

  friend bool operator==(const TrainerSpec&, const TrainerSpec&) = default;
};

/// Reads the table. Unknown keys are problems that suggest the nearest one; so are values outside
/// their range, which is named.
TrainerSpec read_trainer(const Json& json, KeyProblems& problems);
/// The same; fails with the first problem.
Result<TrainerSpec> read_trainer(const Json& json);
Result<TrainerSpec> parse_trainer(std::string_view json);

/// The specification of one trial: `config` replaces keys and model options by name.
Result<TrainerSpec> with_config(const TrainerSpec& spec, const Config& config);

/// Complete, every default included; `read_trainer` reads it back equal.
Json to_json(const TrainerSpec& spec);

/// Every name that a configuration may set, in the order of the documentation.
std::vector<std::string> parameters_used(const TrainerSpec& spec);

/// Whether two trials can be members of one array: they differ in nothing but what each member has
/// of its own.
bool fusible(const TrainerSpec& a, const TrainerSpec& b);
/// Those of `parameters_used` in which all members of an array agree.
std::vector<std::string> shared_parameters(const TrainerSpec& spec);

/// What `clavier-train --describe` prints: models with their options; parameters with type,
/// default, range and purpose, and whether members of one array may differ in them.
std::string describe_trainer();

}  // namespace clavier::train
