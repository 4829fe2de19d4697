#pragma once

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

#include "study/state.h"

namespace clavier::sched {

/// A configuration not yet drawn.
struct New {
  Steps until = kForever;
  int bracket = 0;
  double width = 1;
  std::optional<TrialId> origin = {};  ///< Set: the configuration is this trial's.
};
/// A trial that is paused (and not held by the user) goes on.
struct Resume {
  TrialId trial;
  Steps until = kForever;
};
using Runnable = std::variant<New, Resume>;

/// Decides what runs next and what becomes of running trials; performs nothing.
///
/// The three questions are const and answered from what `observe` was told, so that `verify` can
/// ask them again anywhere in the log. Order of one step: the state folds the input; `decide`; the
/// state folds the decisions; `observe`; and, where there is capacity, `next`.
///
/// A worker that reaches its `until` waits: `decide` must then answer with an action for it (a
/// failure to do so is logged and the trial is completed by the tuner). So must it for a trial that
/// is being paused and reports that step on its way out; what is answered takes effect at its next
/// launch. Late reports and inputs without meaning for the policy never need an answer.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// The best runnables first, at most `appetite`. May answer New even when the searcher is
  /// exhausted (`state.exhausted()`): the tuner then ignores it. Must not answer the same Resume
  /// twice, nor New beyond what it wants; the limit on the number of trials is the tuner's.
  virtual std::vector<Runnable> next(const State& state, std::size_t appetite) const = 0;
  /// What to do because of this input; about any live or paused trial, not only the one reporting.
  virtual std::vector<Decision> decide(const Turn& turn, const State& state) const = 0;
  /// Told every turn with its decisions, live and on replay.
  virtual void observe(const Turn& turn, const State& state) = 0;
  /// Nothing will come from `next` any more, given that no trial is running and the searcher is
  /// exhausted or the limit of trials reached.
  virtual bool finished(const State& state) const = 0;
};

}  // namespace clavier::sched
