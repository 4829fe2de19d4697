#include "cluster/rule_planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

/// A rule thinks in a picture of its own: trials and slots by number, one thing after another. Each
/// plan first brings that picture up to date, then lets the rule dispatch until it has no more to
/// say, then answers from what is assigned. In this order: slots before trials, for a new trial
/// takes the number that its slot was promised to; trials before what happened in slots, for
/// whether a stretch ended or its trial vanished is told by the trial; and all ends before the rule
/// is asked at all, since two trials may swap their slots. What the rule cannot know of (a trial
/// that the user added or brought back) makes it begin anew, with the speeds that were learned.
namespace clavier::cluster {
namespace {

/// So many trials that are not created yet are planned for, or two for each slot.
constexpr std::int64_t kForeseen = 1000;

/// Where a trial that is not running would go on from.
Steps resumes_at(const Trial& trial) {
  const Checkpoint* from = trial.latest_checkpoint();
  return from ? from->step : 0;
}

const AtEnd* find(const std::vector<AtEnd>& at_end, TrialId trial) {
  const auto found = std::ranges::find(at_end, trial, &AtEnd::trial);
  return found == at_end.end() ? nullptr : &*found;
}

}  // namespace

RulePlanner::RulePlanner(MakeRule make_rule, RulePlannerOptions options)
    : Planner({.multiplexes = true}),
      make_rule_(std::move(make_rule)),
      options_(options),
      rule_(make_rule_()) {
  CHECK(options_.target > 0 && options_.target != kForever && options_.interval > 0);
  CHECK(options_.report_every > 0);
  view_.costs.interval = options_.interval;
  view_.costs.grid = options_.report_every;
}

std::size_t RulePlanner::appetite(const ClusterState& cluster, const Supply& supply) const {
  const auto free = static_cast<std::int64_t>(cluster.free_count());
  if (free == 0) return 0;
  return 1 + supply.waiting + static_cast<std::size_t>(std::min(supply.new_trials, free));
}

int RulePlanner::number_of(TrialId trial) const {
  const auto at = static_cast<std::size_t>(trial.value);
  return at < number_of_.size() ? number_of_[at] : -1;
}

std::size_t RulePlanner::index_of(SlotId slot) const {
  const auto found = index_.find(slot);
  return found == index_.end() ? slots_.size() : found->second;
}

Plan RulePlanner::plan(const Demand& demand, const ClusterState& cluster, StudyTime now) {
  view_.now = seconds(now);
  view_.costs.move_seconds = cluster.move_seconds();
  sync(demand, cluster);
  ask();
  Plan plan;
  for (std::size_t i = 0; i < demand.at_end.size(); ++i) {
    const AtEnd& each = demand.at_end[i];
    const std::size_t slot = index_of(each.slot);
    Assignment& work = work_[slot];
    if (work.trial >= 0 && work.trial == number_of(each.trial)) {
      const SlotState& busy = cluster.slots().at(each.slot);
      work.begun = true;
      work.steps = busy.steps;
      work.seconds = busy.step_seconds;
      plan.rulings.push_back({i, true, stretch(slot, each.until), {}});
    } else if (work.trial < 0 &&
               view_.trials[static_cast<std::size_t>(number_of(each.trial))].slot < 0) {
      plan.rulings.push_back({i, true, each.done, {}});
    } else {
      plan.rulings.push_back({i, false, kForever, why_it_leaves(each.trial, work)});
    }
  }
  offer(demand, cluster, plan);
  if (demand.at_end.empty() && holds_up(demand.state)) plan.next_look = now;
  plan.awaits_room = cluster.any_busy();
  return plan;
}

/// Somebody is promised a slot in which another waits, or waits where it is not promised one.
bool RulePlanner::holds_up(const State& state) const {
  return std::ranges::any_of(state.with_status(TrialStatus::kRunning), [&](TrialId id) {
    const Trial& trial = state.trial(id);
    const std::size_t slot = index_of(trial.slot);
    if (trial.decided != Decided::kNone || trial.step < trial.waits_at() || slot >= work_.size())
      return false;
    const int number = number_of(id);
    const bool promised = number >= 0 && view_.trials[static_cast<std::size_t>(number)].slot >= 0;
    return promised || (work_[slot].trial >= 0 && !work_[slot].begun);
  });
}

std::string RulePlanner::why_it_leaves(TrialId trial, const Assignment& work) const {
  const int number = number_of(trial);
  const int goes_to = view_.trials[static_cast<std::size_t>(number)].slot;
  if (goes_to >= 0)
    return fmt::format("goes on in slot {}", slots_[static_cast<std::size_t>(goes_to)].value);
  const TrialId next = trial_of_[static_cast<std::size_t>(work.trial)];
  if (!next.valid()) return "a new trial takes its slot";
  return fmt::format("trial {} goes on in its slot", next.value);
}

Steps RulePlanner::stretch(std::size_t index, Steps until) const {
  const Steps to = work_[index].asked;
  return to >= until ? kForever : to;
}

void RulePlanner::sync(const Demand& demand, const ClusterState& cluster) {
  std::size_t position = 0;
  for (const auto& [id, slot] : cluster.slots()) {
    // Slots mostly have their places in the order of their ids.
    const std::size_t at =
        position < slots_.size() && slots_[position] == id ? position : index_of(id);
    ++position;
    if (at < slots_.size()) {
      states_[at] = &slot;
      continue;
    }
    index_[id] = slots_.size();
    slots_.push_back(id);
    states_.push_back(&slot);
    work_.emplace_back();
    SlotView seen;
    if (options_.speeds_known) {
      seen.seconds_per_unit = options_.seconds_per_step / slot.slot.speed;
      speeds_.declare(static_cast<int>(slots_.size()) - 1, *seen.seconds_per_unit);
    }
    view_.slots.push_back(seen);
  }
  mark_bundles();
  sync_trials(demand, cluster);
  // Everything that ended is told before anything is asked: two trials may swap their slots.
  for (std::size_t i = 0; i < slots_.size(); ++i) sync_slot(i, cluster, demand);
}

/// Where all trials ask for the same, that is what the largest slot has: its GPUs, or where there
/// are none its cores.
void RulePlanner::mark_bundles() {
  Resources most{.cpus = 0};
  for (const SlotState* state : states_) {
    most.cpus = std::max(most.cpus, state->slot.resources.cpus);
    most.gpus = std::max(most.gpus, state->slot.resources.gpus);
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Resources& has = states_[i]->slot.resources;
    view_.slots[i].bundle = most.gpus > 0 ? has.gpus >= most.gpus : has.cpus >= most.cpus;
  }
}

void RulePlanner::sync_trials(const Demand& demand, const ClusterState& cluster) {
  const State& state = demand.state;
  for (std::size_t i = number_of_.size(); i < state.trials().size(); ++i)
    open_.push_back(TrialId{static_cast<std::int64_t>(i)});
  number_of_.resize(state.trials().size(), -1);
  // One that had ended may run again.
  for (const TrialId id : state.with_status(TrialStatus::kPending))
    if (const auto at = std::ranges::lower_bound(open_, id); at == open_.end() || *at != id)
      open_.insert(at, id);
  for (std::size_t i = 0; i < waits_.size(); ++i)
    if (waits_[i]) view_.trials[i].finished = waits_[i] = false;
  bool surprise = false;
  for (const TrialId id : open_) surprise = sync_trial(state.trial(id)) || surprise;
  std::erase_if(open_, [&](TrialId id) {
    const int number = number_of(id);
    return ended(state.trial(id).status) &&
           (number < 0 || view_.trials[static_cast<std::size_t>(number)].slot < 0);
  });
  surprise = foresee(demand, cluster) || surprise;
  surprise = keep_together(demand) || surprise;
  if (!surprise) return;
  for (std::size_t i = 0; i < slots_.size(); ++i) note_begun(i, *states_[i], state);
  start_over();
}

/// Whether the rule could not know of it.
bool RulePlanner::sync_trial(const Trial& trial) {
  bool surprise = false;
  int& number = number_of_[static_cast<std::size_t>(trial.id.value)];
  if (number < 0) {
    // One that has started since takes the number that the rule gave it.
    const std::size_t slot = trial.attempts > 0 ? index_of(trial.slot) : slots_.size();
    const int promised = slot < slots_.size() && !work_[slot].begun ? work_[slot].trial : -1;
    if (promised >= 0 && !trial_of_[static_cast<std::size_t>(promised)].valid()) {
      number = promised;
    } else if (ended(trial.status)) {
      return false;
    } else if (!unnamed_.empty()) {
      number = *unnamed_.begin();
    } else {
      surprise = true;
      number = static_cast<int>(trial_of_.size());
      trial_of_.emplace_back();
      view_.trials.push_back({.target = options_.target});
    }
    unnamed_.erase(number);
    trial_of_[static_cast<std::size_t>(number)] = trial.id;
  }
  TrialView& seen = view_.trials[static_cast<std::size_t>(number)];
  if (seen.slot >= 0) return surprise;
  const bool over = ended(trial.status) || trial.status == TrialStatus::kPaused;
  surprise = surprise || (seen.finished && !over);
  seen.finished = over;
  if (!over && trial.status == TrialStatus::kPending) seen.done = resumes_at(trial);
  if (seen.done >= options_.target) seen.target = seen.done + 1;
  return surprise;
}

/// Trials that nobody has drawn yet: all alike. Of very many only the next ones are seen, and more
/// when half of these are used up.
bool RulePlanner::foresee(const Demand& demand, const ClusterState& cluster) {
  const auto twice = static_cast<std::int64_t>(cluster.alive_slots() * 2);
  const std::int64_t most = demand.new_trials == kForever ? twice : std::max(kForeseen, twice);
  const std::int64_t wanted = std::min(demand.new_trials, most);
  const auto seen = static_cast<std::int64_t>(unnamed_.size());
  view_.more_trials = demand.new_trials > most;
  const bool enough = demand.new_trials > most ? seen > most / 2 : seen >= wanted;
  if (enough && all_wanted_ && seen <= demand.new_trials) return false;
  bool surprise = false;
  std::int64_t missing = enough ? std::min(seen, wanted) : wanted;
  all_wanted_ = missing >= seen;
  for (const int number : unnamed_) {
    TrialView& trial = view_.trials[static_cast<std::size_t>(number)];
    const bool needed = missing-- > 0;
    surprise = surprise || (needed && trial.finished);
    trial.finished = !needed;
  }
  for (; missing > 0; --missing) {
    surprise = true;
    unnamed_.insert(static_cast<int>(trial_of_.size()));
    trial_of_.emplace_back();
    view_.trials.push_back({.target = options_.target});
  }
  return surprise;
}

/// Whether the limit has moved.
bool RulePlanner::keep_together(const Demand& demand) {
  if (options_.window == 0) return false;
  waits_.resize(view_.trials.size());
  const auto done = [&](std::size_t number) {
    const AtEnd* at_end = find(demand.at_end, trial_of_[number]);
    return at_end ? at_end->done : view_.trials[number].done;
  };
  const auto over = [&](std::size_t number) {
    const TrialId id = trial_of_[number];
    if (!id.valid()) return view_.trials[number].finished;
    const TrialStatus status = demand.state.trial(id).status;
    return ended(status) || status == TrialStatus::kPaused;
  };
  Steps least = options_.target;
  for (std::size_t i = 0; i < view_.trials.size(); ++i)
    if (!over(i)) least = std::min(least, done(i));
  const Steps limit =
      std::min(options_.target, (least / options_.interval + options_.window) * options_.interval);
  const bool moves = limit > limit_;
  limit_ = std::max(limit, limit_);
  for (std::size_t i = 0; i < view_.trials.size(); ++i) {
    TrialView& seen = view_.trials[i];
    if (over(i) || (seen.slot < 0 && seen.done >= options_.target)) continue;
    seen.target = limit_;
    if (seen.slot < 0 && seen.done >= limit_) seen.finished = waits_[i] = true;
  }
  return moves;
}

/// Takes note of a dispatch that has begun.
void RulePlanner::note_begun(std::size_t index, const SlotState& slot, const State& state) {
  Assignment& work = work_[index];
  if (work.trial < 0 || work.begun) return;
  const auto number = static_cast<std::size_t>(work.trial);
  const TrialId id = trial_of_[number];
  if (!id.valid() || !state.trial(id).live() || state.trial(id).slot != slots_[index]) return;
  work = {
      .trial = work.trial, .begun = true, .from = view_.trials[number].done, .asked = work.asked};
  view_.slots[index].since = seconds(slot.busy_since);
}

void RulePlanner::sync_slot(std::size_t index, const ClusterState& cluster, const Demand& demand) {
  const SlotState& slot = *states_[index];
  const bool usable = cluster.usable(slot);
  SlotView& seen = view_.slots[index];
  Assignment& work = work_[index];
  const State& state = demand.state;
  if (work.trial >= 0) {
    const auto number = static_cast<std::size_t>(work.trial);
    const TrialId id = trial_of_[number];
    const Trial* trial = id.valid() ? &state.trial(id) : nullptr;
    const bool here = trial && trial->live() && trial->slot == slots_[index];
    const AtEnd* at_end = trial ? find(demand.at_end, id) : nullptr;
    // A promise of a place that was closed since is lost, too.
    if (!slot.alive || (!usable && !work.begun)) {
      const int lost = std::exchange(work, {}).trial;
      TrialView& gone = view_.trials[static_cast<std::size_t>(lost)];
      gone.slot = -1;
      if (trial) {
        gone.done = resumes_at(*trial);
        gone.finished = ended(trial->status);
        reports_.resize(trial_of_.size());
        reports_[number] = trial->reports;
      }
      seen.trial = -1;
      seen.alive = false;
      rule_->observe(
          view_, {.kind = Happening::Kind::kLost, .slot = static_cast<int>(index), .trial = lost});
      return;
    }
    note_begun(index, slot, state);
    const bool vanished = trial ? ended(trial->status) || trial->status == TrialStatus::kPaused
                                : view_.trials[number].finished;
    if (!work.begun) {
      if (vanished) cancel(index);
    } else if (!here) {
      end(index, slot, trial ? resumes_at(*trial) : 0, trial);
    } else if (at_end && (at_end->done >= work.asked || at_end->done != trial->step)) {
      end(index, slot, at_end->done, trial);
    }
  }
  if (usable == seen.alive) return;
  seen.alive = usable;
  seen.since = view_.now;
  rule_->observe(view_, {.kind = usable ? Happening::Kind::kJoined : Happening::Kind::kLost,
                         .slot = static_cast<int>(index)});
}

void RulePlanner::end(std::size_t index, const SlotState& slot, Steps done, const Trial* trial) {
  const Assignment work = std::exchange(work_[index], {});
  SlotView& seen = view_.slots[index];
  TrialView& ran = view_.trials[static_cast<std::size_t>(work.trial)];
  if (trial) learn_grid(*trial, work.trial, work.from);
  ran.slot = -1;
  ran.done = done;
  ran.finished = trial && (ended(trial->status) || trial->status == TrialStatus::kPaused);
  ran.stopped = ran.finished && done < ran.target;
  if (!ran.finished && options_.window > 0 && done >= limit_ && done < options_.target) {
    ran.finished = waits_[static_cast<std::size_t>(work.trial)] = true;
  } else if (done >= ran.target) {
    ran.target = done + 1;
  }
  const double took = slot.step_seconds - work.seconds, steps = slot.steps - work.steps;
  if (steps > 0) learn(index, work.trial, took, steps);
  seen.trial = -1;
  const double since = std::exchange(seen.since, view_.now);
  rule_->observe(view_, {.kind = Happening::Kind::kEnded,
                         .slot = static_cast<int>(index),
                         .trial = work.trial,
                         .iterations = done - work.from,
                         .seconds = view_.now - since});
}

void RulePlanner::learn(std::size_t index, int trial, double seconds, double steps) {
  SlotView& seen = view_.slots[index];
  const double each = seconds / steps, intervals = steps / static_cast<double>(options_.interval);
  speeds_.add(trial, static_cast<int>(index), each, intervals,
              seen.measured > 0 ? seen.seconds_per_unit : std::nullopt);
  if (!speeds_.varies()) {
    const double before = seen.seconds_per_unit.value_or(0);
    learn_speed(seen, each, intervals);
    if (seen.measured == 1 && options_.speeds_known && before > 0)
      for (SlotView& other : view_.slots)
        if (other.measured == 0 && other.seconds_per_unit)
          *other.seconds_per_unit *= *seen.seconds_per_unit / before;
    return;
  }
  ++seen.measured;
  for (std::size_t i = 0; i < view_.trials.size(); ++i)
    view_.trials[i].cost = speeds_.cost(static_cast<int>(i));
  for (std::size_t i = 0; i < view_.slots.size(); ++i) {
    SlotView& slot = view_.slots[i];
    if (const auto learned = speeds_.seconds(static_cast<int>(i))) slot.seconds_per_unit = learned;
    if (slot.trial >= 0) slot.work = view_.work(slot.trial, work_[i].from, slot.until);
  }
}

/// The least mean distance of reports that any dispatch has shown.
void RulePlanner::learn_grid(const Trial& trial, int number, Steps from) {
  reports_.resize(trial_of_.size());
  std::int64_t& before = reports_[static_cast<std::size_t>(number)];
  const std::int64_t reports = trial.reports - std::exchange(before, trial.reports);
  if (reports <= 0 || trial.step <= from) return;
  // The last way to its end may be shorter than the others.
  if (grid_known_ && (ended(trial.status) || trial.step >= options_.target)) return;
  const Steps each = std::max<Steps>(1, (trial.step - from) / reports);
  if (grid_known_) {
    view_.costs.grid = std::min(view_.costs.grid, each);
    return;
  }
  grid_known_ = true;
  view_.costs.grid = each;
  for (std::size_t i = 0; i < work_.size(); ++i)
    if (work_[i].trial >= 0) expect(i);
}

/// Where what is assigned to the slot will end, and the work until there.
void RulePlanner::expect(std::size_t index) {
  const Assignment& work = work_[index];
  const TrialView& trial = view_.trials[static_cast<std::size_t>(work.trial)];
  SlotView& slot = view_.slots[index];
  slot.until = view_.costs.on_grid(work.asked, trial.target);
  slot.work = view_.work(work.trial, work.from, slot.until);
}

/// A promise that cannot be kept, or was kept and is over unseen: the trial is finished. For the
/// rule, the slot was away for a moment.
void RulePlanner::cancel(std::size_t index) {
  const int trial = std::exchange(work_[index], {}).trial;
  SlotView& seen = view_.slots[index];
  view_.trials[static_cast<std::size_t>(trial)].slot = -1;
  view_.trials[static_cast<std::size_t>(trial)].finished = true;
  seen.trial = -1;
  seen.alive = false;
  rule_->observe(view_,
                 {.kind = Happening::Kind::kLost, .slot = static_cast<int>(index), .trial = trial});
}

void RulePlanner::start_over() {
  for (std::size_t i = 0; i < work_.size(); ++i) {
    if (work_[i].trial < 0 || work_[i].begun) continue;
    view_.trials[static_cast<std::size_t>(work_[i].trial)].slot = -1;
    view_.slots[i].trial = -1;
    work_[i] = {};
  }
  rule_ = make_rule_();
  // Slots at work are told of when they end.
  for (std::size_t i = 0; i < view_.slots.size(); ++i)
    if (work_[i].trial < 0) view_.slots[i].alive = false;
}

void RulePlanner::ask() {
  while (const auto dispatch = rule_->next(view_)) assign(*dispatch);
}

void RulePlanner::assign(const Dispatch& dispatch) {
  TrialView& trial = view_.trials[static_cast<std::size_t>(dispatch.trial)];
  SlotView& slot = view_.slots[static_cast<std::size_t>(dispatch.slot)];
  CHECK(slot.alive && slot.trial < 0, "a rule dispatched to a slot that is not idle");
  CHECK(!trial.finished && trial.slot < 0, "a rule dispatched a trial that cannot start");
  const bool moves = trial.home >= 0 && trial.home != dispatch.slot;
  slot.trial = dispatch.trial;
  slot.since = view_.now;
  slot.move = moves ? view_.costs.move_seconds : 0;
  trial.slot = dispatch.slot;
  trial.home = dispatch.slot;
  const Steps to = trial.done + dispatch.iterations;
  const auto index = static_cast<std::size_t>(dispatch.slot);
  work_[index] = {.trial = dispatch.trial,
                  .from = trial.done,
                  .asked = grid_known_ ? view_.costs.on_grid(to, trial.target) : to};
  expect(index);
}

/// Since it was promised its slot a trial may have come further: a last report on its way out, or
/// others' weights. A stretch ends beyond that.
void RulePlanner::catch_up(std::size_t index, const Trial& trial) {
  Assignment& work = work_[index];
  TrialView& seen = view_.trials[static_cast<std::size_t>(work.trial)];
  const Steps done = resumes_at(trial);
  if (done == seen.done) return;
  seen.done = work.from = done;
  if (work.asked <= done)
    work.asked = std::max(done + 1, view_.costs.on_grid(done + 1, seen.target));
  expect(index);
}

void RulePlanner::offer(const Demand& demand, const ClusterState& cluster, Plan& plan) {
  if (demand.wants.empty()) return;
  // There may be very many fresh ones, all alike.
  for (const Want& want : demand.wants)
    plan.left_out.emplace_back(want.trial ? "the planner keeps it back for a later slot"
                                          : "not its turn");
  for (std::size_t i = 0; i < work_.size(); ++i) {
    Assignment& work = work_[i];
    if (work.trial < 0 || work.begun) continue;
    const TrialId trial = trial_of_[static_cast<std::size_t>(work.trial)];
    const SlotState& slot = cluster.slots().at(slots_[i]);
    for (std::size_t want = 0; want < demand.wants.size(); ++want) {
      const bool same =
          trial.valid() ? demand.wants[want].trial == trial : !demand.wants[want].trial;
      if (!same || plan.left_out[want].empty()) continue;
      if (slot.busy) {
        plan.left_out[want] = fmt::format("slot {} is being left for it", slots_[i].value);
      } else {
        plan.left_out[want].clear();
        if (trial.valid()) catch_up(i, demand.state.trial(trial));
        plan.starts.push_back({{want}, {slots_[i]}, stretch(i, demand.wants[want].until)});
      }
      break;
    }
  }
}

}  // namespace clavier::cluster
