#include "train/spec/data_table.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "train/spec/trainer_spec.h"

namespace clavier::train {
namespace {

using Json = nlohmann::json;
using data::DataSpec;
using data::SyntheticKind;
using data::Task;

constexpr std::int64_t kMany = std::int64_t{1} << 40;

Error refuse(const std::string& key, std::string_view range, const Json& json) {
  return invalid(fmt::format("trainer.data.{} must be {}, but is {}", key, range, json.dump()));
}

Result<std::string> text(const std::string& key, const Json& json) {
  if (!json.is_string() || json.get<std::string>().empty()) return refuse(key, "text", json);
  return json.get<std::string>();
}

Result<bool> truth(const std::string& key, const Json& json) {
  if (!json.is_boolean()) return refuse(key, "true or false", json);
  return json.get<bool>();
}

Result<std::int64_t> whole(const std::string& key, const Json& json, std::int64_t low) {
  const double number = json.is_number() ? json.get<double>() : std::nan("");
  if (!(number >= static_cast<double>(low) && number <= static_cast<double>(kMany)) ||
      number != std::floor(number))
    return refuse(key, fmt::format("a whole number ≥ {}", low), json);
  return static_cast<std::int64_t>(number);
}

Result<double> part(const std::string& key, const Json& json) {
  const double number = json.is_number() ? json.get<double>() : std::nan("");
  if (!(number >= 0 && number < 1)) return refuse(key, "at least 0 and below 1", json);
  return number;
}

Result<std::vector<std::string>> texts(const std::string& key, const Json& json) {
  if (!json.is_array()) return refuse(key, "a list of names of columns", json);
  std::vector<std::string> result;
  for (const Json& entry : json) result.push_back(TRY(text(key, entry)));
  return result;
}

/// The place of a word in a list.
Result<int> choice(const std::string& key, const Json& json,
                   const std::vector<std::string>& words) {
  for (std::size_t i = 0; json.is_string() && i < words.size(); ++i)
    if (json.get<std::string>() == words[i]) return static_cast<int>(i);
  return refuse(key, fmt::format("one of {}", fmt::join(words, ", ")), json);
}

Result<std::vector<std::int64_t>> sizes(const std::string& key, const Json& json) {
  std::vector<std::int64_t> result;
  if (!json.is_array() || (json.size() != 1 && json.size() != 3))
    return refuse(key, "[features] or [channels, height, width]", json);
  for (const Json& entry : json) result.push_back(TRY(whole(key, entry, 1)));
  return result;
}

Status set_synthetic(data::SyntheticSpec& spec, const std::string& key, const Json& json) {
  const std::string name = key.substr(key.find('.') + 1);
  if (name == "kind") {
    spec.kind = static_cast<SyntheticKind>(TRY(choice(key, json, {"prototypes", "teacher"})));
  } else if (name == "shape") {
    spec.shape = TRY(sizes(key, json));
  } else if (name == "classes") {
    spec.classes = TRY(whole(key, json, 0));
  } else if (name == "difficulty") {
    if (!json.is_number() || json.get<double>() < 0) return refuse(key, "≥ 0", json);
    spec.difficulty = json.get<double>();
  } else {
    std::int64_t& count = name == "train"        ? spec.train
                          : name == "validation" ? spec.validation
                                                 : spec.test;
    count = TRY(whole(key, json, 1));
  }
  return {};
}

const std::vector<std::string> kSyntheticKeys = {"kind",  "shape",      "classes", "difficulty",
                                                 "train", "validation", "test"};

Status synthetic(DataSpec& spec, const Json& json) {
  if (!json.is_object()) return refuse("synthetic", "a table", json);
  for (const auto& [key, entry] : json.items()) {
    if (std::find(kSyntheticKeys.begin(), kSyntheticKeys.end(), key) == kSyntheticKeys.end())
      return invalid(fmt::format("trainer.data.synthetic has no key '{}'{}", key,
                                 suggestion(key, kSyntheticKeys)));
    const Status status = set_synthetic(spec.synthetic, "synthetic." + key, entry);
    if (!status.ok()) return status;
  }
  return {};
}

const std::vector<std::string> kKeys = {"source",   "labels",      "task",         "coarse",
                                        "download", "validation",  "test",         "samples",
                                        "smoke",    "header",      "ignore",       "categories",
                                        "missing",  "standardise", "skip_damaged", "synthetic"};

/// Keys of own data.
Status set_own(DataSpec& spec, const std::string& key, const Json& json) {
  if (key == "labels") {
    // A column may be named by its number.
    spec.labels = json.is_number_unsigned() ? json.dump() : TRY(text(key, json));
  } else if (key == "task") {
    spec.task = static_cast<Task>(TRY(choice(key, json, {"auto", "classification", "regression"})));
  } else if (key == "header") {
    spec.table.header = TRY(truth(key, json));
  } else if (key == "ignore") {
    spec.table.ignore = TRY(texts(key, json));
  } else if (key == "categories") {
    spec.table.categories = TRY(texts(key, json));
  } else if (key == "missing") {
    spec.table.missing =
        static_cast<data::Missing>(TRY(choice(key, json, {"fill", "drop", "refuse"})));
  } else if (key == "standardise") {
    spec.standardise = TRY(truth(key, json));
  } else if (key == "skip_damaged") {
    spec.skip_damaged = TRY(truth(key, json));
  } else {
    return invalid(fmt::format("trainer.data has no key '{}'{}", key, suggestion(key, kKeys)));
  }
  return {};
}

Status set(DataSpec& spec, const std::string& key, const Json& json) {
  if (key == "source") {
    spec.source = TRY(text(key, json));
  } else if (key == "coarse") {
    spec.coarse = TRY(truth(key, json));
  } else if (key == "download") {
    spec.download = TRY(truth(key, json));
  } else if (key == "validation") {
    spec.validation = TRY(part(key, json));
  } else if (key == "test") {
    spec.test = TRY(part(key, json));
  } else if (key == "samples") {
    spec.samples = TRY(whole(key, json, 0));
  } else if (key == "smoke") {
    spec.smoke = TRY(truth(key, json));
  } else if (key == "synthetic") {
    return synthetic(spec, json);
  } else {
    return set_own(spec, key, json);
  }
  return {};
}

}  // namespace

Result<DataSpec> parse_data(std::string_view json) {
  const Json parsed = Json::parse(json, nullptr, false);
  DataSpec spec;
  if (parsed.is_string()) {
    spec.source = parsed.get<std::string>();
  } else if (parsed.is_object()) {
    for (const auto& [key, entry] : parsed.items()) {
      const Status status = set(spec, key, entry);
      if (!status.ok()) return status.error();
    }
  } else {
    return invalid("trainer.data must be a name or a table");
  }
  if (spec.source.empty()) return invalid("trainer.data needs a source, such as \"digits\"");
  return spec;
}

Result<DataSpec> data_of(const TrainerSpec& spec) {
  DataSpec data = TRY(parse_data(spec.data));
  if (spec.image_size > 0) data.resize = {{spec.image_size, spec.image_size}};
  data.seed = static_cast<std::uint64_t>(spec.data_seed);
  // Who minimises a squared error predicts values, whatever they look like.
  if (spec.loss == LossKind::kMse && data.task == Task::kAuto) data.task = Task::kRegression;
  return data;
}

}  // namespace clavier::train
