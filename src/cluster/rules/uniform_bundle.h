#pragma once

#include "cluster/rules/agnostic.h"

namespace clavier::cluster::rules {

/// The agnostic rule where every trial asks for the same bundle of resources: slots that do not
/// carry it stay empty.
class UniformBundle : public Agnostic {
 public:
  void observe(const RolloutView& view, const Happening& happening) override;
};

}  // namespace clavier::cluster::rules
