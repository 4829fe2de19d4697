#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/match.h"
#include "study/directory_name.h"
#include "tuner/director.h"

/// The second half of a step: what starts with the capacity there is. Superfluous checkpoints
/// are given up first, so that no launch begins from one that goes with the same step. Each launch
/// is folded as it is made: the next trial's number, directory and slot follow from it. A
/// configuration is drawn only when its slot is certain, so that no draw is wasted on a trial that
/// never runs; where the number of its slots is part of the configuration it has to be drawn
/// before, and then waits as a trial.
namespace clavier::tuner {

Fill Director::fill(const Turn& turn, Capacity capacity) {
  Fill fill;
  discard(turn, fill);
  if (ending_) {
    finish(std::move(*ending_), fill);
    ending_.reset();
  }
  if (capacity == Capacity::kLeave || closing_ || state_.finished()) return fill;
  const std::size_t wanted = appetite();
  cluster::Plan plan;
  if (wanted > 0) {
    fill.asked = true;
    plan = start_some(wanted, fill);
    // The searcher had no more: what the scheduler would rather see than nothing may still run.
    if (fill.exhausted) plan = start_some(appetite(), fill);
  }
  if (fill.asked && state_.count(TrialStatus::kRunning) == 0) settle(plan, fill);
  return fill;
}

std::size_t Director::appetite() const {
  if (careful() && state_.count(TrialStatus::kRunning) > 0) return 0;
  const std::size_t launches = policies_.planner.appetite(
      cluster_,
      {.waiting = state_.count(TrialStatus::kPending) + state_.count(TrialStatus::kPaused),
       .new_trials = new_trials_wanted(),
       .single = careful()});
  if (!fuses()) return launches;
  const Fusion& fusion = options_.fusion;
  return launches * static_cast<std::size_t>(arrays_.largest(fusion.members, fusion.learned));
}

cluster::Plan Director::start_some(std::size_t appetite, Fill& fill) {
  auto wanted = runnables(appetite);
  const bool by_group = fuses() && !options_.fusion.shared.empty();
  if (options_.gang.differs() || by_group) wanted = drawn(wanted, fill);
  cluster::Plan plan = ask_planner(demand(wanted));
  for (const cluster::Start& start : plan.starts)
    if (!launch(wanted, start, fill) || careful()) break;
  return plan;
}

/// How many slots a new trial takes, or whom it may share one with, is known once it is drawn: it
/// may have to wait then.
std::vector<sched::Runnable> Director::drawn(const std::vector<sched::Runnable>& wanted,
                                             Fill& fill) {
  std::vector<sched::Runnable> known;
  for (const sched::Runnable& runnable : wanted) {
    const auto* fresh = std::get_if<sched::New>(&runnable);
    const auto trial = fresh ? create(*fresh, fill, fresh->until) : std::nullopt;
    if (fresh && !trial) break;
    known.push_back(fresh ? sched::Resume{*trial, fresh->until} : runnable);
  }
  return known;
}

std::int64_t Director::slots_of(const sched::Runnable& runnable) const {
  const auto* resume = std::get_if<sched::Resume>(&runnable);
  return resume ? options_.gang.of(state_.trial(resume->trial).config) : options_.gang.number;
}

/// Whom it may share a slot with. Where nothing is shared that is known also of new trials that
/// are not drawn yet.
void Director::label(const sched::Runnable& runnable, cluster::Want& want) const {
  if (!fuses()) return;
  Config config;
  Steps from = 0;
  double width = 1;
  if (const auto* fresh = std::get_if<sched::New>(&runnable)) width = fresh->width;
  if (const auto* resume = std::get_if<sched::Resume>(&runnable)) {
    const Trial& trial = state_.trial(resume->trial);
    const Checkpoint* checkpoint = trial.newest_before(resume->until);
    if (checkpoint) from = checkpoint->step;
    config = trial.config;
    width = trial.width;
  }
  const Fusion& fusion = options_.fusion;
  want.alike = fusion.alike(config, from, width);
  want.members = arrays_.members(fusion.alike(config, 0, width), fusion.members, fusion.learned);
}

std::string Director::why_it_waits(TrialId trial) const {
  if (remembers()) {
    const auto known = left_out_.find(trial);
    return known == left_out_.end() ? std::string() : known->second;
  }
  // Who has no memory answers at any time, and was not asked on replay.
  const cluster::Demand wanted = demand(runnables(appetite()));
  const cluster::Plan plan = planned(wanted);
  const auto want = std::ranges::find(wanted.wants, trial, &cluster::Want::trial);
  return want == wanted.wants.end()
             ? std::string()
             : plan.left_out[static_cast<std::size_t>(want - wanted.wants.begin())];
}

cluster::Demand Director::demand(const std::vector<sched::Runnable>& wanted) const {
  cluster::Demand demand{.state = state_};
  for (const sched::Runnable& runnable : wanted) {
    demand.wants.push_back(match(
        runnable,
        [](const sched::New& fresh) { return cluster::Want{.trial = {}, .until = fresh.until}; },
        [](const sched::Resume& resume) {
          return cluster::Want{.trial = resume.trial, .until = resume.until};
        }));
    demand.wants.back().slots = slots_of(runnable);
    label(runnable, demand.wants.back());
  }
  demand.new_trials = new_trials_wanted();
  return demand;
}

std::vector<sched::Runnable> Director::runnables(std::size_t appetite) const {
  std::vector<sched::Runnable> wanted;
  for (const TrialId id : state_.with_status(TrialStatus::kPending)) {
    if (wanted.size() == appetite) return wanted;
    wanted.push_back(sched::Resume{id, state_.trial(id).until});
  }
  std::size_t new_ones = new_trials_allowed();
  for (auto& runnable : policies_.scheduler.next(state_, appetite - wanted.size())) {
    if (wanted.size() == appetite) break;
    if (const auto* resume = std::get_if<sched::Resume>(&runnable)) {
      const Trial& trial = state_.trial(resume->trial);
      CHECK(trial.status == TrialStatus::kPaused && !trial.held,
            "a scheduler resumed a trial that is not paused");
    } else if (new_ones-- == 0) {
      break;
    }
    wanted.push_back(std::move(runnable));
  }
  return wanted;
}

std::size_t Director::new_trials_allowed() const {
  const auto room = state_.trial_limit() - static_cast<std::int64_t>(state_.trials().size());
  const auto free = state_.exhausted() ? 0 : std::max<std::int64_t>(room, 0);
  return static_cast<std::size_t>(free) + state_.requested().size();
}

/// For the planner; kForever where nothing limits their number.
std::int64_t Director::new_trials_wanted() const {
  if (state_.trial_limit() == kForever && !state_.exhausted()) return kForever;
  return static_cast<std::int64_t>(new_trials_allowed());
}

/// What `wanted` becomes as a member of a launch; none if the searcher has nothing for it.
std::optional<Member> Director::member(const sched::Runnable& wanted, Steps stretch, Fill& fill) {
  const auto trial = match(
      wanted, [&](const sched::New& fresh) { return create(fresh, fill); },
      [](const sched::Resume& resume) { return std::optional(resume.trial); });
  if (!trial) return {};
  const Trial& known = state_.trial(*trial);
  Member member{.trial = *trial, .attempt = known.attempts + 1};
  member.until = match(wanted, [](const auto& each) { return each.until; });
  member.stretch = stretch;
  if (const Checkpoint* from = known.newest_before(member.until)) member.from = *from;
  return member;
}

/// False if one of them is not in it, as the searcher had no configuration for it; the others start
/// all the same. While one trial is to show whether anything works, it is alone in its launch, too.
bool Director::launch(const std::vector<sched::Runnable>& wanted, const cluster::Start& start,
                      Fill& fill) {
  CHECK(!start.wants.empty() && !start.slots.empty() &&
        (start.wants.size() == 1 || start.slots.size() == 1));
  Launch started{.id = state_.next_launch()};
  for (const std::size_t want : start.wants) {
    auto next = member(wanted[want], start.stretch, fill);
    if (!next) break;
    started.members.push_back(*std::move(next));
    if (careful()) break;
  }
  if (started.members.empty()) return false;
  const bool complete = started.members.size() == start.wants.size();
  const double part = 1 / static_cast<double>(start.slots.size());
  for (const SlotId slot : start.slots) started.shares.push_back({.slot = slot, .part = part});
  Fill now;
  now.launches.push_back(std::move(started));
  state_.apply(now, state_.now());
  cluster_.apply(now, state_.now());
  fold_launch(now.launches.front());
  fill.launches.push_back(std::move(now.launches.front()));
  return complete;
}

std::optional<TrialId> Director::create(const sched::New& wanted, Fill& fill, Steps until) {
  const TrialId id{static_cast<std::int64_t>(state_.trials().size())};
  std::optional<Config> config;
  if (wanted.origin) {
    config = state_.trial(*wanted.origin).config;
  } else {
    auto suggestion = policies_.searcher.suggest(state_, id);
    if (std::holds_alternative<search::Exhausted>(suggestion)) {
      fill.exhausted = true;
      state_.apply(Fill{.exhausted = true}, state_.now());
    }
    if (auto* found = std::get_if<Config>(&suggestion)) config = std::move(*found);
  }
  if (!config) return {};
  NewTrial created{.id = id, .config = std::move(*config), .width = wanted.width};
  created.bracket = wanted.bracket;
  created.origin = wanted.origin;
  created.until = until;
  created.directory = trial_directory_name(options_.name, id, created.config,
                                           state_.first_utc_us() + microseconds(state_.now()));
  state_.apply(Fill{.created = {created}}, state_.now());
  fill.created.push_back(std::move(created));
  return id;
}

void Director::discard(const Turn& turn, Fill& fill) {
  std::vector<TrialId> touched;
  if (const auto* reported = input_as<Reported>(turn)) {
    for (const Report& report : reported->reports)
      if (report.checkpoint) touched.push_back(report.trial);
  } else if (const auto* saved = input_as<CheckpointSaved>(turn)) {
    touched.push_back(saved->checkpoint.trial);
  }
  for (const TrialId id : touched) {
    if (!state_.known(id)) continue;
    const Fill discards{.discards = retention_.superfluous(state_, id)};
    state_.apply(discards, state_.now());
    fill.discards.insert(fill.discards.end(), discards.discards.begin(), discards.discards.end());
  }
}

void Director::settle(const cluster::Plan& plan, Fill& fill) {
  if (!fill.launches.empty() || plan.awaits_room) return;
  if (state_.count(TrialStatus::kPending) > 0) {
    // Who takes several slots may wait for one that is still being left.
    if (cluster_.any_busy()) return;
    // Capacity is there, nothing runs, and yet the planner leaves out what could run.
    const std::string obstacle = plan.left_out.empty() ? std::string() : plan.left_out.front();
    finish({.kind = FinishKind::kFailure, .reason = "nothing can be placed: " + obstacle}, fill);
    return;
  }
  const auto& paused = state_.with_status(TrialStatus::kPaused);
  if (std::ranges::any_of(paused, [&](TrialId id) { return state_.trial(id).held; })) {
    closing_ = true;
    return;
  }
  if (new_trials_allowed() == 0 && !state_.exhausted())
    return finish({.kind = FinishKind::kDone,
                   .reason = fmt::format("all {} trials have run", state_.trials().size())},
                  fill);
  // It answers as it did when it gave up: there are no more trials than then.
  const TrialId next{static_cast<std::int64_t>(state_.trials().size())};
  const auto answer = state_.exhausted() ? policies_.searcher.suggest(state_, next)
                                         : search::Suggestion(search::NotNow{});
  const auto* exhausted = std::get_if<search::Exhausted>(&answer);
  if (exhausted && !exhausted->why.empty())
    return finish({.kind = FinishKind::kFailure, .reason = exhausted->why}, fill);
  finish({.kind = FinishKind::kDone, .reason = "the search space is exhausted"}, fill);
}

void Director::finish(Finished finished, Fill& fill) {
  finished.best = state_.best();
  fill.finished = std::move(finished);
  state_.apply(Fill{.finished = fill.finished}, state_.now());
}

}  // namespace clavier::tuner
