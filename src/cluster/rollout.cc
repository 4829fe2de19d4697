#include "cluster/rollout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>

#include "base/check.h"
#include "base/rng.h"
#include "cluster/bound.h"

/// The rule is asked until it has nothing more to say, then exactly one thing happens, and so on.
/// What happens at one moment comes one after the other, with `more_now` set until the last: a rule
/// that wants to swap two trials needs both to have ended.
/// Noise is keyed by slot, trial and interval instead of drawn in the order of events: rules that
/// are compared on one scenario meet the same weather, however differently they act. An end at the
/// very moment at which its slot leaves has still happened.
namespace clavier::cluster {
namespace {

constexpr double kSameMoment = 1e-9;
/// A measured speed off by more is another speed, not noise.
constexpr double kJump = 1.5;
/// A short dispatch counts for this part of an interval when speeds are averaged.
constexpr double kLeastIntervals = 0.1;

/// Evaluations due in (from, to]: at multiples of the interval and at the target.
Steps evaluations_in(Steps from, Steps to, Steps interval, Steps target) {
  const Steps multiples = to / interval - from / interval;
  return multiples + (to == target && from < to && target % interval != 0 ? 1 : 0);
}

class Rollout {
 public:
  Rollout(const Scenario& scenario, RolloutRule& rule, const RolloutOptions& options)
      : scenario_(scenario), rule_(rule), options_(options), habits_(rule.habits()) {
    view_.now = options.start;
    view_.costs = scenario.costs;
    for (const RolloutTrial& trial : scenario.trials) {
      CHECK(trial.target > 0 && trial.cost > 0);
      view_.trials.push_back({.done = trial.done,
                              .target = trial.target,
                              .cost = trial.cost,
                              .finished = trial.done >= trial.target,
                              .home = trial.home});
      if (trial.done < trial.target) ++unfinished_;
    }
    for (const RolloutSlot& slot : scenario.slots) {
      SlotView seen{.bundle = slot.bundle};
      if (slot.assumed) seen.seconds_per_unit = 1 / *slot.assumed;
      view_.slots.push_back(seen);
    }
    running_.resize(scenario.slots.size());
  }

  RolloutResult play() {
    std::vector<bool> absent(view_.slots.size());
    for (const SlotChange& change : scenario_.changes)
      if (change.time <= view_.now) absent[index(change.slot)] = !change.alive;
    for (int slot = 0; slot < static_cast<int>(view_.slots.size()); ++slot)
      if (!absent[index(slot)]) join(slot);
    while (unfinished_ > 0) {
      ask();
      if (!advance()) {
        result_.hung = true;
        break;
      }
    }
    return std::move(result_);
  }

 private:
  struct Running {
    Steps from = 0, to = 0;
    double end = 0;
    bool stopped = false;
    std::uint64_t event = 0;
  };
  struct Event {
    double time = 0;
    std::uint64_t number = 0;
    int slot = 0;
    bool operator>(const Event& other) const {
      return time != other.time ? time > other.time : number > other.number;
    }
  };

  void ask() {
    while (const auto dispatch = rule_.next(view_)) start(*dispatch);
  }

  /// Takes the next thing that happens; false if nothing will.
  bool advance() {
    while (!events_.empty() && running_[index(events_.top().slot)].event != events_.top().number)
      events_.pop();  // Lost with its slot.
    const bool changes = next_change_ < scenario_.changes.size();
    if (events_.empty() && !changes) return false;
    ++result_.events;
    if (changes && (events_.empty() || scenario_.changes[next_change_].time < events_.top().time)) {
      const SlotChange change = scenario_.changes[next_change_++];
      view_.now = std::max(view_.now, change.time);
      set_more_now();
      change.alive ? join(change.slot) : lose(change.slot);
    } else {
      const Event event = events_.top();
      events_.pop();
      view_.now = event.time;
      set_more_now();
      end(event.slot);
    }
    return true;
  }

  void set_more_now() {
    view_.more_now = !events_.empty() &&
                     events_.top().time <= view_.now + kSameMoment * std::max(1.0, view_.now);
  }

  void join(int slot) {
    SlotView& seen = view_.slots[index(slot)];
    if (seen.alive) return;
    seen.alive = true;
    seen.since = view_.now;
    rule_.observe(view_, {.kind = Happening::Kind::kJoined, .slot = slot});
  }

