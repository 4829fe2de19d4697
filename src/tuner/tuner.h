#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "exec/executor.h"
#include "store/step_log.h"
#include "study/observer.h"
#include "tuner/director.h"
#include "tuner/mailbox.h"

namespace clavier::tuner {

/// Where decisions take effect. All must outlive the tuner.
struct World {
  exec::Executor& executor;
  store::StepLog& log;
  const Waker& waker;
  Mailbox& mailbox;
  std::vector<Observer*> observers = {};
  /// Counts the user's interrupts (Ctrl-C): one closes the run in order, two end it at once.
  const std::atomic<int>* interrupts = nullptr;
  /// One line for the user, not part of the record.
  std::function<void(const std::string&)> warn = [](const std::string&) {};
  /// Asked when the log cannot be written for now (a full disk, another program's lock): rests a
  /// little, and says whether to try again. Without it `run` fails at once.
  std::function<bool(const Error&)> again = {};
  /// How often observers hear `on_idle`; zero: never.
  StudyDuration tick = std::chrono::milliseconds(200);
};

/// What the opening step says about this run.
struct RunFacts {
  std::int64_t utc_us = 0;
  std::string version = {};
  std::string commit = {};
  std::string study_text = {};
  std::string origin = {};
  bool asked = false;
};

enum class RunEnd {
  kFinished,     ///< The study is over; `Director::state().finished()` says why.
  kPaused,       ///< Closed by the user or waiting for held trials: run it again to go on.
  kInterrupted,  ///< Ended at once; live trials count as lost.
};

/// The loop: wait for one thing, fold it, decide, commit, act. One thread.
class Tuner {
 public:
  Tuner(StudyOptions options, Policies policies, World world);

  /// Folds what the log holds. Once, before `run`.
  Status recover();
  /// Works until the study is over or the run is closed. Fails when the log can no longer be
  /// written and `World::again` has given up: nothing that was committed is lost, and running the
  /// study again goes on.
  Result<RunEnd> run(const RunFacts& facts);

  /// The pieces of `run`, for callers with a loop of their own: opens a run,
  Status open(const RunFacts& facts);
  /// and makes steps of these inputs, commits them and acts on them.
  Status feed(std::vector<Input> inputs);

  const Director& director() const { return director_; }
  const State& state() const { return director_.state(); }
  /// The study text of the first run; empty in a fresh log.
  const std::string& first_study_text() const { return first_study_text_; }

 private:
  struct Followed {
    Observer* observer;
    StepId next;
  };

  bool idle_forever() const;
  std::vector<Input> wait();
  std::vector<TrialId> reporting_as_they_leave(const Input& input) const;
  void act(const Turn& turn, const std::vector<TrialId>& leaving,
           std::vector<exec::Message>& messages) const;
  exec::Order order(const Launch& launch) const;
  void show(const Step& step);
  template <typename Call>
  void each_observer(Call call);
  StudyTime now() const;

  Director director_;
  World world_;
  std::vector<Followed> followed_;
  StudyDuration offset_{};  ///< From the executor's time to study time.
  StepId next_step_{0};
  bool rebuilt_ = true;  ///< The executor rebuilt from the log what was running.
  std::string first_study_text_;
};

}  // namespace clavier::tuner
