#include "tests/support/reference_scenarios.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/rng.h"

namespace clavier::cluster {
namespace {

constexpr Steps kTarget = 1000;

void add_trials(Scenario& scenario, int trials) {
  scenario.trials.assign(static_cast<std::size_t>(trials), RolloutTrial{.target = kTarget});
}

RolloutSlot known_slot(double rate, bool bundle = true) {
  return {.rate = rate, .assumed = rate, .bundle = bundle};
}

std::vector<double> random_rates(Rng& rng, std::size_t count) {
  std::vector<double> rates(count);
  for (double& rate : rates) rate = std::exp2(5 * rng.uniform());
  return rates;
}

}  // namespace

std::vector<RolloutSlot> reference_slots(std::string_view cluster) {
  std::vector<RolloutSlot> slots;
  if (cluster == "A")
    for (const double cores : {320, 20, 16, 12, 12, 11, 4, 4, 4})
      slots.push_back(known_slot(cores / 16, cores == 320));
  if (cluster == "B") slots.assign(8, known_slot(2));
  if (cluster == "C")
    for (const double seconds : {2, 4, 8, 8}) slots.push_back(known_slot(1 / seconds));
  if (cluster == "D")
    for (int slot = 0; slot < 9; ++slot) slots.push_back(known_slot(slot == 0 ? 50 : 1, slot == 0));
  CHECK(!slots.empty(), "no such reference cluster");
  return slots;
}

std::string_view name_of(Setting setting) {
  switch (setting) {
    case Setting::kFree: return "free";
    case Setting::kEval: return "eval";
    case Setting::kEvalMove: return "eval+move";
    case Setting::kDrift: return "drift";
  }
  return "";
}

Scenario reference_scenario(std::string_view cluster, int trials, Setting setting,
                            std::uint64_t seed) {
  Scenario scenario{.slots = reference_slots(cluster), .seed = seed};
  add_trials(scenario, trials);
  if (setting == Setting::kEval || setting == Setting::kEvalMove) scenario.costs.evaluation = 6.5;
  if (setting == Setting::kEvalMove) scenario.costs.move_seconds = 2;
  if (setting == Setting::kDrift) {
    const double rate = scenario.slots.front().rate.at(0);
    const double bound = bound_of(scenario);
    scenario.slots.front().rate = Rate({{0, rate}, {bound / 4, rate / 5}});
    scenario.noise = 0.1;
  }
  return scenario;
}

std::vector<Scenario> stop_scenarios() {
  std::vector<Scenario> scenarios;
  for (const std::size_t slots : {2, 4, 8, 16})
    for (const int trials : {2, 4, 8, 20, 50})
      for (std::uint64_t seed = 0; seed < 40; ++seed) {
        Rng rng = Rng::keyed(seed, slots, trials);
        Scenario scenario{.seed = seed};
        std::vector<double> rates = random_rates(rng, slots);
        std::ranges::sort(rates, std::greater{});
        for (const double rate : rates) scenario.slots.push_back(known_slot(rate));
        add_trials(scenario, trials);
        for (RolloutTrial& trial : scenario.trials)
          if (rng.below(2) == 0) trial.stop_at = 100 + static_cast<Steps>(rng.below(901));
        scenarios.push_back(std::move(scenario));
      }
  return scenarios;
}

Scenario cost_variety_scenario(std::string_view cluster, int trials, std::uint64_t seed) {
  Scenario scenario{.slots = reference_slots(cluster), .seed = seed};
  add_trials(scenario, trials);
  for (std::size_t i = 0; i < scenario.trials.size(); ++i)
    scenario.trials[i].cost = std::pow(100, Rng::keyed(seed, 3, i).uniform());
  return scenario;
}

Scenario random_scenario(std::uint64_t seed, bool known) {
  Rng rng = Rng::keyed(seed, 1);
  std::vector<double> rates = random_rates(rng, 2 + rng.below(15));
  const int trials = 2 + static_cast<int>(rng.below(59));
  Scenario scenario{.seed = seed};
  if (known) std::ranges::sort(rates, std::greater{});
  for (const double rate : rates)
    scenario.slots.push_back(known ? known_slot(rate) : RolloutSlot{.rate = rate});
  add_trials(scenario, trials);
  return scenario;
}

}  // namespace clavier::cluster
