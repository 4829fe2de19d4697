#include "sched/pbt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "sched/population.h"
#include "sched/ranking.h"
#include "sched/reports.h"

/// A mark is what a trial had at its last boundary, with the checkpoint of just that step. Donors
/// are chosen by marks, not by what trials have meanwhile: the value that won and the weights that
/// are taken over must belong together, whatever order reports, saves and exits come in. A mark
/// loses its claim (`own`) as soon as its trial takes over other weights.
/// Reports of one turn are put into a copy of the marks before any of them is judged, so that two
/// trials that meet in a turn see each other whichever is first. Who was paused at a boundary is
/// judged when its worker has left, not before: until then it may still report.
namespace clavier::sched {
namespace {

/// The mark that this report leaves.
Mark mark_of(const Report& report) {
  return {.step = report.step,
          .value = report.value,
          .launch = report.launch,
          .checkpoint = report.checkpoint,
          .own = true};
}

void put(std::vector<Mark>& marks, TrialId trial, Mark mark) {
  const auto at = static_cast<std::size_t>(trial.value);
  if (marks.size() <= at) marks.resize(at + 1);
  mark.took_over = marks[at].took_over;
  mark.seen = mark.step;
  mark.latest = mark.value;
  marks[at] = std::move(mark);
}

/// Trials that come back with a checkpoint at, or past, the step where they were to wait.
std::vector<TrialId> overdue(const Turn& turn, const State& state) {
  std::vector<TrialId> trials = brought_back(turn, state);
  if (const Exited* exited = exit_in(turn, state)) trials = {exited->trial};
  std::erase_if(trials, [&](TrialId id) {
    const Trial& trial = state.trial(id);
    const Checkpoint* from = trial.latest_checkpoint();
    return !from || from->step < trial.until || trial.status != TrialStatus::kPending;
  });
  return trials;
}

}  // namespace

Status check(const Space& space, const PbtOptions& options) {
  if (options.interval <= 0) return invalid("the interval must be at least one step");
  if (options.interval >= options.max_steps)
    return invalid(
        fmt::format("the interval is {} steps and a trial ends at step {}: it would "
                    "never be judged",
                    options.interval, options.max_steps));
  if (options.burn_in < 0 || options.burn_in >= options.max_steps)
    return invalid(
        fmt::format("burn_in is {}; it must be from 0 to below the last step", options.burn_in));
  if (!(options.quantile >= 0 && options.quantile <= 0.5))
    return invalid(
        fmt::format("the quantile is {}; it must be from 0 to 0.5: the lower and the "
                    "upper part of the population may not overlap",
                    options.quantile));
  return check(space, options.explore);
}

Pbt::Pbt(Objective objective, Space space, PbtOptions options, std::uint64_t seed)
    : objective_(std::move(objective)),
      space_(std::move(space)),
      options_(std::move(options)),
      seed_(seed),
      meeting_(std::min(options_.interval, options_.max_steps)) {
  CHECK(options_.interval > 0 && options_.quantile >= 0 && options_.quantile <= 0.5);
}

Steps Pbt::after(Steps step) const {
  if (synchronous() && step < meeting_) return meeting_;
  return std::min((step / options_.interval + 1) * options_.interval, options_.max_steps);
}

bool Pbt::others_wait(TrialId besides, const State& state) const {
  return still_to_be_made(state) > 0 || waits_for_slot(besides, state);
}

std::vector<Runnable> Pbt::resumes(const State& state) const {
  std::vector<Runnable> runnables;
  for (const TrialId id : least_advanced_first(state)) {
    const Steps step = state.trial(id).step;
    if (!synchronous() || step < meeting_) runnables.push_back(Resume{id, after(step)});
  }
  return runnables;
}

std::vector<Runnable> Pbt::next(const State& state, std::size_t appetite) const {
  return population_first(state, appetite, New{.until = after(0)}, resumes(state));
}

Decision Pbt::take_over(TrialId trial, TrialId donor, const std::string& standing,
                        const Marks& marks, const State& state) const {
  const Mark& own = marks[static_cast<std::size_t>(trial.value)];
  const Mark& other = marks[static_cast<std::size_t>(donor.value)];
  const auto go_on = [&](std::string_view why) {
    return Decision{Continue{trial, after(own.step)},
                    fmt::format("{}; drew trial {} as donor, but {}", standing, donor.value, why)};
  };
  if (!other.value || !objective_.better(*other.value, *own.value))
    return go_on(fmt::format("at step {} it was no better", other.step));
  if (!other.own) return go_on("it has just taken over other weights itself");
  const auto& kept = state.trial(donor).checkpoints;
  if (!other.checkpoint || std::ranges::find(kept, *other.checkpoint) == kept.end())
    return go_on(fmt::format("it has no checkpoint of step {}", other.step));
  Rng rng = Rng::keyed(seed_, trial.value, own.step, 1);
  Explored explored = explore(space_, options_.explore, state.trial(donor).config, rng);
  return {Exploit{.trial = trial,
                  .donor = *other.checkpoint,
                  .donor_value = *other.value,
                  .config = std::move(explored.config),
                  .until = after(other.step)},
          fmt::format("{}; takes over trial {} at step {} ({:.6g} against {:.6g}); {}", standing,
                      donor.value, other.step, *other.value, *own.value, explored.changes)};
}

Decision Pbt::judge(TrialId trial, const Marks& marks, const State& state) const {
  const Mark& own = marks[static_cast<std::size_t>(trial.value)];
  const auto go_on = [&](std::string why) {
    return Decision{Continue{trial, after(own.step)}, std::move(why)};
  };
  if (!own.value) return go_on("not judged: this report has no value");
  if (own.step < options_.burn_in) return go_on("");
  if (own.step <= own.took_over)
    return go_on(fmt::format("not judged again up to step {}", own.took_over));
  std::vector<Ranking::Entry> entries;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const TrialId id{static_cast<std::int64_t>(i)};
    const bool comparable = marks[i].step >= 0 && marks[i].latest &&
                            std::abs(marks[i].seen - own.step) <= options_.interval;
    if (comparable && !ended(state.trial(id).status))
      entries.push_back({objective_.rank_key(*marks[i].latest), id});
  }
  std::ranges::sort(entries, [](auto& a, auto& b) { return Ranking::precedes(a, b); });
  const std::size_t few = quantile_size(entries.size(), options_.quantile);
  const auto place = static_cast<std::size_t>(
      std::ranges::find(entries, trial, &Ranking::Entry::trial) - entries.begin());
  std::string standing = fmt::format("step {}: {} of {}", own.step, place + 1, entries.size());
  if (place + few < entries.size() || few == 0) return go_on(std::move(standing));
  Rng rng = Rng::keyed(seed_, trial.value, own.step, 0);
  return take_over(trial, entries[rng.below(few)].trial, standing, marks, state);
}

