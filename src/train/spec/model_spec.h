#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "study/config.h"
#include "train/spec/layer_spec.h"

namespace clavier::train {

/// A network by name with its options, or the user's own list of layers. One specification
/// generates every form of the network; it says nothing of the size of the input.
struct ModelSpec {
  std::string name = "net";  ///< One of `model_names`, or "layers".
  /// What the layers depend on by name; every one may be a parameter of the trial.
  Config options = {};
  Json layers = {};  ///< The list, for the user's own.
  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;
};

/// The built-in names, in the order of the documentation.
std::vector<std::string> model_names();

/// Models with their options, defaults and ranges.
Json describe_models();

/// What is wrong with a table: the dotted name of the key below [trainer], "data.validation", and
/// what is to be said. The name is empty where it is the table as a whole.
struct KeyProblem {
  std::string key;
  std::string message;
};
using KeyProblems = std::vector<KeyProblem>;

/// A name, or a table with `name` and options or with `layers` and the numbers they name. What is
/// wrong is added to `problems`.
ModelSpec read_model(const Json& json, KeyProblems& problems);
/// The same from text; fails with the first problem.
Result<ModelSpec> parse_model(std::string_view json);
Json to_json(const ModelSpec& spec);

/// Replaces one option after checking it. REQUIRES: the option exists.
Status set_option(ModelSpec& spec, std::string_view name, const Value& value);

/// The layers with every number filled in; `outputs` is the number of classes or targets.
Result<std::vector<LayerSpec>> layers_of(const ModelSpec& spec, std::int64_t outputs);

/// The probability of each dropout layer, in the order in which `infer_shapes` numbers them.
std::vector<double> dropout_of(const ModelSpec& spec);
/// Whether networks of both have the same parameters and do the same with them, but for the
/// probabilities of dropout.
bool same_structure(const ModelSpec& a, const ModelSpec& b);
/// Whether nothing but probabilities of dropout depends on this option.
bool only_drops(const ModelSpec& spec, std::string_view option);

}  // namespace clavier::train
