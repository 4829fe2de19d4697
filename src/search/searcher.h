#pragma once

#include <string>
#include <variant>

#include "study/state.h"

namespace clavier::search {

/// No configuration before something more has been reported.
struct NotNow {};
/// No configuration any more. `why`: what kept it from finding one although there may be some, such
/// as a constraint that hardly a draw fulfils; empty if the space is used up.
struct Exhausted {
  std::string why = {};
};
using Suggestion = std::variant<Config, NotNow, Exhausted>;

/// Proposes configurations. Every draw is keyed by (seed, trial, parameter, attempt); no generator
/// lives between calls, so the same study file and seed give the same configurations whatever the
/// order of events. Models are refitted from defaults at fixed counts, so a fresh searcher fed the
/// same log arrives at the same model.
class Searcher {
 public:
  virtual ~Searcher() = default;

  /// The configuration of the trial that will get this id. Once `Exhausted`, always exhausted;
  /// the tuner logs it and it shows as `state.exhausted()`.
  virtual Suggestion suggest(const State& state, TrialId trial) const = 0;
  /// Told before the tuner waits: may begin on a thread of its own what the next suggestions need.
  /// No suggestion depends on whether it was told.
  virtual void prepare(const State&) const {}
  /// Told every turn, live and on replay, after `state` has folded it and before the fill.
  virtual void observe(const Turn& turn, const State& state) = 0;
};

}  // namespace clavier::search
