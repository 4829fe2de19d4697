#include "report/front.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/wording.h"
#include "study/pareto.h"

namespace clavier::report {

namespace {

/// Trials that have a value, in order of id, with what they stand with.
struct Valued {
  std::vector<std::size_t> trials;
  std::vector<Scores> scores;
};
Valued valued(const State& state) {
  Valued all;
  for (const Trial& trial : state.trials()) {
    if (!trial.best || !trial.counts_for_best()) continue;
    all.trials.push_back(static_cast<std::size_t>(trial.id.value));
    all.scores.push_back(state.objective().scores(trial.best->value, trial.best->further));
  }
  return all;
}

}  // namespace

std::vector<std::optional<std::int64_t>> ranks(const State& state) {
  std::vector<std::optional<std::int64_t>> by_trial(state.trials().size());
  const Valued all = valued(state);
  const auto front = fronts(all.scores);
  for (std::size_t i = 0; i < front.size(); ++i)
    by_trial[all.trials[i]] = static_cast<std::int64_t>(front[i]);
  return by_trial;
}

std::vector<double> hypervolumes(const State& state) {
  std::vector<double> by_trial(state.trials().size());
  const Valued all = valued(state);
  if (all.trials.empty()) return by_trial;
  const Scores reference = reference_point(all.scores);
  // Only who is not dominated by those before changes the volume.
  std::vector<Scores> covering;
  double volume = 0;
  std::size_t next = 0;
  for (std::size_t trial = 0; trial < by_trial.size(); ++trial) {
    if (next < all.trials.size() && all.trials[next] == trial) {
      const Scores& own = all.scores[next++];
      const auto covers = [&](const Scores& other) {
        return dominates(other, own) || other == own;
      };
      if (std::ranges::none_of(covering, covers)) {
        std::erase_if(covering, [&](const Scores& other) { return dominates(own, other); });
        covering.push_back(own);
        volume = hypervolume(covering, reference);
      }
    }
    by_trial[trial] = volume;
  }
  return by_trial;
}

Covered covered(const State& state) {
  const Valued all = valued(state);
  if (all.trials.empty()) return {};
  const Scores reference = reference_point(all.scores);
  Covered covered{.hypervolume = hypervolume(all.scores, reference)};
  const auto directions = state.objective().all();
  for (std::size_t i = 0; i < reference.size(); ++i)
    covered.reference.push_back(directions[i].mode == Mode::kMin ? reference[i] : -reference[i]);
  return covered;
}

std::string values_text(const Objectives& objective, double first,
                        const std::vector<double>& further) {
  std::string text = fmt::format("{} {}", objective.metric, number(first));
  for (std::size_t i = 0; i < further.size(); ++i)
    text += fmt::format(", {} {}", objective.further[i].metric, number(further[i]));
  return text;
}

std::string hypervolume_text(const State& state) {
  const Covered all = covered(state);
  if (all.reference.empty()) return "none yet";
  const auto& reference = all.reference;
  return fmt::format(
      "{}, beyond {}", number(all.hypervolume),
      values_text(state.objective(), reference.front(), {reference.begin() + 1, reference.end()}));
}

std::string numbers_text(const std::vector<TrialId>& trials, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < trials.size() && i < most; ++i)
    text += fmt::format("{}{}", i ? ", " : "", trials[i].value);
  return trials.size() > most ? text + ", …" : text;
}

std::string moment_text(const State& state, const Trial& trial) {
  return fmt::format("trial {}, {} at step {}{}", trial.id.value,
                     values_text(state.objective(), trial.best->value, trial.best->further),
                     trial.best->step,
                     trial.status == TrialStatus::kFailed ? " (it failed later)" : "");
}

}  // namespace clavier::report
