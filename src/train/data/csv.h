#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "train/data/dataset.h"

namespace clavier::train::data {

/// Rows of a table, with one column of labels, still as text.
struct Table {
  std::vector<Column> columns = {};  ///< All of the file's.
  bool header = false;
  std::int64_t rows = 0;
  std::vector<std::int64_t> parts = {};  ///< Rows of each part of the text, in order.
  std::int64_t dropped = 0;              ///< Rows left out for a missing value.
  std::int64_t width = 0;                ///< Columns used.
  std::vector<float> inputs = {};        ///< rows × width, as Source::columns says.
  std::vector<std::string> labels = {};
  std::string label_column = {};  ///< Its name, or its number from 1.
};

/// A column has at most so many categories, ten times as many where the user named it.
inline constexpr std::size_t kMaxCategories = 100;

/// Comma, semicolon or tab separated values. By rule, each overruled by `spec`:
/// The first row is a header if a field of it is text where the column below is numbers, if no
/// field is a number and its texts do not come again below, if it is 0, 1, 2, … (three columns and
/// more), or if `spec` names a column that only it has. A column of numbers is one; one that has
/// text is a category unless it has too many texts or all of them differ, and is refused if nearly
/// all of it is numbers. Empty fields, NA, NaN, null, None and ? are missing values. Where fields
/// are not separated by commas, 1,5 is 1.5. Left out are columns without a value, a first column
/// without a name and an "id" that counts the rows. Labels stand in the column named label, target
/// or class, or y if there is no x, else in the last one. Numbers too small for a float are 0, too
/// large ones are refused. Fails with line and byte. `begins` are the bytes at which further parts
/// of the text begin, such as the rows of another file: columns are found in all of it.
Result<Table> parse_csv(std::string_view text, const TableSpec& spec, std::string_view origin,
                        std::span<const std::size_t> begins = {});

/// Rows for a model that was trained on `columns`, which are found by name where the file has a
/// header with them, else by their place; without labels.
Result<Table> parse_csv_for(std::string_view text, const std::vector<Column>& columns,
                            std::string_view origin);

}  // namespace clavier::train::data
