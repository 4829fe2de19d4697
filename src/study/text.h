#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "study/config.h"
#include "study/report.h"
#include "study/step.h"

/// The one encoding of the vocabulary as text: JSON, with NaN, Infinity and -Infinity as Python
/// writes them. No other file of `study` sees JSON. Every reader accepts any bytes and answers
/// with an error that names the offending place; every writer's output is read back equal.
/// Unknown fields are ignored, and no field of an input has the name of one of a fill: a store may
/// merge the two into one table and read each from it.
namespace clavier::text {

/// Reals always carry a point or an exponent.
void append(std::string& out, const Value& value);
std::string to_json(const Value& value);
/// A value as people write it: text without quotes, numbers shortest.
std::string plain(const Value& value);

/// Nested tables restored from dotted names: {"lr": 0.1, "optimizer": {"name": "sgd"}}. A table
/// stands where its first entry stood, so that entries of other tables may change places on reading
/// back; records (steps) therefore hold configurations with their dots.
std::string to_json(const Config& config);
/// Either form. At most 1000 parameters.
Result<Config> config_from_json(std::string_view json);
Result<Config> config_from_json(const Json& json);
Result<Value> value_from_json(std::string_view json);
Result<Value> value_from_json(const Json& json);
Json json_of(const Value& value);

/// {"loss": 0.5, "accuracy": 0.9}
std::string to_json(const std::vector<Metric>& metrics);
Result<std::vector<Metric>> metrics_from_json(std::string_view json);

std::string to_json(const Decision& decision);
Result<Decision> decision_from_json(std::string_view json);
Result<Decision> decision_from_json(const Json& json);
std::string to_json(const Checkpoint& checkpoint);
Result<Checkpoint> checkpoint_from_json(std::string_view json);
Result<Checkpoint> checkpoint_from_json(const Json& json);
std::string to_json(const Node& node);
Result<Node> node_from_json(std::string_view json);

/// The word that stands in the log's `kind` column: "report", "exited", "opened", "add_trial", …
std::string_view kind(const Input& input);
/// The input's content without its kind.
std::string to_json(const Input& input);
Result<Input> input_from_json(std::string_view kind, std::string_view json);
Result<Input> input_from_json(std::string_view kind, const Json& json);
/// Empty text for an empty fill.
std::string to_json(const Fill& fill);
Result<Fill> fill_from_json(std::string_view json);
Result<Fill> fill_from_json(const Json& json);

}  // namespace clavier::text
