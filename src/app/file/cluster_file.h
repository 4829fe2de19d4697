#pragma once

#include <vector>

#include "app/file/study_file_problems.h"
#include "app/registry/study_spec.h"

namespace clavier::app {

/// Where the lists of a study file's cluster stand: a place per entry.
struct ClusterPlaces {
  Place cluster, workers, stop, simulate;
  std::vector<Place> slots;
  std::vector<Place> events;
};

/// What no key alone shows to be wrong with [cluster], [stop] cost and [simulate]: slots that carry
/// no trial, keys without effect, events for what is not there.
void check_cluster(const StudySpec& spec, const ClusterPlaces& places, Problems& problems);

}  // namespace clavier::app
