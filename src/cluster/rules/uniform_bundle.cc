#include "cluster/rules/uniform_bundle.h"

namespace clavier::cluster::rules {

void UniformBundle::observe(const RolloutView& view, const Happening& happening) {
  if (view.slots[static_cast<std::size_t>(happening.slot)].bundle)
    Agnostic::observe(view, happening);
}

}  // namespace clavier::cluster::rules
