#include "train/spec/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace clavier::train {
namespace {

/// From `from` (at 0) to `to` (at 1) along half a cosine.
double anneal(double from, double to, double part) {
  return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * part));
}

double one_cycle(const Schedule& schedule, double part) {
  const double first = 1 / schedule.div_factor;
  const double last = first / schedule.final_div_factor;
  if (part < schedule.peak_at) return anneal(first, 1, part / schedule.peak_at);
  return anneal(1, last, (part - schedule.peak_at) / (1 - schedule.peak_at));
}

double without_warmup(const Schedule& schedule, double position) {
  const double part = std::clamp(position / schedule.total, 0.0, 1.0);
  switch (schedule.kind) {
    case ScheduleKind::kConstant: return 1;
    case ScheduleKind::kStep:
      return std::pow(schedule.gamma, std::floor(position / schedule.step_size));
    case ScheduleKind::kExponential: return std::pow(schedule.gamma, position);
    case ScheduleKind::kCosine: return anneal(1, schedule.min_factor, part);
    case ScheduleKind::kOneCycle: return one_cycle(schedule, part);
  }
  return 1;
}

}  // namespace

double factor(const Schedule& schedule, double position) {
  double result = without_warmup(schedule, position);
  if (position < schedule.warmup)
    result *= schedule.warmup_factor + (1 - schedule.warmup_factor) * position / schedule.warmup;
  return result;
}

}  // namespace clavier::train
