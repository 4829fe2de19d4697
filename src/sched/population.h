#pragma once

#include <cstdint>
#include <vector>

#include "sched/scheduler.h"

/// What all forms of population-based training share: who is a member, who goes on first.
namespace clavier::sched {

/// Members of the population that no trial stands for yet; 0 where the study has no limit.
std::size_t still_to_be_made(const State& state);

/// A trial other than `besides` could run if it had a slot.
bool waits_for_slot(TrialId besides, const State& state);

/// Paused trials that no user holds, by progress, ties to the lower id.
std::vector<TrialId> least_advanced_first(const State& state);

/// New trials until the population is whole, then `resumes`, at most `appetite` in all. In a study
/// without a limit on trials, new ones come last.
std::vector<Runnable> population_first(const State& state, std::size_t appetite, const New& fresh,
                                       const std::vector<Runnable>& resumes);

/// How many of `population` are its lower, and how many its upper part: ceil(population *
/// quantile), at most half; 0 below two.
std::size_t quantile_size(std::size_t population, double quantile);

}  // namespace clavier::sched