  void lose(int slot) {
    SlotView& seen = view_.slots[index(slot)];
    if (!seen.alive) return;
    const int lost = seen.trial;
    if (lost >= 0) {
      Running& run = running_[index(slot)];
      TrialView& trial = view_.trials[index(lost)];
      trial.slot = -1;
      // What was evaluated was saved; how far it had come follows from the work done so far.
      const double done = scenario_.slots[index(slot)].rate.work(seen.since + seen.move, view_.now);
      for (Steps at = next_boundary(run.from, trial.target); at <= run.to;
           at = next_boundary(at, trial.target)) {
        if (work_of(slot, lost, run.from, at) > done || habits_.evaluates_each_dispatch) break;
        trial.done = at;
        if (at == trial.target) break;
      }
      run.event = 0;
      seen.trial = -1;
    }
    seen.alive = false;
    rule_.observe(view_, {.kind = Happening::Kind::kLost, .slot = slot, .trial = lost});
  }

  Steps next_boundary(Steps after, Steps target) const {
    const Steps interval = scenario_.costs.interval;
    return std::min(target, (after / interval + 1) * interval) + (after >= target ? 1 : 0);
  }

  /// Nominal units of work of a dispatch.
  double nominal(int trial, Steps from, Steps to) const {
    if (!habits_.evaluates_each_dispatch) return view_.work(trial, from, to);
    return (static_cast<double>(to - from) + scenario_.costs.evaluation) *
           view_.trials[index(trial)].cost;
  }

  /// The same as the slot will feel it: each interval's share at its drawn factor.
  double work_of(int slot, int trial, Steps from, Steps to) const {
    const double work = nominal(trial, from, to);
    if (scenario_.noise == 0) return work;
    const Steps interval = scenario_.costs.interval;
    double factor = 0;
    for (Steps at = from; at < to;) {
      const Steps end = std::min(to, (at / interval + 1) * interval);
      Rng rng = Rng::keyed(scenario_.seed, slot, trial, at / interval);
      factor += std::max(0.2, 1 + scenario_.noise * rng.normal()) * static_cast<double>(end - at);
      at = end;
    }
    return work * factor / static_cast<double>(to - from);
  }

  void start(const Dispatch& dispatch) {
    TrialView& trial = view_.trials[index(dispatch.trial)];
    SlotView& slot = view_.slots[index(dispatch.slot)];
    CHECK(slot.alive && slot.trial < 0, "a rule dispatched to a slot that is not idle");
    CHECK(!trial.finished && trial.slot < 0, "a rule dispatched a trial that cannot start");
    CHECK(dispatch.iterations > 0 && trial.done + dispatch.iterations <= trial.target);
    Running& run = running_[index(dispatch.slot)];
    const Steps to = view_.costs.on_grid(trial.done + dispatch.iterations, trial.target);
    run = {.from = trial.done, .to = to};
    stop_early(scenario_.trials[index(dispatch.trial)].stop_at, trial, run);
    const bool moves =
        trial.home >= 0 && (habits_.moves_each_dispatch || trial.home != dispatch.slot);
    slot.trial = dispatch.trial;
    slot.until = to;
    slot.since = view_.now;
    slot.move = moves ? scenario_.costs.move_seconds : 0;
    slot.work = nominal(dispatch.trial, run.from, slot.until);
    trial.slot = dispatch.slot;
    trial.home = dispatch.slot;
    run.end = scenario_.slots[index(dispatch.slot)].rate.finish(
        view_.now + slot.move, work_of(dispatch.slot, dispatch.trial, run.from, run.to));
    run.event = ++number_;
    if (std::isfinite(run.end)) events_.push({run.end, run.event, dispatch.slot});
    ++result_.dispatches;
    result_.moves += moves ? 1 : 0;
    if (options_.record_pieces)
      result_.pieces.push_back({.slot = dispatch.slot,
                                .trial = dispatch.trial,
                                .from = run.from,
                                .to = run.to,
                                .start = view_.now,
                                .end = run.end,
                                .moved = moves});
  }

  void stop_early(Steps stop_at, const TrialView& trial, Running& run) const {
    if (run.to < stop_at) return;
    if (!habits_.evaluates_each_dispatch) {
      const Steps seen = next_boundary(std::max(run.from, stop_at - 1), trial.target);
      if (seen > run.to) return;
      run.to = seen;
    }
    run.stopped = true;
  }

