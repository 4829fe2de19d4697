#include "cli/trainer_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "base/nearest.h"
#include "study/domain.h"
#include "study/domain_values.h"
#include "study/text.h"
#include "train/data/install.h"
#include "train/spec/data_table.h"
#include "train/spec/keys.h"
#include "train/spec/mup.h"
#include "train/spec/trainer_spec.h"

// A trial takes one value per parameter, so each parameter is tried alone: what values do to each
// other is for the trials to find out. A model is tried with the middle of every range, which must
// fit, and then with each of its own parameters moved, where one value that does not fit costs
// single trials and is only told.

namespace clavier::cli {
namespace {

namespace fs = std::filesystem;
using train::TrainerSpec;

/// Own data up to so many bytes are read whole; reading takes about a second then.
constexpr std::uintmax_t kMostBytes = 16 << 20;

/// Values that show whether the trainer takes a parameter: all of a few, else some across it.
std::vector<Value> values_of(const Domain& domain) {
  constexpr std::int64_t kMostValues = 100;
  std::vector<Value> values;
  const bool drawn = std::holds_alternative<Grid>(domain) || value_at(domain, 0.5).has_value() ||
                     std::holds_alternative<Constant>(domain);
  const auto count = cardinality(domain);
  if (!drawn) return values;
  if (count && *count <= kMostValues) {
    for (std::int64_t i = 0; i < *count; ++i) values.push_back(nth_value(domain, i));
  } else {
    // Not the ends of reals: hardly any trial meets a rate of exactly 0, or the far end of a bell.
    for (const double unit : {0.5, 0.1234567, 0.7654321})
      if (const auto value = value_at(domain, unit)) values.push_back(*value);
    if (const auto* range = std::get_if<Integer>(&domain))
      values.insert(values.end(), {Value(range->low), Value(range->high)});
  }
  return values;
}

/// One key or option of the model; what the trainer does not know was refused before.
Status set(TrainerSpec& spec, const std::string& name, const Value& value) {
  if (spec.model.options.find(name)) return train::set_option(spec.model, name, value);
  train::KeyProblems wrong;
  if (find_field(train::keys(), name))
    train::read_key(train::keys(), "", name, text::json_of(value), spec, wrong);
  return wrong.empty() ? Status() : Status(invalid(wrong.front().message));
}

class Check {
 public:
  Check(const app::StudySpec& spec, const TrainerSpec& trainer) : spec_(spec), trainer_(trainer) {}

  TrainerCheck run() {
    metrics();
    parameters();
    if (found_.wrong.empty()) data();
    return std::move(found_);
  }

 private:
  bool searched(std::string_view name) const {
    return std::ranges::find(spec_.space.parameters, name, &Parameter::name) !=
           spec_.space.parameters.end();
  }

  void metrics() {
    std::vector<std::string> names = {"loss", "accuracy", "train_loss", "lr"};
    if (trainer_.loss == train::LossKind::kMse && !searched("loss")) std::erase(names, "accuracy");
    const std::string shown = fmt::format("{}", fmt::join(names, ", "));
    for (const char* of_work :
         {"time_train_s", "time_eval_s", "time_load_s", "time_save_s", "checkpoint_bytes"})
      names.emplace_back(of_work);
    const auto look = [&](const std::string& table, const std::string& key,
                          const std::string& metric) {
      if (std::ranges::find(names, metric) != names.end()) return;
      const std::string meant = meant_by(metric, names);
      found_.wrong.push_back(
          {fmt::format("{}.{}", table, key),
           fmt::format("the built-in trainer does not report \"{}\"; it reports {}{}", metric,
                       shown, meant.empty() ? "" : fmt::format("; did you mean \"{}\"?", meant))});
    };
    const bool several = spec_.objective.several();
    for (const Objective& each : spec_.objective.all())
      look("study", several ? "metrics" : "metric", each.metric);
    for (const Metric& rule : spec_.trial.stop.metrics) look("trial", "stop", rule.name);
    for (const Threshold& rule : spec_.trial.stop.thresholds) look("trial", "stop", rule.metric);
    if (!spec_.checkpoint.best_by.empty()) look("checkpoint", "best_by", spec_.checkpoint.best_by);
  }

  void parameters() {
    for (const Parameter& parameter : spec_.space.parameters)
      for (const Value& value : values_of(parameter.domain)) {
        TrainerSpec one = trainer_;
        const Status taken = set(one, parameter.name, value);
        if (taken.ok()) continue;
        const bool broken = value.as<double>() && std::holds_alternative<Real>(parameter.domain) &&
                            taken.error().message.find("whole number") != std::string::npos;
        found_.wrong.push_back(
            {"space." + parameter.name,
             taken.error().message + (broken ? ": draw it by int, logint, pow2 or choice" : "")});
        break;
      }
  }

  /// With the middle of every range.
  TrainerSpec typical() const {
    TrainerSpec spec = trainer_;
    for (const Parameter& parameter : spec_.space.parameters)
      if (const auto values = values_of(parameter.domain); !values.empty())
        (void)set(spec, parameter.name, value_at(parameter.domain, 0.5).value_or(values.front()));
    return spec;
  }

