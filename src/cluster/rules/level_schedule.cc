#include "cluster/rules/level_schedule.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

/// A trial that is placed takes one lane, or the beginning of one and the end of another, and
/// leaves exactly one lane behind: of two neighbours in size the smaller cannot hold it, and the
/// larger need not be given away whole. So lanes only become fewer, and every trial lies in two of
/// them at most. Homes are given out from the slowest slot on: what such a slot cannot hold needs
/// room on a faster one, which later trials could have taken.
namespace clavier::cluster::rules {
namespace {

constexpr double kSlack = 1e-9;

struct Segment {
  int slot = 0;
  double rate = 0;
  double start = 0;
  double end = 0;
  double work() const { return rate * (end - start); }
};

/// Time on slots, one after the other, still to be given away.
struct Lane {
  std::vector<Segment> segments = {};
  double capacity = 0;

  void add(Segment segment) {
    if (segment.end <= segment.start) return;
    capacity += segment.work();
    segments.push_back(segment);
  }
};

/// Appends the part of `lane` between two times.
void take(const Lane& lane, double from, double to, Lane& into) {
  for (Segment segment : lane.segments) {
    segment.start = std::max(segment.start, from);
    segment.end = std::min(segment.end, to);
    into.add(segment);
  }
}

/// Capacity of `lane` until `time`.
double until(const Lane& lane, double time) {
  double sum = 0;
  for (const Segment& segment : lane.segments)
    if (segment.start < time) sum += segment.rate * (std::min(segment.end, time) - segment.start);
  return sum;
}

/// A time t at which `first` before it and `second` after it together hold `work`.
/// REQUIRES: one of the two holds at least that, the other at most.
double split_time(const Lane& first, const Lane& second, double work, double horizon) {
  std::vector<double> times{0, horizon};
  for (const Lane* lane : {&first, &second})
    for (const Segment& segment : lane->segments) {
      times.push_back(segment.start);
      times.push_back(segment.end);
    }
  std::ranges::sort(times);
  // Piecewise linear in t: first's part grows, second's shrinks.
  const auto held = [&](double t) { return until(first, t) + second.capacity - until(second, t); };
  std::size_t low = 0, high = times.size() - 1;
  const bool rising = held(times[low]) < held(times[high]);
  while (high - low > 1) {
    const std::size_t middle = (low + high) / 2;
    ((held(times[middle]) < work) == rising ? low : high) = middle;
  }
  const double a = held(times[low]), b = held(times[high]);
  if (a == b) return times[low];
  return std::clamp(times[low] + (work - a) / (b - a) * (times[high] - times[low]), times[low],
                    times[high]);
}

class Level {
 public:
  Level(const Outlook& outlook, const LevelOptions& options)
      : outlook_(outlook),
        options_(options),
        whole_(outlook.slots.size(), lanes_.end()),
        given_(outlook.trials.size()),
        order_(longest_first(outlook)) {
    for (std::size_t i = 0; i < outlook.slots.size(); ++i) {
      const Outlook::Slot& slot = outlook.slots[i];
      Lane lane;
      if (slot.rate > 0)
        lane.add({static_cast<int>(i), slot.rate, std::max(0.0, slot.free), options.horizon});
      if (lane.capacity > 0) insert(std::move(lane));
    }
  }

  std::optional<Legs> schedule() {
    if (options_.order == Order::kHomeFirst && !place_homes()) return std::nullopt;
    for (const int trial : order_)
      if (given_[index(trial)].segments.empty() && !place(trial)) return std::nullopt;
    return legs();
  }

 private:
  static std::size_t index(int number) { return static_cast<std::size_t>(number); }

  using Lanes = std::multimap<double, Lane>;  ///< By capacity.

  void insert(Lane lane) {
    if (lane.segments.empty()) return;
    const bool one_slot = lane.segments.size() == 1;
    const int slot = lane.segments.front().slot;
    const auto at = lanes_.emplace(lane.capacity, std::move(lane));
    if (one_slot) whole_[index(slot)] = at;
  }
  Lane remove(Lanes::iterator at) {
    Lane lane = std::move(at->second);
    for (const Segment& segment : lane.segments)
      if (whole_[index(segment.slot)] == at) whole_[index(segment.slot)] = lanes_.end();
    lanes_.erase(at);
    return lane;
  }

  /// Trials whose slot is free of them next stay there: wholly, or for as long as they can before
  /// the rest of them goes to a faster lane.
  bool place_homes() {
    std::vector<int> at_home(outlook_.slots.size(), -1);
    for (const int trial : order_) {
      const int home = outlook_.trials[index(trial)].home;
      if (home >= 0 && (at_home[index(home)] < 0 || outlook_.slots[index(home)].trial == trial))
        at_home[index(home)] = trial;
    }
    std::vector<int> slots;
    for (std::size_t slot = 0; slot < at_home.size(); ++slot)
      if (at_home[slot] >= 0) slots.push_back(static_cast<int>(slot));
    std::ranges::stable_sort(slots, {}, [&](int slot) { return outlook_.slots[index(slot)].rate; });
    for (const int slot : slots) {
      const auto lane = whole_[index(slot)];
      if (lane == lanes_.end()) continue;
      const int trial = at_home[index(slot)];
      const double work = outlook_.trials[index(trial)].work;
      if (lane->first >= work * (1 - kSlack)) {
        alone(trial, lane, true);
        continue;
      }
      const auto faster = roomiest(work);
      if (faster == lanes_.end()) return false;
      split(trial, lane, faster, true);
    }
    return true;
  }

