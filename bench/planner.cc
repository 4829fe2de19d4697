// bench planner: makespan over the bound for every planning rule, cluster, size and setting
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/rng.h"
#include "bench/measure.h"
#include "cluster/rules/catalogue.h"
#include "tests/support/measures.h"
#include "tests/support/random_placement.h"
#include "tests/support/reference_scenarios.h"

namespace {

using namespace clavier;
using namespace clavier::cluster;

constexpr int kDriftSeeds = 20;
constexpr int kRandomClusters = 500;
constexpr int kMeasuredTrials = 50;
constexpr int kGoalSeeds = 20;
constexpr int kCostSeeds = 20;

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

/// Iterations at which trials reach an accuracy of 0.8 if they follow ceiling · step / (step + τ),
/// with ceilings uniform in [0.5, 0.95] and τ log-uniform in [10, 1000]; kForever where they do not
/// within 1000.
std::vector<Steps> goals_of(int trials, std::uint64_t seed) {
  std::vector<Steps> goals;
  for (int trial = 0; trial < trials; ++trial) {
    Rng rng = Rng::keyed(seed, 11, trial);
    const double ceiling = 0.5 + 0.45 * rng.uniform(), tau = 10 * std::pow(100, rng.uniform());
    const double step = ceiling > 0.8 ? 0.8 * tau / (ceiling - 0.8) : 1e9;
    goals.push_back(step <= 1000 ? static_cast<Steps>(std::ceil(step)) : kForever);
  }
  return goals;
}

/// What is reported of every rule on A, C and D with 50 trials, evaluations and moves costed.
nlohmann::json measures() {
  nlohmann::json all;
  fmt::print("{:14} {:>3} {:>12} {:>10} {:>11} {:>10} {:>17}\n", "rule", "", "utilisation",
             "imbalance", "efficiency", "makespan", "time to accuracy");
  for (const std::string_view rule : rules::names())
    for (const char* cluster : {"A", "C", "D"}) {
      const Scenario scenario = reference_scenario(cluster, kMeasuredTrials, Setting::kEvalMove);
      const RolloutResult result = roll_out(scenario, *rules::make(rule), {.record_pieces = true});
      if (result.hung) {
        all["utilisation"][std::string(rule)][cluster] = nullptr;
        continue;
      }
      const Measures found = measure(scenario, result);
      double sum = 0;
      for (std::uint64_t seed = 0; seed < kGoalSeeds; ++seed)
        sum += time_to_goal(scenario, result, goals_of(kMeasuredTrials, seed));
      const double accurate = sum / kGoalSeeds;
      const auto put = [&](const char* what, double value) {
        all[what][std::string(rule)][cluster] = number(value);
      };
      put("utilisation", found.utilisation);
      put("imbalance", found.imbalance);
      put("scaling_efficiency", found.scaling_efficiency);
      put("makespan", result.makespan);
      put("time_to_accuracy", accurate);
      fmt::print("{:14} {:>3} {:12.3f} {:10.3f} {:11.3f} {:10.1f} {:17.1f}\n", rule, cluster,
                 found.utilisation, found.imbalance, found.scaling_efficiency, result.makespan,
                 accurate);
    }
  return all;
}

/// Random placement over `auto` where an iteration costs between 1 and 100 units: makespans, which
/// is throughput the other way round.
nlohmann::json cost_variety() {
  nlohmann::json all;
  for (const char* cluster : {"A", "C", "D"})
    for (const int trials : {20, 50}) {
      double sum = 0, least = std::numeric_limits<double>::infinity(), bound = 0;
      for (std::uint64_t seed = 0; seed < kCostSeeds; ++seed) {
        const Scenario scenario = cost_variety_scenario(cluster, trials, seed);
        RandomPlacement random(seed);
        const double ours = makespan(scenario, "auto");
        const double times = roll_out(scenario, random).makespan / ours;
        sum += times;
        least = std::min(least, times);
        bound = std::max(bound, ours / bound_of(scenario));
      }
      all[cluster][std::to_string(trials)] = {{"mean", number(sum / kCostSeeds)},
                                              {"least", number(least)},
                                              {"auto_worst", number(bound)}};
    }
  fmt::print("random placement over auto, costs from 1 to 100: {}\n", all.dump());
  return all;
}

/// Rates log-uniform in [1, 32], evaluations of 6.5 iterations, moves of 2 s.
Scenario large_scenario(std::size_t slots, std::size_t trials, double noise) {
  Rng rng(5);
  Scenario scenario{.costs = {.evaluation = 6.5, .move_seconds = 2}, .noise = noise};
  for (std::size_t slot = 0; slot < slots; ++slot) {
    const double rate = std::exp2(5 * rng.uniform());
    scenario.slots.push_back({.rate = rate, .assumed = rate});
  }
  scenario.trials.assign(trials, RolloutTrial{.target = 1000});
  return scenario;
}

/// Passes everything on and notes how long every answer took.
class Timed : public RolloutRule {
 public:
  explicit Timed(RolloutRule& rule) : rule_(rule) {}
  Habits habits() const override { return rule_.habits(); }
  void observe(const RolloutView& view, const Happening& happening) override {
    rule_.observe(view, happening);
  }
  std::optional<Dispatch> next(const RolloutView& view) override {
    const bench::Watch watch;
    auto dispatch = rule_.next(view);
    milliseconds_.push_back(watch.seconds() * 1e3);
    return dispatch;
  }
  /// The time that a part of all answers stayed within.
  double quantile(double part) {
    std::ranges::sort(milliseconds_);
    const auto last = static_cast<double>(milliseconds_.size() - 1);
    return milliseconds_[static_cast<std::size_t>(part * last)];
  }

 private:
  RolloutRule& rule_;
  std::vector<double> milliseconds_;
};

/// How `auto` decides at a size, and how fast the rollout is under a simple rule.
nlohmann::json at_size(std::size_t slots, std::size_t trials, double noise) {
  const Scenario scenario = large_scenario(slots, trials, noise);
  const auto rule = rules::make("auto");
  Timed timed(*rule);
  const RolloutResult result = roll_out(scenario, timed);
  const double before = bench::cpu_seconds();
  const RolloutResult simple = roll_out(scenario, *rules::make("agnostic"));
  const double busy = std::max(bench::cpu_seconds() - before, 1e-6);
  const nlohmann::json figures = {
      {"slots", slots},
      {"trials", trials},
      {"noise", noise},
      {"ratio", number(result.makespan / bound_of(scenario))},
      {"decision_p99_ms", number(timed.quantile(0.99))},
      {"decision_max_ms", number(timed.quantile(1))},
      {"agnostic_events_per_second", std::round(static_cast<double>(simple.events) / busy)}};
  fmt::print("at size {}\n", figures.dump());
  return figures;
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
  nlohmann::json result = measures();
  result["cost_variety"] = cost_variety();
  nlohmann::json large;
  for (const double noise : {0.0, 0.1}) {
    large.push_back(at_size(200, 100, noise));
    large.push_back(at_size(100, 400, noise));
    large.push_back(at_size(2000, 1000, noise));
  }
  result["ratios"] = ratios;
  result["worst_random"] = random;
  result["worst_random_learned"] = random_learned;
  result["large"] = large;
  fmt::print("{}\n", result.dump());
}
