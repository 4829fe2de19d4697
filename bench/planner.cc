// bench planner: makespan over the lower bound for every planning rule, cluster, size and cost
// setting
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "cluster/reference_scenarios.h"
#include "cluster/rules/catalogue.h"

namespace {

using namespace clavier;
using namespace clavier::cluster;

constexpr int kDriftSeeds = 20;
constexpr int kRandomClusters = 500;

/// Infinite if the rule hangs.
double makespan(const Scenario& scenario, std::string_view rule) {
  const RolloutResult result = roll_out(scenario, *rules::make(rule));
  return result.hung ? std::numeric_limits<double>::infinity() : result.makespan;
}

/// Over the bound; where there is noise, the mean over its seeds.
double ratio(std::string_view cluster, int trials, Setting setting, std::string_view rule) {
  const int seeds = setting == Setting::kDrift ? kDriftSeeds : 1;
  double sum = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    const Scenario scenario =
        reference_scenario(cluster, trials, setting, static_cast<std::uint64_t>(seed));
    sum += makespan(scenario, rule) / bound_of(scenario);
  }
  return sum / seeds;
}

/// Null stands for a hang: JSON has no infinity.
nlohmann::json number(double value) {
  return std::isfinite(value) ? nlohmann::json(std::round(value * 1e4) / 1e4) : nlohmann::json();
}

/// Over the better of HRFS and the agnostic rule, the worst of 500 random clusters.
double worst_random(std::string_view rule, bool known) {
  double worst = 0;
  for (int seed = 0; seed < kRandomClusters; ++seed) {
    const Scenario scenario = random_scenario(static_cast<std::uint64_t>(seed), known);
    const double better = std::min(makespan(scenario, "hrfs"), makespan(scenario, "agnostic"));
    worst = std::max(worst, makespan(scenario, rule) / better);
  }
  return worst;
}

}  // namespace

int main() {
  nlohmann::json ratios, random, random_learned;
  fmt::print("{:9} {} {:>3}", "setting", "cluster", "N");
  for (const std::string_view rule : rules::names()) fmt::print(" {:>14}", rule);
  fmt::print("\n");
  for (const Setting setting :
       {Setting::kFree, Setting::kEval, Setting::kEvalMove, Setting::kDrift})
    for (const char* cluster : {"A", "B", "C", "D"})
      for (const int trials : {4, 8, 20, 50}) {
        fmt::print("{:9} {:7} {:3}", name_of(setting), cluster, trials);
        for (const std::string_view rule : rules::names()) {
          const double value = ratio(cluster, trials, setting, rule);
          ratios[cluster][std::to_string(trials)][std::string(name_of(setting))]
                [std::string(rule)] = number(value);
          fmt::print(" {:14.3f}", value);
        }
        fmt::print("\n");
      }
  for (const std::string_view rule : rules::names()) {
    random[std::string(rule)] = number(worst_random(rule, true));
    random_learned[std::string(rule)] = number(worst_random(rule, false));
    fmt::print(
        "worst of {} random clusters, over the better of hrfs and agnostic: {} {} known, {} "
        "learned\n",
        kRandomClusters, rule, random[std::string(rule)].dump(),
        random_learned[std::string(rule)].dump());
  }
  const nlohmann::json result = {
      {"ratios", ratios}, {"worst_random", random}, {"worst_random_learned", random_learned}};
  fmt::print("{}\n", result.dump());
}
