#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace clavier::report {

enum class Align { kLeft, kRight };
enum class Style { kPlain, kBold, kFaint, kGood, kBad };
enum class Colour { kOff, kOn };

/// The text between the terminal codes of its style; itself with colours off.
std::string styled(std::string_view text, Style style, Colour colour);

/// Columns of text that may carry the codes of `styled`. REQUIRES: otherwise clean (`width.h`).
std::size_t visible_width(std::string_view text);

struct Column {
  std::string title;
  Align align = Align::kLeft;
  std::size_t least = 4;  ///< It may be cut to so many columns before any is left out.
  int rank = 0;           ///< The column with the highest rank is left out first; 0: never.
};

/// A table of text for a terminal or a log. Cells may hold any bytes.
class Table {
 public:
  explicit Table(std::vector<Column> columns);

  /// REQUIRES: a cell for each column.
  void add(std::vector<std::string> cells, Style style = Style::kPlain);
  bool empty() const { return rows_.empty(); }

  /// Its lines, the title first, each at most `width` columns wide: too wide ones are cut with an
  /// ellipsis, the widest first, then columns are left out by rank. 0: as wide as it is.
  std::vector<std::string> lines(std::size_t width, Colour colour = Colour::kOff) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    Style style = Style::kPlain;
  };
  struct Shape {
    std::vector<std::size_t> shown;   ///< Indexes of columns.
    std::vector<std::size_t> widths;  ///< Of those shown.
    std::size_t total() const;
  };

  Shape shape(std::size_t width) const;
  std::string line(const std::vector<std::string>& cells, const Shape& shape) const;

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace clavier::report
