#pragma once

#include "base/result.h"
#include "study/state.h"

namespace clavier {

/// Shows or files what the log says. Sees every step in order after its commit, cannot influence
/// the study and writes nothing into the log. Called on the loop's thread: must not block.
/// A failing observer is dropped with a warning; the study goes on.
class Observer {
 public:
  virtual ~Observer() = default;

  /// The first step that its own output lacks; a torn tail of that output is cut first.
  /// Called once, before any step.
  virtual Result<StepId> resume() = 0;
  /// `state` has folded `step`, and perhaps inputs that were queued behind it. On opening a study
  /// the log passes here too, from the step that `resume` named on.
  virtual Status on_step(const Step& step, const State& state) = 0;
  /// Nothing happens just now: a chance to redraw or flush. At most a few times a second.
  virtual Status on_idle(StudyTime now, const State& state) = 0;
  /// The run ends (finished, paused or interrupted). Last call.
  virtual Status finish(const State& state) = 0;
};

}  // namespace clavier
