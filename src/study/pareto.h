#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "study/objective.h"

/// What several objectives need: who is dominated, who stands out, how much a set covers. Pure
/// functions of small sets of points; nothing here knows trials.
namespace clavier {

/// `a` is at least as good everywhere and better somewhere.
bool dominates(const Scores& a, const Scores& b);

/// By point, the front that it belongs to: 0 is dominated by nobody, 1 only by those of 0, …
/// Efficient non-dominated sort with binary search (Zhang et al., IEEE TEVC 2015): n log n where
/// fronts are few, n² at worst.
std::vector<std::size_t> fronts(std::span<const Scores> points);

/// By point of one front, how far its neighbours lie apart, summed over the objectives relative to
/// the front's ranges; infinite at the ends (Deb et al., NSGA-II, IEEE TEVC 2002).
std::vector<double> crowding(std::span<const Scores> front);

/// Volume of what the points dominate and that is better than `reference`. Exact, by the WFG
/// algorithm with slicing (While et al., IEEE TEVC 2012); exponential in the number of objectives
/// at worst.
double hypervolume(std::span<const Scores> points, const Scores& reference);

/// Beyond the worst of the points in each objective by a tenth of their range there, so that the
/// ends count, too; by a tenth of the value, or 1, where there is no range. REQUIRES: some points.
Scores reference_point(std::span<const Scores> points);

/// How members of a front are told apart where not all have room.
enum class Ties {
  kCrowding,     ///< Who lies by itself comes first.
  kHypervolume,  ///< Greedily, who adds most to the volume of those before it.
};
/// The `count` best points in order, or all if there are fewer: front by front, then by `ties`,
/// then by index.
std::vector<std::size_t> best_of(std::span<const Scores> points, std::size_t count, Ties ties);

}  // namespace clavier
