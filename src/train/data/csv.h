#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clavier::train::data {

/// Numbers with one column of labels, still as text.
struct Table {
  std::vector<std::string> columns = {};  ///< Names of the features; empty without a header.
  std::string label_column;               ///< Its name, or its number from 1.
  std::int64_t rows = 0;
  std::int64_t width = 0;            ///< Features per row.
  std::vector<float> features = {};  ///< rows × width.
  std::vector<std::string> labels = {};
};

/// Comma, semicolon or tab separated values (whichever the first line has most of), fields quoted
/// as in RFC 4180, any line end. The first line is a header if no field of it is a number. Labels
/// stand in the column named `label` (or its number from 1); if that is empty, in a column named
/// label, target, class or y, else in the last one. Fails with line and byte at a missing or
/// non-finite number and at a row of another length.
Result<Table> parse_csv(std::string_view text, std::string_view label, std::string_view origin);

}  // namespace clavier::train::data
