#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "sched/scheduler.h"

namespace clavier::sched {

/// A test's hand on one scheduler: it creates trials and lets them report at will.
class Desk {
 public:
  Desk(Scheduler& scheduler, Objectives objective, std::int64_t limit = kForever)
      : scheduler_(scheduler), state_(std::move(objective), {.max_failures = 1}) {
    take(Opened{.trials = limit});
  }

  /// A trial that waits for its first launch.
  TrialId create(int bracket = 0, Config config = {}) {
    const TrialId id{static_cast<std::int64_t>(state_.trials().size())};
    Fill fill;
    fill.created.push_back({.id = id, .config = std::move(config), .bracket = bracket});
    state_.apply(fill, state_.now());
    return id;
  }
  void launch(TrialId trial, Steps until) {
    Fill fill;
    fill.launches.push_back({.id = state_.next_launch(),
                             .members = {{.trial = trial, .until = until}},
                             .shares = {{SlotId{0}}}});
    state_.apply(fill, state_.now());
  }
  /// A running trial.
  TrialId start(Steps until, int bracket = 0) {
    const TrialId trial = create(bracket);
    launch(trial, until);
    return trial;
  }

  std::vector<Decision> report(std::vector<Report> reports) {
    return take(Signal{Reported{std::move(reports)}});
  }
  /// What is decided about a trial that reports; nothing: it runs on.
  std::optional<Decision> report(TrialId trial, Steps step, std::optional<double> value,
                                 double seconds = 1) {
    const auto decisions =
        report({{.trial = trial, .step = step, .value = value, .seconds = seconds}});
    return decisions.empty() ? std::nullopt : std::optional(decisions.front());
  }
  void exit(TrialId trial, ExitKind kind) {
    take(Signal{Exited{.trial = trial, .launch = state_.trial(trial).launch, .kind = kind}});
  }
  /// Reports that name no launch are of their trial's present one.
  std::vector<Decision> take(Input input, std::vector<Decision> given = {}) {
    if (auto* reported = input_as<Reported>(input))
      for (Report& report : reported->reports)
        if (!report.launch.valid()) report.launch = state_.trial(report.trial).launch;
    Turn turn{.id = StepId{state_.last_step().value + 1}, .input = std::move(input)};
    state_.apply_input(turn);
    turn.decisions = given.empty() ? scheduler_.decide(turn, state_) : std::move(given);
    state_.apply_decisions(turn);
    scheduler_.observe(turn, state_);
    return turn.decisions;
  }
  /// The searcher has nothing left.
  void exhaust() { state_.apply(Fill{.exhausted = true}, state_.now()); }

  const State& state() const { return state_; }

 private:
  Scheduler& scheduler_;
  State state_;
};

template <typename A>
bool is(const std::optional<Decision>& decision) {
  return decision && std::holds_alternative<A>(decision->action);
}
/// Where the trial is to wait next; -1: it was not told to go on.
inline Steps until(const std::optional<Decision>& decision) {
  return is<Continue>(decision) ? std::get<Continue>(decision->action).until : -1;
}

}  // namespace clavier::sched
