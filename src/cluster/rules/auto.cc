#include "cluster/rules/auto.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cluster/rules/legs.h"
#include "cluster/rules/level_schedule.h"

/// The order of `next`: nothing while more happens at the same moment, or two trials could not swap
/// slots; then slots of unknown speed, for a schedule without speeds is a guess; then, while more
/// trials are to come than can be seen, no schedule at all, since there is no end to plan for; then
/// a new schedule where one is due, its legs, and where nobody runs any more whatever can: nothing
/// would ever happen again.
/// A new schedule has to be better than the present one by `gain`. Without that handicap two
/// schedules of nearly the same length would take turns at every measurement, and each turn costs
/// moves. What makes the present one impossible (kMust) is answered at once; what only makes it
/// less good (kWish) waits for its time, or noise alone would keep the planner busy.
namespace clavier::cluster::rules {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

std::size_t index(int number) { return static_cast<std::size_t>(number); }

bool startable(const TrialView& trial) { return !trial.finished && trial.slot < 0; }

bool idle(const SlotView& slot) { return slot.alive && slot.trial < 0; }

/// Until a busy slot has finished what it runs, as far as is known.
double seconds_left(const RolloutView& view, int slot) {
  const SlotView& seen = view.slots[index(slot)];
  return std::max(
      0.0, seen.since + seen.move + seen.work * seen.seconds_per_unit.value_or(0) - view.now);
}

/// Until the trial has come as far as its leg begins, where it runs now; infinite if it does not.
double seconds_until(const RolloutView& view, const Leg& leg) {
  const TrialView& trial = view.trials[index(leg.trial)];
  if (trial.slot < 0) return kNever;
  const SlotView& there = view.slots[index(trial.slot)];
  const auto beyond = static_cast<double>(std::max<Steps>(0, leg.from - there.until));
  return seconds_left(view, trial.slot) + beyond * trial.cost * there.seconds_per_unit.value_or(0);
}

/// How many iterations of the trial the slot does in `seconds`.
Steps iterations_in(const RolloutView& view, int slot, int trial, double seconds) {
  const double each =
      view.slots[index(slot)].seconds_per_unit.value_or(0) * view.trials[index(trial)].cost;
  return static_cast<Steps>(std::min(seconds / std::max(each, 1e-300), 1e15));
}

/// As many of the iterations as end where dispatches may.
Steps whole_cells(const RolloutView& view, int trial, Steps iterations) {
  const TrialView& seen = view.trials[index(trial)];
  const Steps to = seen.done + iterations, grid = view.costs.grid;
  return to >= seen.target ? iterations : std::max<Steps>(0, to / grid * grid - seen.done);
}

}  // namespace

void Auto::observe(const RolloutView& view, const Happening& happening) {
  const SlotView& slot = view.slots[index(happening.slot)];
  if (far_) {
    to_ask_.push_back(happening.slot);
    if (happening.trial >= 0) begun_.push_back(happening.trial);
  }
  switch (happening.kind) {
    case Happening::Kind::kJoined:
      need_ = Need::kMust;
      probing_ = probing_ || !slot.seconds_per_unit;
      return;
    case Happening::Kind::kLost:
      need_ = Need::kMust;
      whole_ = false;
      return;
    case Happening::Kind::kEnded: break;
  }
  last_here_.resize(view.slots.size(), -1);
  last_here_[index(happening.slot)] = happening.trial;
  if (need_ == Need::kMust) return;
  to_ask_.push_back(happening.slot);
  if (const int waiting = next_slot(view, happening.trial); waiting >= 0)
    to_ask_.push_back(waiting);
  const double planned = planned_seconds_[index(happening.slot)];
  if (slot.measured == 1 && planned < 0) need_ = Need::kMust;
  const TrialView& trial = view.trials[index(happening.trial)];
  // Stopped, failed on the way, or gone on from others' weights: not where its next leg begins.
  if (trial.stopped || (!trial.finished && trial.done != slot.until)) need_ = Need::kMust;
  if (view.costs.grid != planned_grid_) need_ = Need::kMust;
  const double cost = planned_costs_[index(happening.trial)];
  if (std::abs(*slot.seconds_per_unit - planned) > options_.tolerance * planned ||
      std::abs(trial.cost - cost) > options_.tolerance * cost)
    need_ = std::max(need_, Need::kWish);
}

std::optional<Dispatch> Auto::next(const RolloutView& view) {
  // At one moment everything that happens comes first, or two trials could not swap slots.
  if (view.more_now) return std::nullopt;
  if (const auto dispatch = probe(view)) return dispatch;
  if (view.more_trials) return keep_busy(view);
  if (std::exchange(far_, false)) need_ = Need::kMust;
  if (need_ == Need::kMust || (need_ == Need::kWish && view.now >= next_schedule_)) schedule(view);
  if (const auto dispatch = follow(view)) return dispatch;
  return last_resort(view);
}

