#include "cluster/checkpoint_period.h"

#include <algorithm>
#include <cmath>

namespace clavier::cluster {

double checkpoint_loss(const Failures& failures, double period) {
  const double each = failures.mtbf * std::exp(failures.restart / failures.mtbf) *
                      std::expm1((period + failures.save) / failures.mtbf);
  return 1 - period / each;
}

double checkpoint_period(const Failures& failures) {
  if (failures.save >= 2 * failures.mtbf) return failures.mtbf;
  const double part = failures.save / (2 * failures.mtbf);
  return std::sqrt(2 * failures.save * failures.mtbf) * (1 + std::sqrt(part) / 3 + part / 9) -
         failures.save;
}

Steps checkpoint_steps(const Failures& failures, double seconds_per_step) {
  const double steps = std::round(checkpoint_period(failures) / seconds_per_step);
  return static_cast<Steps>(std::clamp(steps, 1.0, 1e15));
}

}  // namespace clavier::cluster
