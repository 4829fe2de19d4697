#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/file/study_folder.h"
#include "app/registry/policies.h"
#include "app/registry/study_spec.h"
#include "app/run/control.h"
#include "base/waker.h"
#include "study/observer.h"
#include "tuner/tuner.h"
#include "worker/protocol.h"

namespace clavier::app {

/// What shapes decisions, as the director wants it.
tuner::StudyOptions director_options(const StudySpec& spec);

/// When workers are to save their trials' state.
worker::CheckpointRules checkpoint_rules(const StudySpec& spec);

/// A study's policies and the director that asks them, with nothing of the world.
struct Directed {
  OwnedPolicies policies;
  tuner::Director director;

  static Result<Directed> create(const StudySpec& spec);
  /// The same, having folded the whole log and asked the planner all that it was asked.
  static Result<Directed> replayed(const StudySpec& spec, const store::StepLog& log);
};

/// Opens the study's log to write. While another process has it for an instant (`clavier ask`, a
/// command) this waits, a little while; kConflict at once if a tuner runs the study.
Result<store::StepLog> take_log(const StudyFolder& folder, const store::LogOptions& options,
                                const Waker& waker);

enum class SessionKind {
  kRun,        ///< Trials run: outputs are written, commands taken, leftovers of a kill removed.
  kSimulated,  ///< In virtual time, once: a folder that holds a study already is refused.
  kAsked,      ///< The caller is the worker and has a loop of its own.
};

struct SessionOptions {
  SessionKind kind = SessionKind::kRun;
  /// The study's, with its log; made if missing. Empty: in memory, or nowhere if simulated.
  std::filesystem::path folder = {};
  /// Counts the user's interrupts, as in `tuner::World`.
  const std::atomic<int>* interrupts = nullptr;
  /// One line for the user, on the caller's thread. Where nobody listens, nothing is waited for
  /// either: a log that cannot be written ends the session at once.
  std::function<void(const std::string&)> warn = {};
};

/// One run of a study, put together: its log, policies, outputs, the control socket and the loop,
/// on whatever executor it is given. Everybody who runs a study does it through this.
///
/// Two steps, because executors are made between them: `open` takes the log, and with it the right
/// to touch the folder; `begin` recovers. Until `begin` has succeeded with a fresh log, the end of
/// the session takes back what it made in the folder. One thread.
class Session {
 public:
  /// Takes the study's log and ends what a killed run has left alive. `waker` must outlive the
  /// session. kConflict if another tuner has the log; fails if a policy refuses the study or the
  /// folder cannot be written.
  static Result<std::unique_ptr<Session>> open(StudySpec spec, const Waker& waker,
                                               SessionOptions options);

  /// The first step of the run to come; earlier ones are replayed.
  StepId first() const { return StepId{log_.last().value + 1}; }

  /// Recovers on this executor, which is made after `open`, waits on the same waker and lives as
  /// long as the session does work. Fails if the study cannot go on as it was begun. The folder's
  /// outputs are written by themselves; `observers` come after them and must outlive the session.
  Status begin(exec::Executor& executor, const std::vector<Observer*>& observers = {});
  /// Works until the study is over or the run is closed. REQUIRES: `begin`.
  Result<tuner::RunEnd> run() { return tuner_->run(facts()); }
  /// Opens the run, for callers with a loop of their own around `tuner`. REQUIRES: `begin`.
  Status open_run() { return tuner_->open(facts()); }

  const StudySpec& spec() const { return spec_; }
  /// REQUIRES: `begin`.
  tuner::Tuner& tuner() { return *tuner_; }
  const State& state() const { return tuner_->state(); }

 private:
  Session(StudySpec spec, OwnedPolicies policies, store::StepLog log, const Waker& waker,
          SessionOptions options);
  bool on_disk() const { return !options_.folder.empty(); }
  bool runs_trials() const { return options_.kind == SessionKind::kRun; }
  void warn(const std::string& line) const;
  tuner::World world(exec::Executor& executor, const std::vector<Observer*>& observers);
  std::function<bool(const Error&)> patience(const exec::Executor& executor) const;
  void take_commands();
  tuner::RunFacts facts() const;

  StudySpec spec_;
  SessionOptions options_;
  const Waker& waker_;
  OwnedPolicies policies_;
  store::StepLog log_;
  std::optional<Unbegun> unbegun_ = {};  ///< Before the log goes.
  tuner::Mailbox mailbox_;
  std::vector<std::unique_ptr<Observer>> outputs_ = {};
  std::optional<tuner::Tuner> tuner_ = {};
  std::unique_ptr<ControlServer> control_ = {};
};

}  // namespace clavier::app
