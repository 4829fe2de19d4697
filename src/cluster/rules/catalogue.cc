#include "cluster/rules/catalogue.h"

#include <algorithm>

#include "cluster/baselines/batches.h"
#include "cluster/baselines/gpa.h"
#include "cluster/baselines/hrfs.h"
#include "cluster/baselines/rounds.h"
#include "cluster/baselines/simple.h"
#include "cluster/rules/auto.h"

namespace clavier::cluster::rules {

namespace {

template <typename T>
std::unique_ptr<RolloutRule> made() {
  return std::make_unique<T>();
}

constexpr Rule kAll[] = {
    {.name = "auto",
     .help = "finishes as early as unequal slots allow; trials change slots",
     .make = made<Auto>,
     .measures = true},
    {.name = "hrfs", .help = "baseline: the rule of the HRFS tuner", .make = made<Hrfs>},
    {.name = "era", .help = "baseline: shares by measured speed, shrinking", .make = made<Era>},
    {.name = "eta", .help = "baseline: shares by estimated time", .make = made<Eta>},
    {.name = "gpa", .help = "baseline: retires the weakest slots late", .make = made<Gpa>},
    {.name = "agnostic",
     .help = "baseline: least progress first, to any slot",
     .make = made<Agnostic>},
    {.name = "uniform-bundle",
     .help = "baseline: as agnostic, with one bundle of resources for all",
     .make = made<UniformBundle>},
    {.name = "first-fit",
     .help = "every trial to its end, in order, on the fastest free slot",
     .make = made<InOrder>,
     .plans = false},
    {.name = "max-min",
     .help = "baseline: in rounds, least work received to the fastest slot (Gavel)",
     .make = made<MaxMin>},
    {.name = "goodput",
     .help = "baseline: in rounds, most throughput, few moves (Pollux, Sia)",
     .make = made<Goodput>},
};

}  // namespace

std::span<const Rule> all() { return kAll; }

std::vector<std::string_view> names() {
  std::vector<std::string_view> names;
  for (const Rule& rule : kAll) names.push_back(rule.name);
  return names;
}

std::unique_ptr<RolloutRule> make(std::string_view name) {
  const auto* rule = std::ranges::find(kAll, name, &Rule::name);
  return rule == std::end(kAll) ? nullptr : rule->make();
}

}  // namespace clavier::cluster::rules
