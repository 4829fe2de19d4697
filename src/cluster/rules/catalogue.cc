#include "cluster/rules/catalogue.h"

#include "cluster/rules/agnostic.h"
#include "cluster/rules/auto.h"
#include "cluster/rules/batches.h"
#include "cluster/rules/gpa.h"
#include "cluster/rules/hrfs.h"
#include "cluster/rules/in_order.h"
#include "cluster/rules/rounds.h"
#include "cluster/rules/uniform_bundle.h"

namespace clavier::cluster::rules {

std::span<const std::string_view> names() {
  static constexpr std::string_view kNames[] = {
      "auto",     "hrfs",           "era",       "eta",     "gpa",
      "agnostic", "uniform-bundle", "first-fit", "max-min", "goodput"};
  return kNames;
}

std::unique_ptr<RolloutRule> make(std::string_view name) {
  if (name == "auto") return std::make_unique<Auto>();
  if (name == "hrfs") return std::make_unique<Hrfs>();
  if (name == "era") return std::make_unique<Era>();
  if (name == "eta") return std::make_unique<Eta>();
  if (name == "gpa") return std::make_unique<Gpa>();
  if (name == "agnostic") return std::make_unique<Agnostic>();
  if (name == "uniform-bundle") return std::make_unique<UniformBundle>();
  if (name == "first-fit") return std::make_unique<InOrder>();
  if (name == "max-min") return std::make_unique<MaxMin>();
  if (name == "goodput") return std::make_unique<Goodput>();
  return nullptr;
}

}  // namespace clavier::cluster::rules