  void end(int slot_number) {
    SlotView& slot = view_.slots[index(slot_number)];
    Running& run = running_[index(slot_number)];
    const int number = slot.trial;
    TrialView& trial = view_.trials[index(number)];
    trial.done = run.to;
    trial.slot = -1;
    trial.stopped = run.stopped && run.to < trial.target;
    trial.finished = run.stopped || run.to >= trial.target;
    if (trial.finished && --unfinished_ == 0) result_.makespan = view_.now;
    const double seconds = view_.now - slot.since;
    const double measured = (seconds - slot.move) / nominal(number, run.from, run.to);
    learn_speed(
        slot, measured,
        static_cast<double>(run.to - run.from) / static_cast<double>(scenario_.costs.interval));
    slot.trial = -1;
    slot.since = view_.now;
    run.event = 0;
    rule_.observe(view_, {.kind = Happening::Kind::kEnded,
                          .slot = slot_number,
                          .trial = number,
                          .iterations = run.to - run.from,
                          .seconds = seconds});
  }

  static std::size_t index(int number) { return static_cast<std::size_t>(number); }

  const Scenario& scenario_;
  RolloutRule& rule_;
  const RolloutOptions options_;
  const Habits habits_;
  RolloutView view_;
  std::vector<Running> running_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::size_t next_change_ = 0;
  std::uint64_t number_ = 0;
  std::size_t unfinished_ = 0;
  RolloutResult result_;
};

}  // namespace

void learn_speed(SlotView& slot, double measured, double intervals) {
  const double before = slot.measured > 0 ? *slot.seconds_per_unit : measured;
  const bool changed = measured > kJump * before || before > kJump * measured;
  // An interval weighs one half, however it was cut into dispatches.
  const double weight = changed ? 1 : 1 - std::exp2(-std::max(intervals, kLeastIntervals));
  slot.seconds_per_unit = before + weight * (measured - before);
  ++slot.measured;
}

double nominal_work(const RolloutCosts& costs, double cost, Steps target, Steps from, Steps to) {
  double units = static_cast<double>(to - from);
  if (costs.evaluation > 0)
    units +=
        costs.evaluation * static_cast<double>(evaluations_in(from, to, costs.interval, target));
  return units * cost;
}

double RolloutView::work(int trial, Steps from, Steps to) const {
  const TrialView& seen = trials[static_cast<std::size_t>(trial)];
  return nominal_work(costs, seen.cost, seen.target, from, to);
}

RolloutResult roll_out(const Scenario& scenario, RolloutRule& rule, const RolloutOptions& options) {
  return Rollout(scenario, rule, options).play();
}

double bound_of(const Scenario& scenario) {
  std::vector<double> works;
  for (const RolloutTrial& trial : scenario.trials) {
    const Steps interval = scenario.costs.interval;
    Steps end = trial.target;
    if (trial.stop_at < end)
      end = std::min(end, (trial.stop_at + interval - 1) / interval * interval);
    if (end <= trial.done) continue;
    works.push_back(nominal_work(scenario.costs, trial.cost, trial.target, trial.done, end));
  }
  std::vector<Rate> rates;
  for (const RolloutSlot& slot : scenario.slots) rates.push_back(slot.rate);
  for (const SlotChange& change : scenario.changes) {
    // A slot that is away works at rate 0 meanwhile.
    std::vector<Rate::Piece> pieces;
    Rate& rate = rates[static_cast<std::size_t>(change.slot)];
    for (const Rate::Piece& piece : rate.pieces())
      if (piece.start < change.time) pieces.push_back(piece);
    const Rate& whole = scenario.slots[static_cast<std::size_t>(change.slot)].rate;
    pieces.push_back({change.time, change.alive ? whole.at(change.time) : 0});
    if (change.alive)
      for (const Rate::Piece& piece : whole.pieces())
        if (piece.start > change.time) pieces.push_back(piece);
    if (pieces.front().start > 0) pieces.insert(pieces.begin(), {0, 0});
    rate = Rate(std::move(pieces));
  }
  return preemptive_bound(works, rates);
}

}  // namespace clavier::cluster