  /// The smallest lane that holds `work`; past the end if none does.
  Lanes::iterator roomiest(double work) { return lanes_.lower_bound(work * (1 - kSlack)); }

  bool place(int trial) {
    const auto room = roomiest(outlook_.trials[index(trial)].work);
    if (room == lanes_.end()) return false;
    if (room == lanes_.begin())
      alone(trial, room, true);
    else
      split(trial, std::prev(room), room, options_.fast_last);
    return true;
  }

  /// The whole trial in one lane, at its beginning or its end.
  void alone(int trial, Lanes::iterator at, bool beginning) {
    const Lane lane = remove(at), none;
    const double work = std::min(outlook_.trials[index(trial)].work, lane.capacity);
    const double time = beginning ? split_time(lane, none, work, options_.horizon)
                                  : split_time(none, lane, work, options_.horizon);
    Lane rest;
    take(lane, beginning ? 0 : time, beginning ? time : options_.horizon, given_[index(trial)]);
    take(lane, beginning ? time : 0, beginning ? options_.horizon : time, rest);
    insert(std::move(rest));
  }

  /// Until some moment in one lane, from then in the other; what is left of the two is one lane.
  void split(int trial, Lanes::iterator slow_at, Lanes::iterator fast_at, bool fast_last) {
    const Lane fast = remove(fast_at), slow = remove(slow_at);
    const Lane& first = fast_last ? slow : fast;
    const Lane& second = fast_last ? fast : slow;
    const double work = std::min(outlook_.trials[index(trial)].work, fast.capacity);
    const double time = split_time(first, second, work, options_.horizon);
    take(first, 0, time, given_[index(trial)]);
    take(second, time, options_.horizon, given_[index(trial)]);
    Lane rest;
    take(second, 0, time, rest);
    take(first, time, options_.horizon, rest);
    insert(std::move(rest));
  }

  struct Timed {
    double start = 0;
    Leg leg;
  };

  /// Whole iterations, on the grid: between two slots the slower one leaves what it cannot finish.
  Legs legs() const {
    std::vector<std::vector<Timed>> timed(outlook_.slots.size());
    for (std::size_t trial = 0; trial < given_.size(); ++trial) cut(static_cast<int>(trial), timed);
    Legs legs(timed.size());
    for (std::size_t slot = 0; slot < timed.size(); ++slot) {
      std::ranges::stable_sort(timed[slot], {}, &Timed::start);
      for (const Timed& entry : timed[slot]) legs[slot].push_back(entry.leg);
    }
    return legs;
  }

  void cut(int trial, std::vector<std::vector<Timed>>& timed) const {
    std::vector<Segment> stays;  // Neighbouring segments on one slot joined.
    for (const Segment& segment : given_[index(trial)].segments) {
      if (!stays.empty() && stays.back().slot == segment.slot && stays.back().end >= segment.start)
        stays.back().end = segment.end;
      else
        stays.push_back(segment);
    }
    const Outlook::Trial& seen = outlook_.trials[index(trial)];
    Steps at = seen.done;
    double work = 0;
    for (std::size_t i = 0; i < stays.size(); ++i) {
      work += stays[i].work();
      Steps to = i + 1 < stays.size() ? outlook_.reached(trial, seen.done, work) : seen.target;
      const bool next_is_slower = i + 1 < stays.size() && stays[i + 1].rate < stays[i].rate;
      const Steps grid = outlook_.costs.grid;
      if (to < seen.target) to = std::max(at, to / grid * grid);
      if (next_is_slower) to = outlook_.costs.on_grid(to + 1, seen.target);
      if (to <= at) continue;
      timed[index(stays[i].slot)].push_back({stays[i].start, {trial, at, to}});
      at = to;
    }
  }

  const Outlook& outlook_;
  const LevelOptions& options_;
  Lanes lanes_ = {};
  std::vector<Lanes::iterator> whole_;  ///< By slot: the lane that is only it, if there is one.
  std::vector<Lane> given_;             ///< By trial.
  std::vector<int> order_;              ///< Trials, the longest first.
};

}  // namespace

std::optional<Legs> level_schedule(const Outlook& outlook, const LevelOptions& options) {
  return Level(outlook, options).schedule();
}

std::optional<Legs> tightest_level_schedule(const Outlook& outlook, LevelOptions options) {
  double low = outlook.bound() * (1 + kSlack), high = low;
  options.horizon = low;
  std::optional<Legs> best = level_schedule(outlook, options);
  if (best || !std::isfinite(low)) return best;
  double latest = 0;
  for (const Outlook::Slot& slot : outlook.slots) latest = std::max(latest, slot.free);
  if (std::isfinite(options.at_most)) {
    if (options.at_most <= low) return std::nullopt;
    high = options.horizon = options.at_most;
    best = level_schedule(outlook, options);
    if (!best) return best;
  }
  for (int doubling = 0; doubling < 20 && !best; ++doubling) {
    low = high;
    high = doubling == 0 ? low * 1.05 : high * 1.5 + latest;
    options.horizon = high;
    best = level_schedule(outlook, options);
  }
  while (best && high - low > options.precision * high) {
    options.horizon = (low + high) / 2;
    if (auto better = level_schedule(outlook, options)) {
      best = std::move(better);
      high = options.horizon;
    } else {
      low = options.horizon;
    }
  }
  return best;
}

}  // namespace clavier::cluster::rules
