#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "sched/hyperband.h"

namespace clavier::sched {

/// One bracket of HyperBand by itself, the yardstick of tests and benchmarks: of all trials one in
/// `reduction` goes on at each rung.
inline std::unique_ptr<Scheduler> synchronous_halving(Objective objective, std::size_t trials,
                                                      std::vector<Steps> rungs,
                                                      std::size_t reduction) {
  BracketShape shape{std::move(rungs), {trials}};
  while (shape.trials.size() < shape.rungs.size())
    shape.trials.push_back(std::max<std::size_t>(1, shape.trials.back() / reduction));
  return std::make_unique<HyperBand>(std::move(objective), std::vector{std::move(shape)});
}

}  // namespace clavier::sched
