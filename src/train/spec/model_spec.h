#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  std::string layers = {};  ///< JSON list, for the user's own.
  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;
};

/// The built-in names, in the order of the documentation.
std::vector<std::string> model_names();

/// Models with their options, defaults and ranges, as JSON.
std::string describe_models();

/// `json`: a name, or a table with `name` and options or with `layers` and the numbers they name.
Result<ModelSpec> parse_model(std::string_view json);
std::string to_json(const ModelSpec& spec);

/// Replaces one option after checking it. REQUIRES: the option exists.
Status set_option(ModelSpec& spec, std::string_view name, const Value& value);

/// The layers with every number filled in; `outputs` is the number of classes or targets.
Result<std::vector<LayerSpec>> layers_of(const ModelSpec& spec, std::int64_t outputs);

}  // namespace clavier::train
