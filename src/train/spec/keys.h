#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "study/value.h"
#include "train/spec/trainer_spec.h"

namespace clavier::train {

/// One plain key of the [trainer] table: the single place that knows its range and its meaning.
struct Key {
  std::string name;
  std::string range;  ///< For people: "> 0", "0 to 1", "sgd, adam, adamw".
  std::string help;
  bool fusible;  ///< Members of one array may differ in it.
  Value (*get)(const TrainerSpec&);
  /// Fails, naming key and range, and leaves the specification as it was.
  Status (*set)(const Key&, TrainerSpec&, const Value&);
};

/// In the order of the documentation.
const std::vector<Key>& keys();
const Key* find_key(std::string_view name);

}  // namespace clavier::train
