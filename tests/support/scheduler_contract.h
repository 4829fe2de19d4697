#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "sched/scheduler.h"

/// What every scheduler must keep, whatever its rule: a small study that drives one through every
/// situation the tuner can bring about, and checks each answer. A new scheduler is one more line in
/// the list of `scheduler_contract_test.cc`.
namespace clavier::sched::contract {

/// A scheduler under test.
struct Subject {
  std::string name;
  std::function<std::unique_ptr<Scheduler>(Objective)> make;
  /// How many entries it has touched so far; null: it keeps none.
  std::function<std::int64_t(const Scheduler&)> visits = nullptr;
  /// Reports of one turn are decided together, whatever their order.
  bool order_free = true;
};
inline void PrintTo(const Subject& subject, std::ostream* out) { *out << subject.name; }

/// A study in miniature.
struct Setting {
  Mode mode = Mode::kMin;
  std::int64_t limit = 30;                 ///< Of the number of trials.
  std::int64_t exhausted_after = 1000000;  ///< The searcher has so many configurations.
  std::size_t slots = 4;
  Steps stride = 1;       ///< A trial reports every so many steps.
  Steps own_end = 60;     ///< A trial ends by itself here.
  bool in_step = false;   ///< All workers are equally fast and report in one turn.
  bool reversed = false;  ///< In each turn, the last trial's report comes first.
  std::function<double(TrialId, Steps)> value = nullptr;  ///< Null: `curve`.
  /// How this attempt ends at this step instead of reporting; null: none does.
  std::function<std::optional<ExitKind>(TrialId, int attempt, Steps)> fails = nullptr;
};

/// One step, and what was asked and answered.
struct Entry {
  Step step;
  std::size_t appetite = 0;
  std::vector<Runnable> next;
  bool finished = false;
};

inline std::string text(const std::vector<Runnable>& runnables) {
  std::string out;
  for (const Runnable& runnable : runnables) {
    if (const auto* fresh = std::get_if<New>(&runnable))
      out += "new " + std::to_string(fresh->bracket) + " until " + std::to_string(fresh->until);
    else if (const auto* resume = std::get_if<Resume>(&runnable))
      out += "resume " + std::to_string(resume->trial.value) + " until " +
             std::to_string(resume->until);
    out += '\n';
  }
  return out;
}

/// Noise in [0, 1) that depends on its key alone.
inline double noise(TrialId trial, Steps step) {
  return Rng::keyed(7, trial.value, step).uniform();
}

/// A loss that falls with the steps towards a level of the trial's own, with some noise.
inline double curve(TrialId trial, Steps step) {
  return noise(trial, -1) + 1.0 / static_cast<double>(step + 1) + 0.1 * noise(trial, step);
}

/// Runs a scheduler to the end of a study.
class Study {
 public:
  Study(Scheduler& scheduler, Setting setting)
      : scheduler_(scheduler),
        setting_(std::move(setting)),
        state_({"loss", setting_.mode}, {.max_failures = 1, .max_losses = 3}) {
    if (!setting_.value) setting_.value = curve;
  }

  /// Until nothing runs and nothing comes; fails the test if that never happens.
  void run() {
    take(Opened{.seed = 1, .trials = setting_.limit});
    for (std::int64_t i = 0; !workers_.empty(); ++i) {
      if (i > 200 * (setting_.limit + 10)) {
        ADD_FAILURE() << "the study does not end";
        return;
      }
      work();
    }
    EXPECT_TRUE(scheduler_.finished(state_)) << "nothing runs and nothing is started";
    EXPECT_EQ(state_.count(TrialStatus::kPending), 0u);
  }

  const State& state() const { return state_; }
  const std::vector<Entry>& log() const { return log_; }
  int exploits() const { return exploits_; }

 private:
  struct Worker {
    TrialId trial;
    LaunchId launch;
    int attempt = 1;
    Steps step = 0;
    std::int64_t time = 0;
  };

  std::int64_t pace(TrialId trial) const {
    return setting_.in_step ? 1 : 2 + static_cast<std::int64_t>(5 * noise(trial, -2));
  }

