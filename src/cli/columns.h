#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/recorded_study.h"
#include "base/result.h"
#include "study/value.h"

namespace clavier::cli {

/// One property of a trial, by the name that `--columns` and `--sort` know it under.
struct TrialColumn {
  enum class Kind { kFact, kParameter, kMetric };

  std::string name;
  Kind kind = Kind::kFact;
  std::function<Value(const Trial&)> value;  ///< Nothing (monostate) where the trial has none.
};

/// All columns of a study: facts, then parameters in the order of the space, then the metrics of
/// the last reports (of those, only the objective unless the log was read with all metrics). A
/// parameter or metric with the name of an earlier column is called `config.x` or `metric.x`.
std::vector<TrialColumn> trial_columns(const app::RecordedStudy& study);
/// Those of these names, in their order; fails with the nearest name.
Result<std::vector<TrialColumn>> pick(const std::vector<TrialColumn>& all,
                                      const std::vector<std::string>& names);

/// Trials by a column: `by` as the user wrote it, "-name" for the greatest first. "best" and the
/// objective put the best first. Trials without a value come last, ties by id.
Result<std::vector<TrialId>> sorted(const app::RecordedStudy& study,
                                    const std::vector<TrialColumn>& all, std::string_view by);

/// One row of CSV (RFC 4180), with its end.
std::string csv_row(const std::vector<std::string>& cells);
/// A cell that reads back exactly; empty for nothing.
std::string csv_cell(const Value& value);

}  // namespace clavier::cli