std::optional<Dispatch> Auto::probe(const RolloutView& view) {
  if (!probing_) return std::nullopt;
  bool unknown = false;
  for (std::size_t i = 0; i < view.slots.size(); ++i) {
    if (!view.slots[i].alive || view.slots[i].seconds_per_unit) continue;
    unknown = true;
    if (!idle(view.slots[i])) continue;
    int chosen = -1;
    for (std::size_t trial = 0; trial < view.trials.size(); ++trial) {
      if (!startable(view.trials[trial])) continue;
      // One that nobody holds costs no move.
      if (chosen < 0 || (view.trials[trial].home < 0 && view.trials[index(chosen)].home >= 0))
        chosen = static_cast<int>(trial);
    }
    if (chosen < 0) return std::nullopt;
    // The second iteration tells the slot's speed apart from what it takes to start there.
    const TrialView& first = view.trials[index(chosen)];
    return Dispatch{chosen, static_cast<int>(i), std::min<Steps>(2, first.target - first.done)};
  }
  probing_ = unknown;
  return std::nullopt;
}

void Auto::schedule(const RolloutView& view) {
  ++schedules_made_;
  const Outlook outlook = look(view);
  const double soonest = outlook.soonest();
  const bool large = view.trials.size() + view.slots.size() >= options_.large;
  double best_end = kNever;
  const auto consider = [&](std::optional<Legs> legs, double handicap) {
    if (!legs) return;
    const RolloutResult rehearsal = rehearse(outlook, *legs);
    if (rehearsal.hung || rehearsal.makespan * (1 + handicap) >= best_end) return;
    best_end = rehearsal.makespan * (1 + handicap);
    end_ = view.now + rehearsal.makespan;
    legs_ = std::move(*legs);
  };
  // Nothing else can be better by more than its handicap; where that is dear, by more than twice.
  const auto settled = [&] {
    return best_end <= soonest * (1 + options_.gain) * (large ? 1 + options_.gain : 1);
  };
  if (whole_) consider(legs_, 0);
  for (const Order order : {Order::kHomeFirst, Order::kLongestFirst})
    for (const bool fast_last : {true, false}) {
      if (settled()) break;
      if (large && (order == Order::kLongestFirst ? schedules_made_ > 1 : !fast_last)) continue;
      LevelOptions level{.order = order, .fast_last = fast_last};
      if (large) {
        level.precision = 0.02;
        level.at_most = best_end;
      }
      consider(tightest_level_schedule(outlook, level), options_.gain);
    }
  if (!settled()) consider(list_schedule(outlook), options_.gain);
  itinerary_.assign(view.trials.size(), {});
  for (std::size_t slot = 0; slot < legs_.size(); ++slot)
    for (const Leg& leg : legs_[slot])
      itinerary_[index(leg.trial)].push_back({leg.to, static_cast<int>(slot)});
  for (auto& stops : itinerary_) std::ranges::sort(stops, {}, &Stop::to);
  planned_seconds_.assign(view.slots.size(), -1);
  for (std::size_t i = 0; i < view.slots.size(); ++i)
    if (view.slots[i].seconds_per_unit) planned_seconds_[i] = *view.slots[i].seconds_per_unit;
  planned_costs_.clear();
  for (const TrialView& trial : view.trials) planned_costs_.push_back(trial.cost);
  planned_grid_ = view.costs.grid;
  whole_ = std::isfinite(best_end);
  need_ = whole_ ? Need::kNone : Need::kWish;
  next_schedule_ = view.now + (large ? 4 : 1) * options_.pace * std::max(0.0, end_ - view.now);
  to_ask_.clear();
  for (int slot = static_cast<int>(legs_.size()) - 1; slot >= 0; --slot) to_ask_.push_back(slot);
}

std::optional<Dispatch> Auto::follow(const RolloutView& view) {
  while (!to_ask_.empty()) {
    const int slot = to_ask_.back();
    to_ask_.pop_back();
    if (!idle(view.slots[index(slot)])) continue;
    if (const auto dispatch = follow(view, slot)) return dispatch;
  }
  return std::nullopt;
}

int Auto::next_slot(const RolloutView& view, int trial) const {
  const auto& stops = itinerary_[index(trial)];
  const auto stop = std::ranges::upper_bound(stops, view.trials[index(trial)].done, {}, &Stop::to);
  return stop == stops.end() ? -1 : stop->slot;
}

