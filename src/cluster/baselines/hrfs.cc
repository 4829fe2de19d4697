#include "cluster/baselines/hrfs.h"

#include <cmath>

namespace clavier::cluster::rules {
namespace {

Steps most_advanced(const RolloutView& view) {
  Steps most = 0;
  for (const TrialView& trial : view.trials) most = std::max(most, trial.done);
  return most;
}

/// Intervals until all that do not run are as far as the foremost. Trials that ended early count,
/// as they do in the original.
std::int64_t backlog(const RolloutView& view, Steps most) {
  std::int64_t intervals = 0;
  for (const TrialView& trial : view.trials)
    if (trial.slot < 0)
      intervals += (most - trial.done + view.costs.interval - 1) / view.costs.interval;
  return intervals;
}

bool any_stopped(const RolloutView& view) {
  return std::ranges::any_of(view.trials, &TrialView::stopped);
}

}  // namespace

void Hrfs::observe(const RolloutView& view, const Happening& happening) {
  queues_.observe(view, happening);
  capability_.resize(view.slots.size());
  half_.resize(view.slots.size());
  if (happening.kind == Happening::Kind::kEnded) measure(happening, view.slots.size());
  if (happening.kind != Happening::Kind::kLost) ++calls_;
}

void Hrfs::measure(const Happening& happening, std::size_t slots) {
  const auto slot = static_cast<std::size_t>(happening.slot);
  if (!half_[slot] || capability_[slot] > 0) return;
  const double seconds = happening.seconds;
  least_seconds_ = least_seconds_ == 0 ? seconds : std::min(least_seconds_, seconds);
  const auto own = static_cast<std::int64_t>(std::ceil(seconds / least_seconds_));
  std::int64_t sum = own;
  for (std::size_t other = 0; other < slots; ++other)
    if (other != slot && capability_[other] > 0) sum += own / capability_[other];
  capability_[slot] = sum;
}

std::optional<Dispatch> Hrfs::next(const RolloutView& view) {
  while (calls_ > 0) {
    --calls_;
    if (const auto dispatch = call(view)) return dispatch;
  }
  return std::nullopt;
}

std::optional<Dispatch> Hrfs::call(const RolloutView& view) {
  const Steps interval = view.costs.interval;
  const Steps target = view.trials.front().target;
  const auto trials = static_cast<std::int64_t>(view.trials.size());
  if (last_run_interval_ < 0) last_run_interval_ = target * trials / interval;
  if (queues_.trials.empty()) return std::nullopt;
  const Steps most = most_advanced(view);
  const std::int64_t left = backlog(view, most);
  last_run_interval_ =
      static_cast<std::int64_t>(static_cast<double>(target - most) / static_cast<double>(interval) *
                                static_cast<double>(trials));
  while (const auto taken = queues_.slots.take()) {
    const auto slot = static_cast<std::size_t>(*taken);
    const std::int64_t capability = capability_[slot];
    const bool slow = capability == 0 || capability > left;
    // The slot taken from the line is not put back: it is retired.
    if (slow && (capability > last_run_interval_ || any_stopped(view))) continue;
    const int trial = slow ? queues_.trials.take_most() : queues_.trials.take_least();
    const TrialView& chosen = view.trials[static_cast<std::size_t>(trial)];
    half_[slot] = slow;
    return Dispatch{trial, *taken, at_most(chosen, slow ? interval / 2 : interval)};
  }
  return std::nullopt;
}

}  // namespace clavier::cluster::rules
