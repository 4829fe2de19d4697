#include "report/table.h"

#include <gtest/gtest.h>

#include "report/width.h"

namespace clavier::report {
namespace {

using Lines = std::vector<std::string>;

Table example() {
  Table table({{"id", Align::kRight}, {"name", Align::kLeft, 4, 2}, {"loss", Align::kRight, 4, 1}});
  table.add({"1", "first trial", "0.5"});
  table.add({"12", "zweiter für später", "12.25"});
  return table;
}

TEST(Table, AlignsItsColumns) {
  EXPECT_EQ(example().lines(0),
            (Lines{"id  name                 loss", " 1  first trial           0.5",
                   "12  zweiter für später  12.25"}));
}

TEST(Table, CutsTheWidestColumnFirst) {
  EXPECT_EQ(example().lines(20),
            (Lines{"id  name        loss", " 1  first tr…    0.5", "12  zweiter …  12.25"}));
}

TEST(Table, LeavesOutColumnsByRankWhenCuttingIsNotEnough) {
  EXPECT_EQ(example().lines(11), (Lines{"id   loss", " 1    0.5", "12  12.25"}));
  EXPECT_EQ(example().lines(5), (Lines{"id", " 1", "12"}));
}

TEST(Table, IsNeverWiderThanItMay) {
  for (std::size_t columns = 1; columns < 40; ++columns)
    for (const std::string& line : example().lines(columns)) EXPECT_LE(width(line), columns);
}

TEST(Table, CellsWithControlCharactersStayOnTheirLine) {
  Table table({{"a"}, {"b"}});
  table.add({"x\ny", "\x1b[2J"});
  EXPECT_EQ(table.lines(0)[1], "x y  \\u001b[2J");
}

TEST(Table, StylesAreOutsideTheMeasuredText) {
  Table table({{"a"}});
  table.add({"x"}, Style::kBad);
  EXPECT_EQ(table.lines(0, Colour::kOn), (Lines{"\x1b[1ma\x1b[0m", "\x1b[31mx\x1b[0m"}));
  EXPECT_EQ(visible_width(table.lines(0, Colour::kOn)[1]), 1u);
}

}  // namespace
}  // namespace clavier::report