Decision Pbt::at_boundary(const Report& report, const State& state, const Marks& marks) const {
  const TrialId trial = report.trial;
  if (report.step >= options_.max_steps)
    return {Complete{trial}, fmt::format("reached step {}", options_.max_steps)};
  if (synchronous()) {
    if (report.step < meeting_) return {Continue{trial, meeting_}};
    return {Pause{trial}, fmt::format("waits for all others at step {}", meeting_)};
  }
  if (options_.shares_slots && others_wait(trial, state))
    return {Pause{trial}, fmt::format("step {}: others wait for a slot", report.step)};
  return judge(trial, marks, state);
}

void Pbt::judge_at_rest(TrialId trial, const State& state, std::vector<Decision>& decisions) const {
  const auto at = static_cast<std::size_t>(trial.value);
  if (at >= marks_.size() || !marks_[at].waits || ended(state.trial(trial).status)) return;
  Decision decision = judge(trial, marks_, state);
  if (std::holds_alternative<Exploit>(decision.action)) decisions.push_back(std::move(decision));
}

bool Pbt::all_met(const State& state) const {
  if (state.count(TrialStatus::kRunning) > 0 || state.count(TrialStatus::kPending) > 0 ||
      still_to_be_made(state) > 0)
    return false;
  const auto there = least_advanced_first(state);
  return !there.empty() && state.trial(there.front()).step >= meeting_;
}

