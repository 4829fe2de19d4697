#pragma once

#include <string_view>

namespace clavier::train {

enum class ScheduleKind { kConstant, kStep, kExponential, kCosine, kOneCycle };

/// The learning rate over time in closed form: a function of the position alone, so that it needs
/// no state, resumes exactly and is vectorised over members. Lengths and positions in epochs.
struct Schedule {
  ScheduleKind kind = ScheduleKind::kConstant;
  double total = 10;              ///< Length of the training (cosine, one-cycle).
  double step_size = 10;          ///< Step: lr is multiplied by `gamma` so often.
  double gamma = 0.1;             ///< Step and exponential (per epoch).
  double min_factor = 0;          ///< Cosine: the last rate relative to `lr`.
  double peak_at = 0.3;           ///< One-cycle: part of the training with a rising rate.
  double div_factor = 25;         ///< One-cycle: `lr` relative to the first rate.
  double final_div_factor = 1e4;  ///< One-cycle: first rate relative to the last.
  double warmup = 0;              ///< Linear warm-up over so many epochs, multiplied with the rest.
  double warmup_factor = 0;       ///< Where the warm-up starts, relative to `lr`.
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// Learning rate relative to `lr` at `position` (epochs done, fractions count). Positions after
/// the end give the last value.
double factor(const Schedule& schedule, double position);

}  // namespace clavier::train
