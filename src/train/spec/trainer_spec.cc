#include "train/spec/trainer_spec.h"

#include <fmt/format.h>

#include "base/nearest.h"
#include "study/text.h"
#include "train/spec/data_table.h"
#include "train/spec/keys.h"

namespace clavier::train {
namespace {

std::vector<std::string> table_keys() {
  std::vector<std::string> names = keys_of(keys());
  names.insert(names.begin(), {"model", "data"});
  return names;
}

/// What no single key can see.
void check_together(TrainerSpec& spec, KeyProblems& problems) {
  spec.schedule.total = static_cast<double>(spec.epochs);
  if (spec.batches > 0 && spec.unit != StepUnit::kBatch)
    problems.push_back({"batches", "trainer.batches needs unit = \"batch\""});
  if (spec.nesterov && spec.optimizer == OptimizerKind::kSgd &&
      (spec.momentum <= 0 || spec.dampening != 0))
    problems.push_back({"nesterov", "trainer.nesterov needs momentum > 0 and dampening = 0"});
  if (spec.label_smoothing > 0 && spec.loss != LossKind::kCrossEntropy)
    problems.push_back(
        {"label_smoothing", "trainer.label_smoothing needs loss = \"cross_entropy\""});
}

}  // namespace

TrainerSpec read_trainer(const Json& json, KeyProblems& problems) {
  TrainerSpec spec;
  const auto* table = json.as<Json::Table>();
  if (!table) return problems.push_back({"", "trainer must be a table"}), spec;
  const Json* model = json.find("model");
  spec.model = read_model(model ? *model : Json("net"), problems);
  const auto names = table_keys();
  for (const auto& [key, value] : *table) {
    if (key == "model") continue;
    if (key == "data") {
      spec.data = value;
      read_data(value, problems);
    } else if (find_field(keys(), key)) {
      read_key(keys(), "", key, value, spec, problems);
    } else {
      problems.push_back(
          {key, fmt::format("trainer has no key '{}'{}", key, suggestion(key, names))});
    }
  }
  if (problems.empty()) check_together(spec, problems);
  return spec;
}

Result<TrainerSpec> read_trainer(const Json& json) {
  KeyProblems problems;
  TrainerSpec spec = read_trainer(json, problems);
  if (!problems.empty()) return invalid(problems.front().message);
  return spec;
}

Result<TrainerSpec> parse_trainer(std::string_view json) {
  return read_trainer(TRY(Json::parse(json)));
}

Result<TrainerSpec> with_config(const TrainerSpec& base, const Config& config) {
  TrainerSpec spec = base;
  KeyProblems problems;
  for (const auto& [name, value] : config.entries()) {
    if (spec.model.options.find(name)) {
      TRY(set_option(spec.model, name, value));
    } else if (find_field(keys(), name)) {
      read_key(keys(), "", name, text::json_of(value), spec, problems);
    } else {
      return invalid(fmt::format("the trainer uses no parameter '{}'{}", name,
                                 suggestion(name, parameters_used(base))));
    }
  }
  if (problems.empty()) check_together(spec, problems);
  if (!problems.empty()) return invalid(problems.front().message);
  return spec;
}

Json to_json(const TrainerSpec& spec) {
  Json::Table json = {{"model", to_json(spec.model)}, {"data", spec.data}};
  for (const Key& key : keys()) json.push_back({std::string(key.key), key.write(spec)});
  return json;
}

std::vector<std::string> parameters_used(const TrainerSpec& spec) {
  std::vector<std::string> names;
  for (const Config::Entry& entry : spec.model.options.entries()) names.push_back(entry.name);
  for (const Key& key : keys())
    if (!spec.model.options.find(key.key)) names.emplace_back(key.key);
  return names;
}

bool fusible(const TrainerSpec& a, const TrainerSpec& b) {
  for (const Key& key : keys())
    if (!key.fusible && key.write(a) != key.write(b)) return false;
  return a.data == b.data && same_structure(a.model, b.model);
}

std::vector<std::string> shared_parameters(const TrainerSpec& spec) {
  std::vector<std::string> names;
  for (const std::string& name : parameters_used(spec)) {
    const Key* key = spec.model.options.find(name) ? nullptr : find_field(keys(), name);
    if (key ? !key->fusible : !only_drops(spec.model, name)) names.push_back(name);
  }
  return names;
}

std::string describe_trainer() {
  const TrainerSpec defaults;
  Json::List parameters;
  for (const Key& key : keys()) {
    TrainerSpec ignored;
    // What null is told to be is the range.
    const Fit range = key.read(key, Json(), ignored);
    parameters.push_back(Json::Table{{"name", key.key},
                                     {"default", key.write(defaults)},
                                     {"range", range->expected},
                                     {"help", key.help},
                                     {"fusible", key.fusible}});
  }
  return to_text(Json::Table{{"models", describe_models()}, {"parameters", std::move(parameters)}});
}

}  // namespace clavier::train
