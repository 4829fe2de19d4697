#include "study/state.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/match.h"
#include "study/pareto.h"

/// Folded in the order in which a step came about: its input, the decisions on it, what was started
/// because of it. A trial with a worker only notes what it was told (`decided`) and changes its
/// status when the worker has left: until then it may report, fail or be lost, and `exit` weighs
/// what it was told against how it went. A trial without a worker obeys at once.
/// A checkpoint counts from the moment it is told of, also in a report that came too late to count:
/// the study owns the directory, and what it does not know it would never delete.
/// Nothing here fails. What a log from outside may hold that cannot be folded is asked before
/// (`foldable`).
namespace clavier {
namespace {

/// Stands where a checkpoint of another trial, taken over, has turned out to be damaged.
Checkpoint void_like(const Checkpoint& checkpoint) {
  return {TrialId{}, checkpoint.launch, checkpoint.step, {}};
}

/// Of the history, with what it says of further objectives.
void drop_last(Trial& trial) {
  trial.further.resize(trial.further.size() - trial.further.size() / trial.history.size());
  trial.history.pop_back();
}

/// The best is from before: it keeps what it was reached with.
void change_config(Trial& trial, Config config) {
  if (trial.best && !trial.best->config) trial.best->config = std::move(trial.config);
  trial.config = std::move(config);
}

/// A trial at rest goes on from the newest weights that are left, with the configuration that they
/// had: that from before a takeover of which nothing is left. Every takeover has left a checkpoint
/// in the list, and only others' are void there.
void fall_back(Trial& trial) {
  auto& kept = trial.checkpoints;
  while (!kept.empty() && !kept.back().trial.valid()) {
    kept.pop_back();
    if (trial.takeovers.empty() || ended(trial.status)) continue;
    change_config(trial, std::move(trial.takeovers.back().before));
    trial.takeovers.pop_back();
    trial.origin.reset();
    if (!trial.takeovers.empty()) trial.origin = trial.takeovers.back().donor.trial;
  }
}

}  // namespace

State::State(Objectives objective, RetryLimits retries)
    : objective_(std::move(objective)), retries_(retries) {}

const Trial& State::trial(TrialId id) const {
  CHECK(known(id));
  return trials_[static_cast<std::size_t>(id.value)];
}

bool State::known(TrialId id) const {
  return id.valid() && static_cast<std::size_t>(id.value) < trials_.size();
}

std::optional<TrialId> State::best() const {
  if (!objective_.several()) return best_;
  const auto all = front();
  return all.size() == 1 ? std::optional(all.front()) : std::nullopt;
}

std::vector<TrialId> State::front() const {
  if (!objective_.several()) return best_ ? std::vector{*best_} : std::vector<TrialId>();
  if (front_) return *front_;
  std::vector<std::pair<Scores, TrialId>> all;
  for (const Trial& trial : trials_)
    if (trial.best && trial.counts_for_best())
      all.emplace_back(objective_.scores(trial.best->value, trial.best->further), trial.id);
  std::ranges::sort(all);
  // Whoever dominates one comes before it, and so does a member of the front that dominates it.
  std::vector<std::pair<Scores, TrialId>> members;
  for (auto& each : all)
    if (std::ranges::none_of(members,
                             [&](const auto& other) { return dominates(other.first, each.first); }))
      members.push_back(std::move(each));
  front_.emplace();
  for (const auto& [scores, id] : members) front_->push_back(id);
  std::ranges::sort(*front_);
  return *front_;
}

std::size_t State::unfinished() const {
  return count(TrialStatus::kPending) + count(TrialStatus::kRunning) + count(TrialStatus::kPaused);
}

Trial& State::at(TrialId id) {
  CHECK(known(id));
  return trials_[static_cast<std::size_t>(id.value)];
}

void State::set_status(Trial& trial, TrialStatus status) {
  by_status_[static_cast<std::size_t>(trial.status)].erase(trial.id);
  trial.status = status;
  by_status_[static_cast<std::size_t>(status)].insert(trial.id);
  if (ended(status)) trial.ended_at = now_;
  if (status == TrialStatus::kPending || status == TrialStatus::kPaused) trial.waits_since = now_;
}

void State::apply_input(const Turn& turn) {
  now_ = turn.time;
  last_step_ = turn.id;
  match(
      turn.input, [&](const Opened& opened) { open(opened); },
      [&](const Signal& signal) { take(signal, turn.late); },
      [&](const UserCommand& command) { take(command); });
}

void State::apply_decisions(const Turn& turn) {
  for (const Decision& decision : turn.decisions) decide(decision);
}

void State::open(const Opened& opened) {
  const bool first = runs_++ == 0;
  if (first) first_utc_us_ = opened.utc_us;
  // A study file that was changed since the limit was raised is the later word.
  if (!first && opened.trials != trial_limit_) raised_limit_ = 0;
  seed_ = opened.seed;
  trial_limit_ = opened.trials;
  asked_ = opened.asked;
  finished_.reset();
  if (opened.rebuilt) return;
  const std::set<TrialId> lost = with_status(TrialStatus::kRunning);
  for (const TrialId id : lost) {
    Exited exited{.trial = id, .launch = at(id).launch, .kind = ExitKind::kLost};
    exited.error = "the tuner ended while it ran";
    // Whoever ends the tuner knows of it; the trial has no part in that.
    exit(at(id), exited, 0);
  }
}

void State::take(const Signal& signal, bool late) {
  match(
      signal,
      [&](const Reported& reported) {
        reports_ += static_cast<std::int64_t>(reported.reports.size());
        for (const Report& report : reported.reports) {
          if (known(report.trial)) at(report.trial).taking_over = false;
          if (report.checkpoint && known(report.trial)) keep(*report.checkpoint);
          if (!late && counts(report)) take(report);
        }
      },
      [&](const CheckpointSaved& saved) {
        if (!known(saved.checkpoint.trial)) return;
        Trial& trial = at(saved.checkpoint.trial);
        if (trial.taking_over) return;
        keep(saved.checkpoint);
        if (trial.launch == saved.checkpoint.launch) saved_best(trial, saved.checkpoint);
      },
      [&](const CheckpointVoid& gone) { forget(gone.checkpoint); },
      [&](const Exited& exited) {
        if (!known(exited.trial)) return;
        Trial& trial = at(exited.trial);
        if (trial.live() && trial.launch == exited.launch) exit(trial, exited);
      },
      [](const LaunchEnded&) {}, [](const Waiting&) {}, [](const NodeJoined&) {},
      [](const NodeLost&) {}, [](const Deadline&) {});
}

void State::take(const Report& report) {
  Trial& trial = at(report.trial);
  trial.step = report.step;
  if (report.step > trial.furthest) {
    trial.furthest = report.step;
    trial.stuck = 0;
  }
  ++trial.reports;
  trial.metrics = report.metrics;
  const auto further = objective_.further_in(report.metrics);
  if (!report.value || !further) return;
  const Point point{report.step, *report.value, static_cast<float>(report.seconds)};
  // A retried or resumed trial repeats steps: its newer value replaces the older one.
  while (!trial.history.empty() && trial.history.back().step >= point.step) drop_last(trial);
  trial.history.push_back(point);
  trial.further.insert(trial.further.end(), further->begin(), further->end());
  const bool finite = std::isfinite(point.value) && std::ranges::all_of(*further, [](double each) {
                        return std::isfinite(each);
                      });
  if (finite && objective_.several()) {
    trial.best = Best{point.step, point.value, *further};
    front_.reset();
  } else if (finite && (!trial.best || objective_.better(point.value, trial.best->value))) {
    trial.best = Best{point.step, point.value};
    if (trial.counts_for_best() &&
        (!best_ || objective_.better(point.value, at(*best_).best->value)))
      best_ = trial.id;
  }
  if (report.checkpoint) saved_best(trial, *report.checkpoint);
}

/// A checkpoint of the last report. It has the best weights if they were reached at that report, or
/// again at it.
void State::saved_best(Trial& trial, const Checkpoint& checkpoint) {
  if (!trial.best || trial.best->config || trial.best->checkpoint || trial.history.empty()) return;
  const Point& last = trial.history.back();
  if (last.step == checkpoint.step && last.step == trial.best->step &&
      last.value == trial.best->value)
    trial.best->checkpoint = checkpoint;
}

void State::keep(const Checkpoint& checkpoint) {
  if (!known(checkpoint.trial)) return;
  auto& kept = at(checkpoint.trial).checkpoints;
  if (std::ranges::find(kept, checkpoint) == kept.end()) kept.push_back(checkpoint);
}

void State::forget(const Checkpoint& checkpoint) {
  for (Trial& trial : trials_) {
    if (trial.best && trial.best->checkpoint == checkpoint) trial.best->checkpoint.reset();
    auto& kept = trial.checkpoints;
    const bool own = checkpoint.trial == trial.id;
    const auto first = std::ranges::find(kept, checkpoint);
    if (first != kept.end() && (own || ended(trial.status))) kept.erase(first);
    // Its place among the others tells later which weights are from before the takeover.
    std::ranges::replace(kept, checkpoint, void_like(checkpoint));
    // A worker may be at work with what it had read before.
    if (!trial.live()) fall_back(trial);
  }
}

void State::exit(Trial& trial, const Exited& exited, int stuck) {
  const Decided decided = trial.decided;
  trial.decided = Decided::kNone;
  trial.busy += now_ - trial.launched;
  trial.taking_over = false;
  fall_back(trial);
  // Its work was done before it heard that it was to go on later.
  if (exited.kind == ExitKind::kCompleted && decided != Decided::kStop)
    return set_status(trial, TrialStatus::kCompleted);
  switch (decided) {
    case Decided::kStop: return set_status(trial, TrialStatus::kStopped);
    case Decided::kComplete: return set_status(trial, TrialStatus::kCompleted);
    case Decided::kHold: trial.held = true; [[fallthrough]];
    case Decided::kPause: return set_status(trial, TrialStatus::kPaused);
    case Decided::kRequeue: return set_status(trial, TrialStatus::kPending);
    case Decided::kNone: break;
  }
  const auto retry = [&](int count, int limit) {
    trial.reason = exited.error;
    trial.log_tail = exited.log_tail;
    const bool again = limit < 0 || count <= limit;
    set_status(trial, again ? TrialStatus::kPending : TrialStatus::kFailed);
  };
  switch (exited.kind) {
    case ExitKind::kCompleted: return set_status(trial, TrialStatus::kCompleted);
    case ExitKind::kStopped: return set_status(trial, TrialStatus::kStopped);
    case ExitKind::kPaused: return set_status(trial, TrialStatus::kPending);
    case ExitKind::kFailed:
    case ExitKind::kRefused: return retry(++trial.failures, retries_.max_failures);
    case ExitKind::kLost: ++trial.losses; return retry(trial.stuck += stuck, retries_.max_losses);
  }
}

void State::take(const UserCommand& command) {
  match(
      command, [&](const AddTrial& add) { requested_.push_back(add.config); },
      [](const PauseTrial&) {},  // a live one is paused by the tuner's decision in the same turn
      [&](const ResumeTrial& resume) {
        if (!known(resume.trial)) return;
        Trial& trial = at(resume.trial);
        if (trial.decided == Decided::kHold)
          trial.decided = trial.parked ? Decided::kPause : Decided::kRequeue;
        if (!trial.held) return;
        trial.held = false;
        set_status(trial, trial.parked ? TrialStatus::kPaused : TrialStatus::kPending);
      },
      [&](const Retry& again) {
        finished_.reset();
        for (const TrialId id : again.trials) retry(id);
      },
      [](const StopTrial&) {}, [](const PauseStudy&) {}, [](const StopStudy&) {},
      [&](const RaiseTrials& raise) {
        raised_limit_ = std::max(raised_limit_, raise.trials);
        exhausted_ = false;
      });
}

void State::retry(TrialId id) {
  if (!known(id) || !ended(at(id).status)) return;
  Trial& trial = at(id);
  // What it ended with would have it end at once.
  if (trial.status == TrialStatus::kCompleted) {
    trial.checkpoints.clear();
    if (trial.best) trial.best->checkpoint.reset();
  }
  trial.failures = trial.stuck = 0;
  trial.held = trial.parked = false;
  trial.reason.clear();
  trial.log_tail.clear();
  set_status(trial, TrialStatus::kPending);
}

void State::decide(const Decision& decision) {
  Trial& trial = at(subject(decision.action));
  if (!decision.reason.empty()) trial.reason = decision.reason;
  // A trial without a worker obeys at once. A live one obeys the last word, but that both user and
  // scheduler may have paused it.
  const auto judge = [&](Decided decided, TrialStatus at_rest) {
    if (ended(trial.status)) return;
    if (decided == Decided::kPause) trial.parked = true;
    if (trial.live())
      trial.decided =
          decided == Decided::kPause && trial.decided == Decided::kHold ? Decided::kHold : decided;
    else
      set_status(trial, at_rest);
  };
  match(
      decision.action, [&](const Stop&) { judge(Decided::kStop, TrialStatus::kStopped); },
      [&](const Complete&) { judge(Decided::kComplete, TrialStatus::kCompleted); },
      [&](const Pause& pause) {
        judge(pause.held ? Decided::kHold : Decided::kPause, TrialStatus::kPaused);
        if (pause.held && !trial.live()) trial.held = true;
      },
      [&](const Requeue&) { judge(Decided::kRequeue, TrialStatus::kPending); },
      [&](const Continue& go_on) {
        trial.until = go_on.until;
        trial.stretch = go_on.stretch;
      },
      [&](const Exploit& exploit) {
        trial.takeovers.push_back({exploit.donor, trial.config, trial.step});
        change_config(trial, exploit.config);
        trial.until = exploit.until;
        trial.stretch = exploit.stretch;
        trial.step = exploit.donor.step;
        trial.origin = exploit.donor.trial;
        while (!trial.history.empty() && trial.history.back().step > exploit.donor.step)
          drop_last(trial);
        trial.checkpoints.push_back(exploit.donor);
        trial.taking_over = trial.live();
      });
}

void State::apply(const Fill& fill, StudyTime time) {
  now_ = time;
  for (const NewTrial& created : fill.created) {
    CHECK(created.id.value == static_cast<std::int64_t>(trials_.size()));
    Trial trial;
    trial.id = created.id;
    trial.config = created.config;
    trial.width = created.width;
    trial.bracket = created.bracket;
    trial.origin = created.origin;
    trial.directory = created.directory;
    trial.created = trial.waits_since = time;
    trial.until = created.until;
    trials_.push_back(std::move(trial));
    by_status_[static_cast<std::size_t>(TrialStatus::kPending)].insert(created.id);
    // Requests come first and in order, so whatever the searcher proposes answers the oldest one.
    if (!requested_.empty() && !created.origin) requested_.erase(requested_.begin());
  }
  for (const Launch& launch : fill.launches) {
    next_launch_ = LaunchId{launch.id.value + 1};
    for (const Member& member : launch.members) {
      Trial& trial = at(member.trial);
      if (trial.attempts++ == 0) trial.started = time;
      trial.launch = launch.id;
      trial.slot = launch.shares.front().slot;
      trial.until = member.until;
      trial.stretch = member.stretch;
      trial.launched = time;
      trial.parked = false;
      trial.reason.clear();
      trial.step = member.from ? member.from->step : 0;
      set_status(trial, TrialStatus::kRunning);
    }
  }
  for (const Checkpoint& discard : fill.discards) {
    if (!known(discard.trial)) continue;
    Trial& trial = at(discard.trial);
    std::erase(trial.checkpoints, discard);
    if (trial.best && trial.best->checkpoint == discard) trial.best->checkpoint.reset();
  }
  if (fill.exhausted) exhausted_ = true;
  if (fill.finished) finished_ = fill.finished;
}

std::vector<TrialId> unsuccessful(const State& state) {
  const auto& failed = state.with_status(TrialStatus::kFailed);
  std::vector<TrialId> trials(failed.begin(), failed.end());
  for (const TrialId id : state.with_status(TrialStatus::kCompleted))
    if (state.trial(id).history.empty()) trials.push_back(id);
  std::ranges::sort(trials);
  return trials;
}

}  // namespace clavier
