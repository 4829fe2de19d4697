// The part of `bench pbt` in virtual time: population-based training on unequal slots, asynchronous
// against synchronous. Prints one JSON object as its last line, as bench/pbt.py wants it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "app/session.h"
#include "app/study_file.h"
#include "bench/measure.h"
#include "exec/sim/sim_executor.h"
#include "tests/support/noisy_quadratic.h"
#include "tests/support/reference_scenarios.h"

namespace {

using namespace clavier;

constexpr int kSeeds = 20;
constexpr Steps kInterval = 50;
constexpr Steps kSteps = 1000;

/// One way of running the same population.
struct Way {
  const char* name;
  const char* scheduler;  ///< The table's further keys.
  const char* planner;
};

constexpr Way kWays[] = {
    {"asynchronous", "variant = \"sound\"", "auto"},
    {"asynchronous_first_fit", "variant = \"sound\"", "first-fit"},
    {"synchronous", "variant = \"sound\"\nsynch = true", "first-fit"},
    {"ray", "variant = \"ray\"", "first-fit"},
    {"ray_auto", "variant = \"ray\"", "auto"},
    {"hrfs", "variant = \"hrfs\"", "hrfs"},
};

std::string study_text(const Way& way, std::uint64_t seed, int trials) {
  return fmt::format(
      "[study]\nmetric = \"loss\"\nmode = \"min\"\ntrials = {}\nseed = {}\n"
      "[space]\nlr = {{ loguniform = [1e-3, 1] }}\nmomentum = {{ uniform = [0, 0.95] }}\n"
      "[scheduler]\nalgorithm = \"pbt\"\n{}\ninterval = {}\n[planner]\nalgorithm = \"{}\"\n"
      "[trial.stop]\nsteps = {}\n[worker]\ncommand = [\"true\"]\n",
      trials, seed, way.scheduler, kInterval, way.planner, kSteps);
}

template <typename T>
T value_of(Result<T> result) {
  if (result.ok()) return *std::move(result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

struct Outcome {
  double best = 0;     ///< Logarithm of the lowest expected loss.
  double seconds = 0;  ///< Virtual, until the last trial ended.
  int exploits = 0;
  double gap = 0;  ///< Greatest distance of a donor to its receiver, in intervals.
};

Outcome run(const Way& way, std::string_view cluster, int trials, std::uint64_t seed) {
  const app::StudySpec spec = value_of(app::parse_study(study_text(way, seed, trials), "pbt.toml"));
  const Waker waker = value_of(Waker::create());
  const auto session =
      value_of(app::Session::open(spec, waker, {.kind = app::SessionKind::kSimulated}));
  exec::SimOptions options{.metric = "loss"};
  options.nodes.front().slots.clear();
  for (const cluster::RolloutSlot& slot : cluster::reference_slots(cluster))
    options.nodes.front().slots.push_back({.speed = slot.rate.at(0)});
  options.checkpoints = {.every = spec.checkpoint.every, .at_end = spec.checkpoint.at_end};
  options.seed = seed;
  const auto executor =
      value_of(exec::SimExecutor::create(std::move(options), bench::noisy_quadratic()));
  if (!session->begin(*executor).ok()) std::exit(1);
  value_of(session->run());
  const State& state = session->state();
  Outcome outcome{.seconds = seconds(state.now())};
  if (!state.best() || state.count(TrialStatus::kCompleted) != static_cast<std::size_t>(trials)) {
    fmt::print(stderr, "{}: {}\n", way.name,
               state.finished() ? state.finished()->reason : "not finished");
    std::exit(1);
  }
  outcome.best = state.trial(*state.best()).best->value;
  for (const Trial& trial : state.trials())
    for (const Takeover& takeover : trial.takeovers) {
      ++outcome.exploits;
      const auto gap = static_cast<double>(std::abs(takeover.at - takeover.donor.step));
      outcome.gap = std::max(outcome.gap, gap / static_cast<double>(kInterval));
    }
  return outcome;
}

nlohmann::json rounded(double value) { return std::round(value * 1e4) / 1e4; }

struct Summary {
  double mean = 0, error = 0, seconds = 0;
};

nlohmann::json all_seeds(const Way& way, std::string_view cluster, int trials, Summary& summary) {
  double sum = 0, squares = 0, exploits = 0, gap = 0;
  summary = {};
  for (int seed = 0; seed < kSeeds; ++seed) {
    const Outcome each = run(way, cluster, trials, static_cast<std::uint64_t>(seed));
    sum += each.best;
    squares += each.best * each.best;
    summary.seconds += each.seconds / kSeeds;
    exploits += static_cast<double>(each.exploits) / kSeeds;
    gap = std::max(gap, each.gap);
  }
  summary.mean = sum / kSeeds;
  const double variance = (squares - sum * sum / kSeeds) / (kSeeds - 1);
  summary.error = std::sqrt(std::max(variance, 0.0) / kSeeds);
  fmt::print("{:8} {:2} {:24} {:8.4f} ± {:.4f} {:9.0f} s {:6.1f} exploits, gap {:.2f}\n", cluster,
             trials, way.name, summary.mean, summary.error, summary.seconds, exploits, gap);
  return {{"log10_loss", rounded(summary.mean)},
          {"standard_error", rounded(summary.error)},
          {"seconds", rounded(summary.seconds)},
          {"exploits", rounded(exploits)},
          {"largest_gap", rounded(gap)}};
}

}  // namespace

int main(int argc, char** argv) {
  nlohmann::json result = {{"seeds", kSeeds}, {"steps", kSteps}, {"interval", kInterval}};
  for (const char* cluster : {"A", "C"})
    for (const int trials : {20}) {
      nlohmann::json& here = result["clusters"][cluster][std::to_string(trials)];
      Summary first, synchronous;
      for (const Way& way : kWays) {
        if (argc > 1 && std::string_view(argv[1]) != way.name) continue;
        Summary summary;
        here[way.name] = all_seeds(way, cluster, trials, summary);
        if (&way == &kWays[0]) first = summary;
        if (std::string_view(way.name) == "synchronous") synchronous = summary;
      }
      const double error = std::hypot(first.error, synchronous.error);
      here["time_ratio"] = rounded(first.seconds / synchronous.seconds);
      here["behind_in_standard_errors"] = rounded((first.mean - synchronous.mean) / error);
    }
  fmt::print("{}\n", result.dump());
}
