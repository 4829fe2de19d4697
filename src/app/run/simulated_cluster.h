#pragma once

#include <filesystem>
#include <vector>

#include "app/registry/study_spec.h"
#include "base/result.h"
#include "cluster/rate.h"
#include "exec/sim/curve.h"
#include "exec/sim/sim_options.h"

/// The world that a study file describes, for `clavier simulate` and `clavier plan`.
namespace clavier::app {

/// What differs from the study's own world.
enum class World {
  kDescribed,  ///< As [simulate] says.
  kCalm,       ///< Without noise, failures and events: what is expected.
};

/// Slots as declared (other machines are nodes of their own, this one is "local") and discovered.
/// Fails if slots are to be discovered and none fits.
Result<exec::SimOptions> simulated_cluster(const StudySpec& spec, World world);

/// Nothing says how trials slow down each other that share a GPU: they are simulated as if they
/// took turns.
bool sharing_unknown(const StudySpec& spec);

/// Nothing says what arrays of trials gain: they are simulated as if they gained nothing.
bool arrays_unknown(const StudySpec& spec);

/// What trials report. `home`: where a study that [simulate] names is looked for.
Result<exec::Curve> simulated_curve(const StudySpec& spec, const std::filesystem::path& home);

/// How fast each slot will be as time goes on, in seconds of work at speed 1 per second; random
/// failures are not foreseen.
std::vector<cluster::Rate> rates_of(const exec::SimOptions& options);

}  // namespace clavier::app
