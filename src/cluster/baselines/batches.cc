#include "cluster/baselines/batches.h"

#include <cmath>

namespace clavier::cluster::rules {
namespace {

std::size_t index(int number) { return static_cast<std::size_t>(number); }

}  // namespace

void Batches::observe(const RolloutView& view, const Happening& happening) {
  const bool first = !begun_;
  if (first) {
    begun_ = true;
    batches_.resize(view.slots.size());
    for (std::size_t i = 0; i < view.trials.size(); ++i)
      if (!view.trials[i].finished && view.trials[i].slot < 0)
        trials_.add(static_cast<int>(i), view.trials[i].done);
  }
  Batch& batch = batches_[index(happening.slot)];
  if (happening.trial >= 0 && !first) batch.ran.push_back(happening.trial);
  switch (happening.kind) {
    case Happening::Kind::kJoined: slots_.add(happening.slot); return;
    case Happening::Kind::kLost:
      slots_.remove(happening.slot);
      std::erase(go_on_, happening.slot);
      batch.ran.insert(batch.ran.end(), batch.left.begin(), batch.left.end());
      batch.left.clear();
      give_back(view, batch);
      return;
    case Happening::Kind::kEnded: break;
  }
  if (!batch.left.empty()) {
    go_on_.push_back(happening.slot);
    return;
  }
  give_back(view, batch);
  slots_.add(happening.slot);
}

void Batches::give_back(const RolloutView& view, Batch& batch) {
  for (const int trial : batch.ran)
    if (!view.trials[index(trial)].finished) trials_.add(trial, view.trials[index(trial)].done);
  batch.ran.clear();
}

std::optional<Dispatch> Batches::next(const RolloutView& view) {
  if (go_on_.empty()) {
    if (trials_.empty() || slots_.empty()) return std::nullopt;
    const int slot = *slots_.take();
    for (std::int64_t left = size(view, slot); left > 0 && !trials_.empty(); --left)
      batches_[index(slot)].left.push_back(trials_.take_least());
    go_on_.push_back(slot);
  }
  const int slot = go_on_.front();
  go_on_.pop_front();
  std::deque<int>& left = batches_[index(slot)].left;
  const int trial = left.front();
  left.pop_front();
  return Dispatch{trial, slot, at_most(view.trials[index(trial)], view.costs.interval)};
}

std::int64_t Era::size(const RolloutView& view, int slot) {
  const auto trials = static_cast<double>(view.trials.size());
  if (shares_.empty()) {
    double sum = 0;
    for (const SlotView& seen : view.slots) {
      shares_.push_back(1 / seen.seconds_per_unit.value_or(1));
      sum += shares_.back();
    }
    for (double& share : shares_) share = std::max(1.0, std::round(trials * share / sum));
  }
  Steps most = 0;
  for (const TrialView& trial : view.trials) most = std::max(most, trial.done);
  const Steps target = view.trials.front().target;
  const double intervals_left =
      static_cast<double>(target - most) / static_cast<double>(view.costs.interval) * trials;
  const double steps = std::max(0.0, std::floor((1000 - std::floor(intervals_left)) / 100));
  return static_cast<std::int64_t>(std::ceil(shares_[index(slot)] * std::pow(0.9, steps)));
}

void Eta::observe(const RolloutView& view, const Happening& happening) {
  means_.resize(view.slots.size());
  if (happening.kind == Happening::Kind::kEnded) {
    Mean& mean = means_[index(happening.slot)];
    mean.seconds += (happening.seconds - mean.seconds) / static_cast<double>(++mean.count);
  }
  Batches::observe(view, happening);
}

std::int64_t Eta::size(const RolloutView&, int slot) {
  const Mean& own = means_[index(slot)];
  if (own.count == 0) return 1;
  double slowest = 0;
  for (const Mean& mean : means_) slowest = std::max(slowest, mean.seconds);
  return static_cast<std::int64_t>(std::ceil(slowest / own.seconds));
}

}  // namespace clavier::cluster::rules