std::optional<Dispatch> Auto::follow(const RolloutView& view, int slot) {
  std::deque<Leg>& queue = legs_[index(slot)];
  std::erase_if(queue, [&](const Leg& leg) {
    const TrialView& trial = view.trials[index(leg.trial)];
    return trial.finished || trial.done >= leg.to;
  });
  double wait = kNever;
  for (const Leg& leg : queue) {
    const TrialView& trial = view.trials[index(leg.trial)];
    if (trial.slot < 0 && trial.done >= leg.from) {
      const Steps most =
          std::min(chunk(view, slot, leg),
                   whole_cells(view, leg.trial, iterations_in(view, slot, leg.trial, wait)));
      if (most > 0) return Dispatch{leg.trial, slot, most};
      break;
    }
    // What runs in between must not make the next one wait in turn.
    wait = std::min(wait, seconds_until(view, leg));
  }
  return bridge(view, slot);
}

std::optional<Dispatch> Auto::bridge(const RolloutView& view, int slot) const {
  const int number = index(slot) < last_here_.size() ? last_here_[index(slot)] : -1;
  if (number < 0) return std::nullopt;
  const TrialView& trial = view.trials[index(number)];
  if (trial.home != slot || !startable(trial)) return std::nullopt;
  const int goes_to = next_slot(view, number);
  if (goes_to < 0) return std::nullopt;
  if (view.slots[index(goes_to)].trial < 0) return std::nullopt;
  const Steps meanwhile =
      whole_cells(view, number, iterations_in(view, slot, number, seconds_left(view, goes_to)));
  const Steps most = std::min(meanwhile, chunk(view, slot, {number, trial.done, trial.target}));
  if (most < 1) return std::nullopt;
  return Dispatch{number, slot, most};
}

Steps Auto::chunk(const RolloutView& view, int slot, const Leg& leg) const {
  const TrialView& trial = view.trials[index(leg.trial)];
  if (!view.slots[index(slot)].seconds_per_unit) return 1;
  const double seconds = std::max(options_.chunk * (end_ - view.now),
                                  options_.moves_per_chunk * view.costs.move_seconds);
  const Steps most = iterations_in(view, slot, leg.trial, seconds);
  return std::clamp<Steps>(most, 1, leg.to - trial.done);
}

std::optional<Dispatch> Auto::keep_busy(const RolloutView& view) {
  need_ = Need::kMust;  // As soon as the end is near.
  if (!std::exchange(far_, true)) {
    to_ask_.clear();
    begun_.clear();
    fresh_ = 0;
    for (int slot = static_cast<int>(view.slots.size()) - 1; slot >= 0; --slot)
      to_ask_.push_back(slot);
    for (std::size_t i = view.trials.size(); i > 0; --i)
      if (view.trials[i - 1].done > 0) begun_.push_back(static_cast<int>(i - 1));
  }
  while (!to_ask_.empty()) {
    const int slot = to_ask_.back();
    to_ask_.pop_back();
    if (!idle(view.slots[index(slot)])) continue;
    const int trial = next_trial(view, slot);
    if (trial < 0) break;
    const TrialView& next = view.trials[index(trial)];
    return Dispatch{trial, slot, next.target - next.done};
  }
  return std::nullopt;
}

/// What the slot has left itself, what others have, or a fresh trial.
int Auto::next_trial(const RolloutView& view, int slot) {
  if (index(slot) < last_here_.size())
    if (const int last = last_here_[index(slot)];
        last >= 0 && startable(view.trials[index(last)]) && view.trials[index(last)].home == slot)
      return last;
  while (!begun_.empty()) {
    const int trial = begun_.back();
    begun_.pop_back();
    if (startable(view.trials[index(trial)])) return trial;
  }
  while (fresh_ < view.trials.size()) {
    const auto trial = fresh_++;
    if (startable(view.trials[trial])) return static_cast<int>(trial);
  }
  return -1;
}

std::optional<Dispatch> Auto::last_resort(const RolloutView& view) const {
  if (std::ranges::any_of(view.slots, [](const SlotView& slot) { return slot.trial >= 0; }))
    return std::nullopt;
  int best = -1;
  for (std::size_t i = 0; i < view.slots.size(); ++i) {
    if (!idle(view.slots[i]) || !view.slots[i].seconds_per_unit) continue;
    if (best < 0 || *view.slots[i].seconds_per_unit < *view.slots[index(best)].seconds_per_unit)
      best = static_cast<int>(i);
  }
  if (best < 0) return std::nullopt;
  for (std::size_t i = 0; i < view.trials.size(); ++i) {
    const TrialView& trial = view.trials[i];
    if (startable(trial))
      return Dispatch{static_cast<int>(i), best,
                      std::min(view.costs.interval, trial.target - trial.done)};
  }
  return std::nullopt;
}

}  // namespace clavier::cluster::rules