  void wrong_data(const std::string& message) { found_.wrong.push_back({"trainer.data", message}); }

  void data() {
    const TrainerSpec spec = typical();
    auto wanted = train::data_of(spec);
    if (!wanted.ok()) return;
    const bool generated = wanted->source == "synthetic";
    const bool known = train::data::find_known(wanted->source) != nullptr;
    find_beside(spec_, *wanted);
    if (!generated && !known && !small(wanted->source)) return;
    wanted->smoke = wanted->smoke || known || generated;  // Of the same shape, from nowhere.
    const auto loaded = train::data::load_dataset(*wanted, train::data::default_data_dir());
    if (!loaded.ok()) return wrong_data(loaded.error().message);
    if (known ? wanted->validation == 0 : loaded->validation.count == 0)
      return wrong_data(
          known || wanted->validation == 0
              ? "trainer.data.validation = 0 leaves nothing to compare trials on: all metrics but "
                "train_loss are of the validation part"
              : "the data are too few for a validation part, on which trials are compared");
    if (!searched("loss")) {
      const bool classes = loaded->classes > 0;
      if (classes && spec.loss == train::LossKind::kMse)
        return wrong_data(
            "the data have classes: trainer.loss must be \"cross_entropy\"; if their labels are "
            "values, set task = \"regression\" in trainer.data");
      if (!classes && spec.loss == train::LossKind::kCrossEntropy)
        return wrong_data(
            "the data have no classes: trainer.loss must be \"mse\"; if their labels are classes, "
            "set task = \"classification\" in trainer.data");
    }
    model(spec, *loaded);
  }

  void model(const TrainerSpec& spec, const train::data::Dataset& data) {
    const auto fits = [&](const TrainerSpec& one) -> Status {
      train::Shape shape{.sizes = data.shape};
      if (one.image_size > 0 && shape.image()) shape.sizes[1] = shape.sizes[2] = one.image_size;
      const std::int64_t outputs = std::max<std::int64_t>(data.classes, 1);
      const auto network = train::network_of(one, shape, outputs);
      return network.ok() ? Status() : Status(network.error());
    };
    if (const Status typical = fits(spec); !typical.ok()) {
      found_.wrong.push_back({"trainer.model", typical.error().message});
      return;
    }
    for (const Parameter& parameter : spec_.space.parameters) {
      const bool of_size = parameter.name == "image_size" || parameter.name == "scale";
      if (!spec.model.options.find(parameter.name) && !of_size) continue;
      for (const Value& value : values_of(parameter.domain)) {
        TrainerSpec one = spec;
        if (!set(one, parameter.name, value).ok()) continue;
        if (const Status there = fits(one); !there.ok()) {
          found_.notes.push_back({"space." + parameter.name,
                                  fmt::format("trials with {} = {} fail: {}", parameter.name,
                                              text::plain(value), there.error().message)});
          break;
        }
      }
    }
  }

  /// All below it, names and sizes alone.
  static bool small(const fs::path& path) {
    std::error_code code;
    if (!fs::is_directory(path, code)) {
      const auto bytes = fs::file_size(path, code);
      return !code && bytes <= kMostBytes;
    }
    std::uintmax_t bytes = 0, files = 0;
    for (fs::recursive_directory_iterator at(path, code), end; !code && at != end;
         at.increment(code)) {
      std::error_code ignored;
      if (at->is_regular_file(ignored)) bytes += at->file_size(ignored);
      if (bytes > kMostBytes || ++files > 2000) return false;
    }
    return !code;
  }

  const app::StudySpec& spec_;
  const TrainerSpec& trainer_;
  TrainerCheck found_;
};

}  // namespace

TrainerCheck check_trainer(const app::StudySpec& spec) {
  if (!spec.trainer) return {};
  const auto trainer = train::read_trainer(*spec.trainer);
  return trainer.ok() ? Check(spec, *trainer).run() : TrainerCheck();
}

train::KeyProblems check_device(const app::StudySpec& spec, std::size_t gpus) {
  if (!spec.trainer) return {};
  const auto trainer = train::read_trainer(*spec.trainer);
  if (!trainer.ok() || !trainer->device.starts_with("cuda")) return {};
  const auto wrong = [&](const std::string& why) {
    return train::KeyProblems{
        {"trainer.device", fmt::format("trainer.device is \"{}\", {}", trainer->device, why)}};
  };
  if (gpus == 0) return wrong("and this machine has no GPU: use \"auto\" or \"cpu\"");
  const bool declared = std::ranges::any_of(
      spec.cluster.slots, [](const app::SlotSpec& slot) { return slot.gpus.value_or(0) > 0; });
  if (spec.trial.resources.gpus == 0 && !declared)
    return wrong("and trials see no GPU: set [trial] gpus = 1, or use \"auto\"");
  return {};
}

void find_beside(const app::StudySpec& spec, train::data::DataSpec& data) {
  const auto beside_study = [&](std::string& path) {
    std::error_code ignored;
    if (const auto at = spec.working_directory / path; fs::exists(at, ignored)) path = at.string();
  };
  if (train::data::find_known(data.source) == nullptr) beside_study(data.source);
  if (!data.labels.empty()) beside_study(data.labels);
}

}  // namespace clavier::cli
