#include "sched/rungs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/rng.h"

namespace clavier::sched {
namespace {

constexpr std::uint64_t kBracketDraw = 0x627261636b6574;  // the purpose in the key of the draw

}  // namespace

Rungs::Rungs(const AshaOptions& options) : max_steps_(options.max_steps) {
  CHECK(options.grace >= 1 && options.reduction > 1 && options.brackets >= 1);
  for (double at = static_cast<double>(options.grace); at < static_cast<double>(max_steps_);
       at *= options.reduction) {
    const Steps step = std::llround(at);
    if (step < max_steps_ && (milestones_.empty() || step > milestones_.back()))
      milestones_.push_back(step);
  }
  const int most = static_cast<int>(std::max<std::size_t>(milestones_.size(), 1));
  brackets_ = std::min(options.brackets, most);
  const auto all = static_cast<double>(size());
  for (int bracket = 0; bracket < brackets_; ++bracket) {
    const double left = all - bracket;
    shares_.push_back((all + 1) / (left + 1) * std::pow(options.reduction, left));
  }
}

std::optional<std::size_t> Rungs::reached(int bracket, Steps step) const {
  const auto above = std::ranges::upper_bound(milestones_, step);
  const auto count = static_cast<std::size_t>(above - milestones_.begin());
  if (count <= static_cast<std::size_t>(std::max(bracket, 0))) return std::nullopt;
  return count - 1;
}

Steps Rungs::next(int bracket, Steps step) const {
  const auto first =
      milestones_.begin() + std::clamp<std::ptrdiff_t>(bracket, 0, std::ssize(milestones_));
  const auto above = std::upper_bound(first, milestones_.end(), step);
  return above == milestones_.end() ? max_steps_ : *above;
}

std::size_t survivors(std::size_t entries, double reduction) {
  return static_cast<std::size_t>(static_cast<double>(entries) / reduction);
}

int draw_bracket(const std::vector<double>& weights, std::uint64_t seed, TrialId trial) {
  if (weights.size() == 1) return 0;
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double left = Rng::keyed(seed, kBracketDraw, trial.value).uniform() * total;
  for (std::size_t i = 0; i + 1 < weights.size(); ++i)
    if ((left -= weights[i]) < 0) return static_cast<int>(i);
  return static_cast<int>(weights.size()) - 1;
}

}  // namespace clavier::sched
