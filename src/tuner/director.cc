#include "tuner/director.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/match.h"
#include "cluster/arrays.h"
#include "sched/reports.h"
#include "study/cause.h"
#include "study/foldable.h"

/// The first half of a step. Why in this order: the input is folded before anybody judges, so that
/// all see the study as it is now. Rules, faults and the user come before the scheduler, for what
/// they end needs no decision any more, and one trial is decided upon once. The planner comes last:
/// it may only cut the way on which the scheduler has sent a trial. Until all have spoken nothing
/// of it is folded, so nobody sees half of a turn; and only then do the policies observe, which so
/// learn the same whether the turn is made now or read from the log. Replay goes the same way
/// without the judging; a planner with a memory is asked there, too, and its answer dropped.
namespace clavier::tuner {
namespace {

/// Metrics that rules wait for.
std::vector<NamedMetric> named_in(const StudyOptions& options) {
  std::vector<NamedMetric> named;
  for (const Metric& metric : options.trial_rules.metrics)
    named.push_back({"trial.stop." + metric.name, metric.name});
  for (const Threshold& threshold : options.trial_rules.thresholds)
    named.push_back({"trial.stop.threshold", threshold.metric});
  if (!options.keep.best_by.empty()) named.push_back({"checkpoint.best_by", options.keep.best_by});
  return named;
}

}  // namespace

Director::Director(StudyOptions options, Policies policies)
    : options_(std::move(options)),
      policies_(policies),
      state_(options_.objective, options_.retries),
      // Of several metrics the last report stands, whose checkpoint is the newest.
      retention_(options_.keep, options_.objective.several() ? Objective{} : options_.objective),
      plateau_(options_.study_rules.plateau_trials, options_.study_rules.plateau_min_delta) {
  faults_.expect(named_in(options_));
}

void Director::change(StudyOptions options) {
  CHECK(options.objective == options_.objective);
  options_ = std::move(options);
  state_.change(options_.retries);
  retention_.change(options_.keep);
  faults_.expect(named_in(options_));
  plateau_.change(options_.study_rules.plateau_trials, options_.study_rules.plateau_min_delta);
}

/// Nothing can be decided about it any more: it has ended, or is told to.
bool Director::closed(TrialId id) const {
  const Trial& trial = state_.trial(id);
  return ended(trial.status) || ends(trial.decided);
}

void Director::update_at_rest(TrialId id) {
  const Trial& trial = state_.trial(id);
  if (trial.live() && trial.decided == Decided::kNone && trial.step >= trial.waits_at())
    at_rest_.insert(id);
  else
    at_rest_.erase(id);
}

void Director::fold_input(const Turn& turn) {
  const auto* exited = input_as<Exited>(turn);
  const bool known = exited && state_.known(exited->trial);
  const bool was_live = known && state_.trial(exited->trial).live();
  const bool decided_upon = known && state_.trial(exited->trial).decided != Decided::kNone;
  state_.apply_input(turn);
  cluster_.apply_input(turn);
  arrays_.apply(turn);
  faults_.begin();

  if (input_as<Opened>(turn)) {
    closing_ = false;
    faults_.opened();
    for (const Trial& trial : state_.trials()) update_at_rest(trial.id);
  }
  if (input_as<PauseStudy>(turn)) closing_ = true;
  if (const auto* reported = input_as<Reported>(turn)) {
    for (const Report& report : reported->reports) {
      if (turn.late || !state_.counts(report)) continue;
      faults_.reported(report, state_);
      update_at_rest(report.trial);
    }
  }
  if (!was_live) return;
  update_at_rest(exited->trial);
  if (ended(state_.trial(exited->trial).status) && !state_.objective().several()) {
    std::optional<double> best;
    if (state_.best()) best = state_.trial(*state_.best()).best->value;
    plateau_.ended(state_.objective(), best);
    rival_.ended(state_.objective(), state_.trial(exited->trial));
  }
  const bool failed = exited->kind == ExitKind::kFailed || exited->kind == ExitKind::kRefused;
  if (failed && !decided_upon)
    faults_.failed(
        *exited,
        options_.retries.max_failures < 0 ? Faults::Retries::kEndless : Faults::Retries::kLimited,
        state_);
  else if (ended(state_.trial(exited->trial).status))
    faults_.ended(*exited, state_);
}

Turn Director::decide(StepId id, StudyTime time, Input input) {
  judge_exit(input);
  Turn turn{.id = id, .time = time, .input = std::move(input)};
  if (const auto* reported = input_as<Reported>(turn))
    turn.late =
        std::ranges::none_of(reported->reports, [&](auto& each) { return state_.counts(each); });
  fold_input(turn);

  judge_reports(turn);
  if (input_as<Deadline>(turn)) judge_time(turn);
  judge_fault(turn);
  if (const auto* exited = input_as<Exited>(turn)) judge_pause(*exited, turn);
  if (const auto* command = input_as<UserCommand>(turn)) obey(*command, turn);
  if (!ending_ && !state_.finished()) {
    if (auto reason = met(options_.study_rules, plateau_, state_, cluster_.cost(state_.now())))
      end_study({.kind = FinishKind::kStopRule, .reason = *reason}, turn);
  }
  if (!ending_ && !turn.late) {
    for (Decision& decision : policies_.scheduler.decide(turn, state_)) {
      const TrialId trial = subject(decision.action);
      CHECK(state_.known(trial), "a scheduler decided about a trial that does not exist");
      if (!sched::decided(turn, trial) && !closed(trial))
        turn.decisions.push_back(std::move(decision));
    }
    answer_the_waiting(turn);
    if (const auto* again = input_as<Retry>(turn)) lead_on(*again, turn);
    ask_about_stretches(turn);
    make_room(turn);
  }
  fold_decisions(turn);
  return turn;
}

/// A trial that runs out of memory because others share its device, or its array, has not failed:
/// it starts again, where there are fewer. Nor has one whose own files found no room on a disk: it
/// starts again, and where that disk is the study's, its executor lets it wait until there is room.
void Director::judge_exit(Input& input) const {
  auto* exited = input_as<Exited>(input);
  if (exited && exited->kind == ExitKind::kFailed && disk_was_full(exited->error))
    exited->kind = ExitKind::kLost;
  if (!exited || !cluster::ran_out_of_memory(*exited) || !state_.known(exited->trial)) return;
  const Trial& trial = state_.trial(exited->trial);
  if (!trial.live() || trial.launch != exited->launch) return;
  if (cluster_.packing().company(trial.slot) > 1 || arrays_.began_with(trial.launch) > 1)
    exited->kind = ExitKind::kLost;
}

void Director::fold_decisions(const Turn& turn) {
  state_.apply_decisions(turn);
  for (const Decision& decision : turn.decisions) update_at_rest(subject(decision.action));
  cluster_.apply_decisions(turn);
  retention_.observe(turn, state_);
  policies_.scheduler.observe(turn, state_);
  policies_.searcher.observe(turn, state_);
}

Status Director::replay(const Step& step) {
  TRY(foldable(step, state_));
  fold_input(step.turn);
  // Asks what was asked before, for the planner's memory alone.
  if (const cluster::Demand asked = at_ends(step.turn); !asked.at_end.empty()) ask_planner(asked);
  fold_decisions(step.turn);
  if (remembers() && step.fill.asked) ask_planner(demand(runnables(appetite())));
  state_.apply(step.fill, step.turn.time);
  cluster_.apply(step.fill, step.turn.time);
  for (const Launch& launch : step.fill.launches) fold_launch(launch);
  return {};
}

/// What is known of it besides the states.
void Director::fold_launch(const Launch& launch) {
  for (const Member& member : launch.members) update_at_rest(member.trial);
  if (!options_.fusion.on()) return;
  const Trial& first = state_.trial(launch.members.front().trial);
  const Slot& slot = cluster_.slots().at(launch.shares.front().slot).slot;
  arrays_.begin(launch, options_.fusion.alike(first.config, 0, first.width), slot.speed);
}

/// Trials that wait for their planner: at the end of a stretch, since this turn or before it.
cluster::Demand Director::at_ends(const Turn& turn) const {
  cluster::Demand demand{.state = state_};
  if (!remembers() || ending_ || closing_ || state_.finished()) return demand;
  for (const TrialId id : at_rest_) {
    const Trial& trial = state_.trial(id);
    cluster::AtEnd each{id, trial.slot, trial.step, trial.until};
    bool waits = true;
    for (const Decision& decision : turn.decisions) {
      if (subject(decision.action) != id) continue;
      match(
          decision.action, [&](const Continue& go_on) { each.until = go_on.until; },
          [&](const Exploit& exploit) {
            each.until = exploit.until;
            each.done = exploit.donor.step;
          },
          [](const Requeue&) {}, [&](const auto&) { waits = false; });
    }
    if (waits) demand.at_end.push_back(each);
  }
  if (!demand.at_end.empty()) demand.new_trials = new_trials_wanted();
  return demand;
}

cluster::Plan Director::ask_planner(const cluster::Demand& demand) {
  cluster::Plan plan = planned(demand);
  next_look_ = plan.next_look;
  if (!remembers() || demand.wants.empty()) return plan;
  left_out_.clear();
  for (std::size_t i = 0; i < demand.wants.size(); ++i)
    if (demand.wants[i].trial && !plan.left_out[i].empty())
      left_out_[*demand.wants[i].trial] = plan.left_out[i];
  return plan;
}

cluster::Plan Director::planned(const cluster::Demand& demand) const {
  if (!fuses()) return policies_.planner.plan(demand, cluster_, state_.now());
  return cluster::plan_arrays(policies_.planner, demand, cluster_, state_.now());
}

void Director::ask_about_stretches(Turn& turn) {
  const cluster::Demand demand = at_ends(turn);
  if (demand.at_end.empty()) return;
  cluster::Plan plan = ask_planner(demand);
  for (cluster::Ruling& ruling : plan.rulings) {
    const cluster::AtEnd& each = demand.at_end[ruling.trial];
    const auto made = std::ranges::find_if(turn.decisions, [&](const Decision& decision) {
      return subject(decision.action) == each.trial;
    });
    if (!ruling.stays) {
      turn.decisions.push_back({Requeue{each.trial}, std::move(ruling.reason)});
    } else if (made == turn.decisions.end()) {
      if (ruling.stretch > each.done)
        turn.decisions.push_back({Continue{each.trial, each.until, ruling.stretch}});
    } else if (auto* go_on = std::get_if<Continue>(&made->action)) {
      go_on->stretch = ruling.stretch;
    } else {
      std::get<Exploit>(made->action).stretch = ruling.stretch;
    }
  }
}

/// A device that turned out to do more with fewer trials gives up the launch that came last. The
/// others, and with them what is known of the device, stay as they are. It is told when it reports:
/// a report that crosses with a decision comes late, and no scheduler would see it.
void Director::make_room(Turn& turn) const {
  const auto* reported = input_as<Reported>(turn);
  if (closing_ || state_.finished() || !reported) return;
  for (const cluster::Packing::Crowd& crowd : cluster_.packing().crowds()) {
    std::vector<std::vector<TrialId>> stay;  // By launch.
    for (const LaunchId launch : crowd.busy) {
      std::vector<TrialId> members;
      for (const TrialId id : state_.with_status(TrialStatus::kRunning))
        if (state_.trial(id).launch == launch && state_.trial(id).decided == Decided::kNone &&
            !leaves(turn, id))
          members.push_back(id);
      if (!members.empty()) stay.push_back(std::move(members));
    }
    if (stay.size() <= crowd.open) continue;
    const auto goes = [&](const Report& each) {
      return std::ranges::find(stay.front(), each.trial) != stay.front().end();
    };
    if (std::ranges::any_of(reported->reports, goes))
      for (const TrialId id : stay.front())
        turn.decisions.push_back({Requeue{id}, cluster_.packing().why_closed(crowd.place)});
  }
}

bool Director::leaves(const Turn& turn, TrialId trial) const {
  return std::ranges::any_of(turn.decisions, [&](const Decision& each) {
    return subject(each.action) == trial && !std::holds_alternative<Continue>(each.action) &&
           !std::holds_alternative<Exploit>(each.action);
  });
}

void Director::judge_reports(Turn& turn) const {
  sched::for_each_report(turn, state_, [&](const Report& report, const Trial& trial) {
    // A model of NaN is not worth a last checkpoint: it is stopped, not completed.
    if (auto reason = diverged(options_.trial_rules, state_.objective(), report))
      turn.decisions.push_back({Stop{report.trial}, *reason});
    else if (auto rule = met(options_.trial_rules, state_.objective(), trial, report, state_.now()))
      turn.decisions.push_back({Complete{report.trial}, *rule});
    else if (report.step < options_.trial_length)
      if (auto why =
              sched::looks_bad(options_.trial_rules, state_.objective(), trial, report, rival_))
        turn.decisions.push_back({Stop{report.trial}, *why});
  });
}

void Director::judge_time(Turn& turn) const {
  for (const TrialId id : state_.with_status(TrialStatus::kRunning)) {
    const Trial& trial = state_.trial(id);
    if (trial.open() && time_up(options_.trial_rules, trial) <= state_.now())
      turn.decisions.push_back({Complete{id}, "its time is up"});
  }
}

void Director::judge_fault(Turn& turn) {
  if (const auto& fault = faults_.verdict())
    return end_study({.kind = FinishKind::kFailure, .reason = *fault}, turn);
  const auto* exited = input_as<Exited>(turn);
  if (!options_.fail_fast || !exited || exited->kind == ExitKind::kLost) return;
  if (state_.known(exited->trial) && state_.trial(exited->trial).status == TrialStatus::kFailed)
    end_study({.kind = FinishKind::kFailure,
               .reason = fmt::format("trial {} failed and fail_fast is set: {}",
                                     exited->trial.value, exited->error)},
              turn);
}

/// Pausing a program that cannot resume throws its work away: the user has to agree.
void Director::judge_pause(const Exited& exited, Turn& turn) {
  if (ending_ || options_.restart_paused || !state_.known(exited.trial)) return;
  const Trial& trial = state_.trial(exited.trial);
  if (trial.status != TrialStatus::kPaused || trial.held || trial.step == 0 ||
      !trial.checkpoints.empty())
    return;
  end_study({.kind = FinishKind::kFailure,
             .reason = fmt::format(
                 "trial {} was paused at step {} and left no checkpoint to resume from. Save one "
                 "when the trial is paused, choose a scheduler that does not pause, or set "
                 "[worker] restart_paused = true to start such trials anew",
                 trial.id.value, trial.step)},
            turn);
}

void Director::answer_the_waiting(Turn& turn) const {
  sched::for_each_report(turn, state_, [&](const Report& report, const Trial& trial) {
    if (report.step < trial.until || sched::decided(turn, trial.id)) return;
    turn.decisions.push_back({Complete{trial.id}, "the scheduler has no further step for it"});
  });
}

/// Whoever runs again from where it was to wait waits at its next step, unless its scheduler has
/// said more: no launch begins where it ends.
void Director::lead_on(const Retry& again, Turn& turn) const {
  for (const TrialId id : again.trials) {
    if (!state_.known(id) || sched::decided(turn, id)) continue;
    const Trial& trial = state_.trial(id);
    const Checkpoint* from = trial.latest_checkpoint();
    if (trial.status == TrialStatus::kPending && from && from->step >= trial.until)
      turn.decisions.push_back({Continue{id, from->step + 1}});
  }
}

void Director::obey(const UserCommand& command, Turn& turn) {
  const auto decide = [&](TrialId id, Action action, std::string reason) {
    if (state_.known(id) && !closed(id))
      turn.decisions.push_back({std::move(action), std::move(reason)});
  };
  match(
      command, [](const AddTrial&) {}, [](const ResumeTrial&) {}, [](const RaiseTrials&) {},
      [](const Retry&) {},
      [&](const PauseTrial& pause) {
        decide(pause.trial, Pause{pause.trial, true}, "paused by the user");
      },
      [&](const StopTrial& stop) { decide(stop.trial, Stop{stop.trial}, "stopped by the user"); },
      [&](const PauseStudy&) {
        for (const TrialId id : state_.with_status(TrialStatus::kRunning))
          if (state_.trial(id).decided == Decided::kNone)
            decide(id, Requeue{id}, "the run is being closed");
      },
      [&](const StopStudy&) {
        for (const TrialStatus status : {TrialStatus::kPending, TrialStatus::kPaused})
          for (const TrialId id : state_.with_status(status))
            decide(id, Stop{id}, std::string(kStudyEnds) + "stopped by the user");
        end_study({.kind = FinishKind::kUser, .reason = "stopped by the user"}, turn);
      });
}

/// Where a failure ends the study, it goes on once that is mended, and so do the trials that ran.
void Director::end_study(Finished finished, Turn& turn) {
  const bool goes_on = finished.kind == FinishKind::kFailure;
  for (const TrialId id : state_.with_status(TrialStatus::kRunning)) {
    const Trial& trial = state_.trial(id);
    const bool leaves = trial.decided != Decided::kNone;
    if (!trial.open() || sched::decided(turn, id) || (goes_on && leaves)) continue;
    turn.decisions.push_back({goes_on ? Action(Requeue{id}) : Action(Stop{id}),
                              std::string(kStudyEnds) + finished.reason});
  }
  ending_ = std::move(finished);
}

StudyTime Director::deadline() const {
  StudyTime next = kNever;
  if (options_.study_rules.time && !state_.finished()) next = StudyTime(*options_.study_rules.time);
  if (options_.study_rules.cost && !state_.finished())
    next = std::min(next, cost_up(options_.study_rules, cluster_.cost(state_.now()),
                                  cluster_.price_per_hour(), state_.now()));
  if (!closing_ && !state_.finished()) next = std::min(next, std::max(next_look_, state_.now()));
  if (options_.trial_rules.time)
    for (const TrialId id : state_.with_status(TrialStatus::kRunning))
      if (state_.trial(id).open())
        next = std::min(next, time_up(options_.trial_rules, state_.trial(id)));
  return next;
}

std::vector<TrialId> Director::to_retry() const {
  if (!state_.finished() || state_.finished()->kind != FinishKind::kFailure) return {};
  return unsuccessful(state_);
}

std::optional<Finished> Director::over() const {
  if (!state_.finished()) return {};
  switch (state_.finished()->kind) {
    case FinishKind::kFailure: return {};
    case FinishKind::kUser: return state_.finished();
    case FinishKind::kStopRule: {
      const auto reason = met(options_.study_rules, plateau_, state_, cluster_.cost(state_.now()));
      if (reason) return Finished{FinishKind::kStopRule, *reason, state_.best()};
      return {};
    }
    case FinishKind::kDone: {
      const auto limit = std::max(options_.trials, state_.raised_limit());
      const bool room = static_cast<std::int64_t>(state_.trials().size()) < limit;
      if (!state_.requested().empty() || (room && !state_.exhausted()) ||
          state_.count(TrialStatus::kPending) > 0)
        return {};
      return state_.finished();
    }
  }
  return {};
}

}  // namespace clavier::tuner
