#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "study/value.h"

namespace clavier::cli {

/// One row of CSV (RFC 4180), with its end.
std::string csv_row(const std::vector<std::string>& cells);
/// A cell that reads back exactly; empty for nothing.
std::string csv_cell(const Value& value);
/// JSON that every reader takes: the log's `NaN` becomes null, `Infinity` the text of that name.
std::string strict_json(std::string_view json);

}  // namespace clavier::cli
