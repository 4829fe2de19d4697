#pragma once

#include <functional>
#include <string>
#include <vector>

#include "study/space.h"

/// Closed-form problems for searchers: of every kind of space, quick to evaluate.
namespace clavier::bench {

struct Problem {
  std::string name;
  Space space;
  std::function<double(const Config&)> loss;  ///< Less is better; without noise.
  double noise = 0;                           ///< Deviation of what a trial reports.
};

const std::vector<Problem>& search_problems();

}  // namespace clavier::bench