std::vector<Decision> Pbt::decide(const Turn& turn, const State& state) const {
  std::vector<Decision> decisions;
  std::vector<const Report*> reports;
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    if (report.step >= std::min(trial.until, options_.max_steps)) reports.push_back(&report);
  });
  if (!reports.empty()) {
    Marks marks = marks_;
    for (const Report* report : reports) put(marks, report->trial, mark_of(*report));
    for (const Report* report : reports) decisions.push_back(at_boundary(*report, state, marks));
  }
  for (const TrialId id : overdue(turn, state))
    decisions.push_back({Continue{id, after(state.trial(id).latest_checkpoint()->step)}});
  if (!synchronous()) {
    if (const Exited* exited = exit_in(turn, state)) judge_at_rest(exited->trial, state, decisions);
  } else if (all_met(state)) {
    for (const TrialId id : least_advanced_first(state)) judge_at_rest(id, state, decisions);
  }
  return decisions;
}

bool Pbt::at_or_past_boundary(const Report& report) const {
  if (synchronous()) return true;
  const auto at = static_cast<std::size_t>(report.trial.value);
  const Steps before = at < marks_.size() ? marks_[at].seen : 0;
  return report.step >= options_.max_steps ||
         report.step / options_.interval != before / options_.interval;
}

void Pbt::see(const Report& report) {
  const auto at = static_cast<std::size_t>(report.trial.value);
  if (marks_.size() <= at) marks_.resize(at + 1);
  marks_[at].seen = report.step;
  marks_[at].latest = report.value;
}

void Pbt::observe(const Turn& turn, const State& state) {
  // Every report at a boundary has been decided upon, by this rule or another; a planner decides
  // between boundaries, too, where there may be no checkpoint to take over.
  for_each_report(turn, state, [&](const Report& report, const Trial& trial) {
    if (decided(turn, trial.id) && at_or_past_boundary(report))
      put(marks_, trial.id, mark_of(report));
    else
      see(report);
  });
  if (const auto* saved = input_as<CheckpointSaved>(turn)) {
    const auto at = static_cast<std::size_t>(saved->checkpoint.trial.value);
    if (at < marks_.size() && marks_[at].own && !marks_[at].checkpoint &&
        marks_[at].launch == saved->checkpoint.launch && marks_[at].step == saved->checkpoint.step)
      marks_[at].checkpoint = saved->checkpoint;
  }
  if (const Exited* exited = exit_in(turn, state); exited && !synchronous()) {
    const auto at = static_cast<std::size_t>(exited->trial.value);
    if (at < marks_.size()) marks_[at].waits = false;
  }
  for (const Decision& decision : turn.decisions) {
    const auto at = static_cast<std::size_t>(subject(decision.action).value);
    if (at >= marks_.size()) continue;
    if (std::holds_alternative<Pause>(decision.action))
      marks_[at].waits = marks_[at].own && marks_[at].seen == marks_[at].step;
    if (const auto* exploit = std::get_if<Exploit>(&decision.action)) {
      marks_[at].own = marks_[at].waits = false;
      marks_[at].took_over = marks_[at].step;
      marks_[at].seen = exploit->donor.step;
    }
  }
  if (!synchronous() || !all_met(state)) return;
  for (const TrialId id : least_advanced_first(state))
    meeting_ = std::max(meeting_, state.trial(id).step);
  meeting_ = std::min((meeting_ / options_.interval + 1) * options_.interval, options_.max_steps);
  for (Mark& mark : marks_) mark.waits = false;
}

bool Pbt::finished(const State& state) const { return resumes(state).empty(); }

}  // namespace clavier::sched
