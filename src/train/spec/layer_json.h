#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "study/value.h"
#include "train/spec/layer_spec.h"

namespace clavier::train {

/// Looks up a number that a layer names; null if there is none by that name.
using LookUp = std::function<const Value*(std::string_view name)>;

/// Reads a list of layers: `["relu", {"linear": 64}, {"conv2d": "channels", "kernel": 3}, …]`.
/// A number may be given by name. Fails naming the layer's place in the list and the key.
Result<std::vector<LayerSpec>> layers_from_json(const Json& json, const LookUp& look_up);

}  // namespace clavier::train
