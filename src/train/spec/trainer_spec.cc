#include "train/spec/trainer_spec.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "study/text.h"
#include "train/spec/data_table.h"
#include "train/spec/keys.h"

namespace clavier::train {
namespace {

using Json = nlohmann::ordered_json;

std::vector<std::string> table_keys() {
  std::vector<std::string> names = {"model", "data"};
  for (const Key& key : keys()) names.push_back(key.name);
  return names;
}

/// What no single key can see.
Status check_together(TrainerSpec& spec) {
  spec.schedule.total = static_cast<double>(spec.epochs);
  if (spec.batches > 0 && spec.unit != StepUnit::kBatch)
    return invalid("trainer.batches needs unit = \"batch\"");
  if (spec.nesterov && spec.optimizer == OptimizerKind::kSgd &&
      (spec.momentum <= 0 || spec.dampening != 0))
    return invalid("trainer.nesterov needs momentum > 0 and dampening = 0");
  if (spec.label_smoothing > 0 && spec.loss != LossKind::kCrossEntropy)
    return invalid("trainer.label_smoothing needs loss = \"cross_entropy\"");
  return {};
}

Status set_plain(TrainerSpec& spec, const Key& key, const nlohmann::ordered_json& json) {
  if (json.is_object())
    return invalid(fmt::format("trainer.{} must be {}, not a table", key.name, key.range));
  return key.set(key, spec, TRY(text::value_from_json(json.dump())));
}

}  // namespace

Result<TrainerSpec> parse_trainer(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return invalid("trainer must be a table");
  TrainerSpec spec;
  spec.model = TRY(parse_model(json.contains("model") ? json["model"].dump() : "\"net\""));
  for (const auto& [name, entry] : json.items()) {
    if (name == "model") continue;
    if (name == "data") {
      spec.data = entry.dump();
      const auto data = parse_data(spec.data);
      if (!data.ok()) return data.error();
      continue;
    }
    const Key* key = find_key(name);
    if (!key)
      return invalid(
          fmt::format("trainer has no key '{}'{}", name, suggestion(name, table_keys())));
    const Status status = set_plain(spec, *key, entry);
    if (!status.ok()) return status.error();
  }
  const Status status = check_together(spec);
  if (!status.ok()) return status.error();
  return spec;
}

Result<TrainerSpec> with_config(const TrainerSpec& base, const Config& config) {
  TrainerSpec spec = base;
  for (const auto& [name, value] : config.entries()) {
    Status status;
    if (spec.model.options.find(name)) {
      status = set_option(spec.model, name, value);
    } else if (const Key* key = find_key(name)) {
      status = key->set(*key, spec, value);
    } else {
      return invalid(fmt::format("the trainer uses no parameter '{}'{}", name,
                                 suggestion(name, parameters_used(base))));
    }
    if (!status.ok()) return status.error();
  }
  const Status status = check_together(spec);
  if (!status.ok()) return status.error();
  return spec;
}

std::string to_json(const TrainerSpec& spec) {
  Json json;
  json["model"] = Json::parse(to_json(spec.model));
  json["data"] = Json::parse(spec.data);
  for (const Key& key : keys()) json[key.name] = Json::parse(text::to_json(key.get(spec)));
  return json.dump();
}

std::vector<std::string> parameters_used(const TrainerSpec& spec) {
  std::vector<std::string> names;
  for (const Config::Entry& entry : spec.model.options.entries()) names.push_back(entry.name);
  for (const Key& key : keys())
    if (!spec.model.options.find(key.name)) names.push_back(key.name);
  return names;
}

std::string describe_trainer() {
  const TrainerSpec defaults;
  Json json = {{"models", Json::parse(describe_models())}, {"parameters", Json::array()}};
  for (const Key& key : keys())
    json["parameters"].push_back({{"name", key.name},
                                  {"default", Json::parse(text::to_json(key.get(defaults)))},
                                  {"range", key.range},
                                  {"help", key.help},
                                  {"fusible", key.fusible}});
  return json.dump();
}

}  // namespace clavier::train