  /// The workers that come next do something: they report together, or one of them leaves.
  void work() {
    std::int64_t now = workers_.front().time;
    for (const Worker& worker : workers_) now = std::min(now, worker.time);
    now_ = now;
    std::vector<Report> reports;
    std::vector<Exited> exits;
    for (Worker& worker : workers_) {
      if (worker.time > now || (!setting_.in_step && !(reports.empty() && exits.empty()))) continue;
      worker.time += pace(worker.trial);
      if (const auto exit = leaves(worker))
        exits.push_back({.trial = worker.trial, .launch = worker.launch, .kind = *exit});
      else
        reports.push_back(
            {.trial = worker.trial,
             .launch = worker.launch,
             .step = worker.step,
             .value = setting_.value(worker.trial, worker.step),
             .seconds = 1,
             .checkpoint = Checkpoint{worker.trial, worker.launch, worker.step, "c"}});
    }
    if (setting_.reversed) std::ranges::reverse(reports);
    if (!reports.empty()) take(Signal{Reported{reports}});
    for (const Exited& exited : exits) {
      std::erase_if(workers_, [&](const Worker& each) { return each.trial == exited.trial; });
      take(Signal{exited});
    }
  }

  /// Advances the worker; how it leaves instead of reporting.
  std::optional<ExitKind> leaves(Worker& worker) {
    const Trial& trial = state_.trial(worker.trial);
    switch (trial.decided) {
      case Decided::kStop:
      case Decided::kComplete: return ExitKind::kStopped;
      case Decided::kPause:
      case Decided::kHold:
      case Decided::kRequeue: saved_[worker.trial] = worker.step; return ExitKind::kPaused;
      case Decided::kNone: break;
    }
    EXPECT_LT(worker.step, trial.until) << "trial " << trial.id.value << " waits without an answer";
    worker.step += setting_.stride;
    if (setting_.fails)
      if (const auto kind = setting_.fails(worker.trial, worker.attempt, worker.step)) return kind;
    if (worker.step > setting_.own_end) return ExitKind::kCompleted;
    return std::nullopt;
  }

  void take(Input input) {
    Entry entry;
    entry.step.turn = {.id = StepId{static_cast<std::int64_t>(log_.size())},
                       .time = study_time(now_ * 1000000),
                       .input = std::move(input)};
    Turn& turn = entry.step.turn;
    state_.apply_input(turn);
    turn.decisions = scheduler_.decide(turn, state_);
    check(turn.decisions);
    state_.apply_decisions(turn);
    take_over(turn.decisions);
    check_answered(turn);
    scheduler_.observe(turn, state_);
    fill(entry);
    state_.apply(entry.step.fill, turn.time);
    log_.push_back(std::move(entry));
  }

  void check(const std::vector<Decision>& decisions) {
    std::set<TrialId> decided;
    for (const Decision& decision : decisions) {
      const TrialId id = subject(decision.action);
      ASSERT_TRUE(state_.known(id));
      EXPECT_FALSE(ended(state_.trial(id).status)) << "decides about an ended trial";
      EXPECT_TRUE(decided.insert(id).second) << "decides twice about trial " << id.value;
      if (const auto* go_on = std::get_if<Continue>(&decision.action))
        EXPECT_GT(go_on->until, state_.trial(id).step) << "goes on to where it is";
      else if (const auto* exploit = std::get_if<Exploit>(&decision.action))
        EXPECT_GT(exploit->until, exploit->donor.step) << "goes on to where its donor is";
      else
        EXPECT_FALSE(decision.reason.empty());
    }
  }

  /// Exploits: the trial goes on, or will be resumed, from the donor's step.
  void take_over(const std::vector<Decision>& decisions) {
    for (const Decision& decision : decisions) {
      const auto* exploit = std::get_if<Exploit>(&decision.action);
      if (!exploit) continue;
      ++exploits_;
      saved_[exploit->trial] = exploit->donor.step;
      for (Worker& worker : workers_)
        if (worker.trial == exploit->trial) worker.step = exploit->donor.step;
    }
  }

