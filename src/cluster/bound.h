#pragma once

#include <span>

#include "cluster/rate.h"

namespace clavier::cluster {

/// The least time in which trials of the given works (units) can be finished by slots of the given
/// rates (units per second), when a trial may move between slots at any moment and for nothing but
/// occupies one slot at a time: the optimum of preemptive scheduling on uniform machines, attained
/// by Gonzalez and Sahni's schedule. Infinite if there is work and no rate.
double preemptive_bound(std::span<const double> works, std::span<const double> rates);

/// The same where rates change: at any moment k trials are served by at most the k fastest slots of
/// that moment, so the k longest works are not done before that service adds up to them.
double preemptive_bound(std::span<const double> works, std::span<const Rate> rates);

/// Where a trial may spread over all slots at once: the sum of the works over the sum of the rates.
double shared_bound(std::span<const double> works, std::span<const double> rates);

}  // namespace clavier::cluster
