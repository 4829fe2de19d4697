#include "base/csv.h"

#include <gtest/gtest.h>

namespace clavier {
namespace {

std::vector<std::vector<std::string>> rows_of(std::string_view text,
                                              std::string_view separators = ",") {
  CsvReader reader(text, "FILE", separators);
  std::vector<std::vector<std::string>> rows;
  std::vector<CsvField> row;
  for (auto more = reader.next(row); more.ok() && *more; more = reader.next(row))
    for (rows.emplace_back(); const CsvField& field : row) rows.back().push_back(field.text);
  return rows;
}
using Rows = std::vector<std::vector<std::string>>;

TEST(Csv, QuotesLineEndsAndAByteOrderMarkAreRead) {
  EXPECT_EQ(rows_of("\xef\xbb\xbf"
                    "a,b\r\n\r\n\"x, \"\"y\"\"\n\",\n1,2"),
            (Rows{{"a", "b"}, {"x, \"y\"\n", ""}, {"1", "2"}}));
  EXPECT_EQ(rows_of("\xef\xbb\xbf\"a\",b\n"), (Rows{{"a", "b"}}));
}

TEST(Csv, TheSeparatorIsTheOneThatTheFirstLineHasMostOf) {
  EXPECT_EQ(rows_of("a;b;c\n1,5;2;3\n", ",;\t"), (Rows{{"a", "b", "c"}, {"1,5", "2", "3"}}));
  EXPECT_EQ(rows_of("\"a,b,c\"\tb\n", ",;\t"), (Rows{{"a,b,c", "b"}}));
  EXPECT_EQ(rows_of("a\n", ",;\t"), (Rows{{"a"}}));
}

TEST(Csv, DamageIsNamedByLineAndByte) {
  std::vector<CsvField> row;
  EXPECT_EQ(CsvReader("\n\"a", "FILE").next(row).error().message,
            "FILE: line 2, byte 1: a quote is not closed");
  EXPECT_EQ(CsvReader("\"a\"b", "FILE").next(row).error().message,
            "FILE: line 1, byte 3: text after a closing quote");
}

TEST(Csv, WhatIsWrittenIsReadBack) {
  const std::vector<std::string> fields = {"plain", "", "a,b", "say \"hi\"", "two\r\nlines"};
  std::string text;
  for (const std::string& field : fields) {
    append_csv(text, field);
    text += &field == &fields.back() ? '\n' : ',';
  }
  EXPECT_EQ(rows_of(text), Rows{fields});
}

}  // namespace
}  // namespace clavier
