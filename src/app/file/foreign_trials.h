#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "study/objective.h"
#include "study/space.h"

/// Trials that other programs have recorded, in their own words: parameters by the names they have
/// there (nested ones with dots), values of the objective, the best that each has reported. Trials
/// of which nothing is known yet are left out.
namespace clavier::app {

/// A journal file of Optuna's. `study`: its name there; may be empty where there is only one.
/// Fails if it has another direction, or names its metrics and not this one.
Result<std::vector<Known>> optuna_journal(const std::filesystem::path& file,
                                          const std::string& study, const Objective& objective);
/// The same of a SQLite database.
Result<std::vector<Known>> optuna_database(const std::filesystem::path& file,
                                           const std::string& study, const Objective& objective);
/// The folder of a Ray Tune experiment. Of trials that came less far than the others nobody says
/// whether they were stopped: they count as stopped.
Result<std::vector<Known>> ray_experiment(const std::filesystem::path& folder,
                                          const Objective& objective);

}  // namespace clavier::app