  void check_answered(const Turn& turn) {
    const auto* reported = input_as<Reported>(turn);
    if (!reported) return;
    for (const Report& report : reported->reports) {
      const Trial& trial = state_.trial(report.trial);
      EXPECT_TRUE(trial.decided != Decided::kNone || trial.until > trial.step)
          << "trial " << report.trial.value << " waits at step " << report.step;
    }
  }

  void launch(Fill& fill, TrialId trial, int attempt, Steps from, Steps until) {
    Launch launch{.id = next_launch_};
    next_launch_ = LaunchId{next_launch_.value + 1};
    launch.members = {{.trial = trial, .attempt = attempt, .until = until}};
    if (from > 0) launch.members[0].from = Checkpoint{trial, launch.id, from, "c"};
    launch.shares = {{SlotId{0}}};
    workers_.push_back({trial, launch.id, attempt, from, now_ + pace(trial)});
    fill.launches.push_back(std::move(launch));
  }

  void fill(Entry& entry) {
    Fill& fill = entry.step.fill;
    const auto relaunch = [&](TrialId id, Steps until) {
      launch(fill, id, state_.trial(id).attempts + 1, saved_[id], until);
    };
    for (const TrialId id : state_.with_status(TrialStatus::kPending))
      if (workers_.size() < setting_.slots) relaunch(id, state_.trial(id).until);
    entry.appetite = setting_.slots - workers_.size();
    entry.next = scheduler_.next(state_, entry.appetite);
    entry.finished = scheduler_.finished(state_);
    EXPECT_LE(entry.next.size(), entry.appetite) << "more than the appetite";
    std::set<TrialId> resumed;
    for (const Runnable& runnable : entry.next) {
      if (const auto* resume = std::get_if<Resume>(&runnable)) {
        const Trial& trial = state_.trial(resume->trial);
        EXPECT_TRUE(trial.status == TrialStatus::kPaused && !trial.held)
            << "resumes a trial that is " << name(trial.status);
        EXPECT_TRUE(resumed.insert(resume->trial).second) << "resumes a trial twice";
        EXPECT_GT(resume->until, trial.step) << "resumes to where it is";
        relaunch(resume->trial, resume->until);
        continue;
      }
      const New& fresh = std::get<New>(runnable);
      EXPECT_GT(fresh.until, 0);
      const auto created = static_cast<std::int64_t>(state_.trials().size() + fill.created.size());
      if (created >= setting_.exhausted_after) fill.exhausted = true;
      if (created >= setting_.limit || fill.exhausted) continue;
      fill.created.push_back({.id = TrialId{created}, .bracket = fresh.bracket});
      launch(fill, TrialId{created}, 1, 0, fresh.until);
    }
  }

  Scheduler& scheduler_;
  Setting setting_;
  State state_;
  std::vector<Entry> log_;
  std::vector<Worker> workers_;
  std::map<TrialId, Steps> saved_;  ///< Where a trial's checkpoint is.
  LaunchId next_launch_{0};
  std::int64_t now_ = 0;
  int exploits_ = 0;
};

/// A fresh scheduler that is told the log answers every question as the first one did.
inline void expect_replays(Scheduler& fresh, const Setting& setting,
                           const std::vector<Entry>& log) {
  State state({"loss", setting.mode}, {.max_failures = 1, .max_losses = 3});
  for (const Entry& entry : log) {
    const Turn& logged = entry.step.turn;
    Turn turn = logged;
    turn.decisions.clear();
    state.apply_input(turn);
    ASSERT_EQ(fresh.decide(turn, state), logged.decisions) << "at step " << turn.id.value;
    state.apply_decisions(logged);
    fresh.observe(logged, state);
    ASSERT_EQ(text(fresh.next(state, entry.appetite)), text(entry.next))
        << "at step " << turn.id.value;
    ASSERT_EQ(fresh.finished(state), entry.finished);
    state.apply(entry.step.fill, logged.time);
  }
}

}  // namespace clavier::sched::contract
