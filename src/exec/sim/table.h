#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "exec/sim/curve.h"
#include "study/space.h"

namespace clavier::exec {

inline constexpr std::size_t kMaxTableBytes = std::size_t{1} << 30;

/// Learning curves from a table of measurements: comma separated values with a header line.
///   lr,batch_size,step,seconds,loss,accuracy
///   0.1,16,1,2.5,2.30,0.11
/// Columns named as parameters of `space` are the configuration (at least one), `step` is required,
/// `seconds` (the duration of the step) is optional, all others are metrics. An empty field is an
/// inactive parameter or a metric that was not measured. Fields may be quoted with " (doubled
/// inside). Rows may come in any order; a configuration is looked up exactly, numbers by value.
/// Fails with file and line on whatever does not fit: no such column, a row of another length, a
/// field that is no number, a step below 1, two rows for the same configuration and step.
/// A trial whose configuration the table lacks fails and says so.
Result<Curve> table_curve(const std::filesystem::path& file, const Space& space);
/// The same for a text in memory; `name` stands for it in errors.
Result<Curve> table_curve(std::string_view csv, std::string_view name, const Space& space);

}  // namespace clavier::exec
