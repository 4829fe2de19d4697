#pragma once

#include <string>
#include <vector>

#include "app/run/simulate_study.h"
#include "cli/commands.h"

/// What `simulate` and `plan` say.
namespace clavier::cli {

enum class Account { kSimulated, kPlanned };

/// Lines: how it ended and the best trial if that is of interest, makespan, bound, cost,
/// utilisation, moves.
std::string account_of(const app::StudySpec& spec, const app::Simulated& done, Account account);

/// Writes the CSV trace and the picture that were asked for.
Status write_traces(const app::StudySpec& spec, const app::Simulated& done,
                    const TraceOptions& options);

/// "1.5 ± 0.2"; of one value, itself.
std::string mean_and_deviation(const std::vector<double>& values);

}  // namespace clavier::cli
