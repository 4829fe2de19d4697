// The readers of numbers: .npy, IDX and CSV.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "tests/support/data_files.h"
#include "train/data/columns.h"
#include "train/data/csv.h"
#include "train/data/idx.h"
#include "train/data/npy.h"

namespace clavier::train::data {
namespace {

std::string npy(std::string_view header, std::string_view data, char version = 1) {
  std::string file = "\x93NUMPY";
  file += {version, '\0', static_cast<char>(header.size()), '\0'};
  if (version > 1) file += std::string(2, '\0');
  return file + std::string(header) + std::string(data);
}
std::string npy_error(std::string_view header, std::string_view data) {
  return message(parse_npy(as_bytes(npy(header, data)), "FILE"));
}

TEST(Npy, EveryTypeIsWrittenAndReadBack) {
  TemporaryFolder folder;
  for (auto dtype : {Dtype::kU8, Dtype::kI32, Dtype::kI64, Dtype::kF32, Dtype::kF64}) {
    std::string data(6 * size_bytes(dtype), 'x');
    for (auto shape : {std::vector<std::int64_t>{2, 3}, {6}, {1, 6, 1}}) {
      ASSERT_TRUE(write_npy(folder / "a.npy", {"", dtype, shape, as_bytes(data)}).ok());
      auto file = read_file(folder / "a.npy");
      EXPECT_EQ((file->size() - data.size()) % 64, 0U);
      auto array = parse_npy(*file, "FILE");
      ASSERT_TRUE(array.ok()) << message(array);
      EXPECT_EQ(array->dtype, dtype);
      EXPECT_EQ(array->shape, shape);
      EXPECT_EQ(as_text(array->bytes), data);
    }
  }
}

TEST(Npy, AllVersionsAndTheirOddButValidHeadersAreRead) {
  for (char version : {1, 2, 3}) {
    auto file = npy("{'shape': (2,), \"descr\": '|u1', 'fortran_order': False}  \n", "ab", version);
    auto array = parse_npy(as_bytes(file), "FILE");
    ASSERT_TRUE(array.ok()) << message(array);
    EXPECT_EQ(array->shape, std::vector<std::int64_t>{2});
  }
}

TEST(Npy, WhatIsNotReadIsRefusedWithAWayOut) {
  EXPECT_NE(npy_error("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "abcd")
                .find("byte 48: Fortran order is not read: numpy.save(file, "
                      "numpy.ascontiguousarray(array))"),
            std::string::npos);
  EXPECT_NE(
      npy_error("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "abcd")
          .find("type '>f4' is not read; for labels and other whole numbers: numpy.save(file, "
                "array.astype('<i8'))"),
      std::string::npos);
  EXPECT_NE(npy_error("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "abcd")
                .find("shape [2] needs 8 bytes, the file has 4"),
            std::string::npos);
  EXPECT_NE(npy_error("{'descr': '<f8', 'fortran_order': False, 'shape': "
                      "(3037000500, 3037000500), }",
                      "abcd")
                .find("impossible shape"),
            std::string::npos);
  EXPECT_NE(npy_error("{'descr': '<f4', 'shape': (2,), }", "").find("must each stand once"),
            std::string::npos);
}

TEST(Npy, SurvivesEveryDamage) {
  mutate_everywhere(
      npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 1), }\n", "12345678"), true,
      [](auto file) { return parse_npy(file, "FILE"); });
}

std::string idx(int type, std::initializer_list<int> shape, std::string_view data) {
  std::string file = {'\0', '\0', static_cast<char>(type), static_cast<char>(shape.size())};
  for (int extent : shape)
    for (int shift : {24, 16, 8, 0}) file += static_cast<char>(extent >> shift);
  return file + std::string(data);
}

TEST(Idx, BytesAndBigEndianNumbersAreRead) {
  auto bytes = idx(8, {2, 1, 2}, "abcd");
  EXPECT_TRUE(looks_like_idx(as_bytes(bytes)));
  auto array = parse_idx(as_bytes(bytes), "FILE");
  ASSERT_TRUE(array.ok()) << message(array);
  EXPECT_EQ(array->shape, (std::vector<std::int64_t>{2, 1, 2}));
  EXPECT_EQ(as_text(array->bytes), "abcd");

  auto floats = idx(13, {1}, std::string_view("\x3f\xc0\0\0", 4));
  EXPECT_EQ(load<float>(parse_idx(as_bytes(floats), "FILE")->bytes.data()), 1.5F);
}

TEST(Idx, WrongFilesAreRefusedByByte) {
  EXPECT_EQ(message(parse_idx(as_bytes(idx(8, {2, 3}, "abcd")), "FILE")),
            "FILE: byte 16: shape [2, 3] needs 6 bytes, the file has 4");
  EXPECT_EQ(message(parse_idx(as_bytes(idx(9, {1}, "a")), "FILE")),
            "FILE: byte 2: type 0x09 is not read (ubyte 0x08, int 0x0c, float 0x0d, double 0x0e "
            "are)");
}

TEST(Idx, SurvivesEveryDamage) {
  mutate_everywhere(idx(12, {2, 1}, "abcdefgh"), true,
                    [](auto file) { return parse_idx(file, "FILE"); });
}

std::string csv_error(std::string_view text, const TableSpec& spec = {}) {
  return message(parse_csv(text, spec, "FILE"));
}
Table csv(std::string_view text, const TableSpec& spec = {}) {
  auto table = parse_csv(text, spec, "FILE");
  EXPECT_TRUE(table.ok()) << message(table);
  return table.ok() ? *std::move(table) : Table{};
}
std::string kind(const Column& column) {
  switch (column.kind) {
    case Column::Kind::kNumber: return "number";
    case Column::Kind::kCategory: return fmt::format("{}", fmt::join(column.categories, "|"));
    case Column::Kind::kLabel: return "label";
    case Column::Kind::kLeftOut: return "out";
  }
  return {};
}
/// "NAME:KIND …".
std::string kinds(const Table& table) {
  std::string text;
  for (const Column& column : table.columns)
    text += (text.empty() ? "" : " ") + column.name + ":" + kind(column);
  return text;
}

TEST(Csv, AHeaderNamesTheLabelColumn) {
  auto table = csv("a,class,b\r\n1, dog,2.5\r\n-3e1,\"a \"\"cat\"\"\n\",+4\r\n");
  EXPECT_EQ(kinds(table), "a:number class:label b:number");
  EXPECT_EQ(table.inputs, (std::vector<float>{1, 2.5, -30, 4}));
  EXPECT_EQ(table.labels, (std::vector<std::string>{"dog", "a \"cat\"\n"}));
}

TEST(Csv, WithoutAHeaderTheLastColumnIsTheLabel) {
  auto table = csv("1;2;x\n\n3;4;y");
  EXPECT_EQ(table.rows, 2);
  EXPECT_EQ(table.labels, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(kinds(csv("1;2;x\n3;4;y", {.label = "1"})), "1:label 2:number 3:x|y");
}

TEST(Csv, AHeaderIsFoundByWhatStandsBelow) {
  EXPECT_EQ(kinds(csv("0,1,label\n1.5,2,0\n3,4,1\n3,5,0\n")), "0:number 1:number label:label");
  EXPECT_EQ(kinds(csv("0,1,2\n1.5,2,0\n3,4,1\n")), "0:number 1:number 2:label");
  EXPECT_EQ(kinds(csv("a,b,c\nx,y,z\nx,u,w\n")), "a:x b:u|y c:label");
  EXPECT_FALSE(csv("x,y,z\nx,u,w\n").header) << "a text comes again";
  EXPECT_FALSE(csv("1,2,0\n3,4,1\n").header);
  EXPECT_EQ(csv("a,b\n1,2\n", {.label = "2", .header = false}).rows, 2);
  EXPECT_EQ(csv("5,6\n1,2\n", {.label = "6", .header = true}).rows, 1);
  EXPECT_TRUE(csv("1,2,name\n3,4,x\n5,6,x\n", {.label = "name"}).header);
}

TEST(Csv, TheLabelIsTheColumnWithAUsualNameElseTheLast) {
  EXPECT_EQ(csv("x,y,species\n1,2,a\n3,4,b\n").label_column, "species");
  EXPECT_EQ(csv("y,b,c\n1,2,3\n3,4,4\n").label_column, "y");
  EXPECT_EQ(csv("a,Target,c\n1,2,3\n3,4,4\n").label_column, "Target");
  EXPECT_EQ(csv("a,b,\n1,2,\n3,4,\n").label_column, "b") << "a comma at the end of every line";
}

TEST(Csv, WhatNumbersTheRowsIsLeftOut) {
  EXPECT_EQ(kinds(csv(",x,y,label\n0,5,6,0\n1,7,8,1\n")), "1:out x:number y:number label:label");
  EXPECT_EQ(kinds(csv("x,label\nfirst,5,0\nsecond,7,1\n")), "1:out x:number label:label")
      << "as R writes row names";
  EXPECT_EQ(kinds(csv(",x,label\n0.5,5,0\n1.5,7,1\n")), "1:number x:number label:label")
      << "without a name, but it does not count";
  EXPECT_EQ(kinds(csv("PassengerId,x,label\n1,5,0\n2,5,1\n3,6,1\n")),
            "PassengerId:out x:number label:label");
  EXPECT_EQ(kinds(csv("id,x,label\n1,5,0\n7,5,1\n3,6,1\n")), "id:number x:number label:label");
}

TEST(Csv, ColumnsOfTextAreCategoriesWithinBounds) {
  EXPECT_EQ(kinds(csv("c,x,label\nred,1,0\nblue,2,1\n,3,1\n")), "c:blue|red x:number label:label");
  EXPECT_EQ(kinds(csv("c,x,label\n3,1,0\n1,2,1\n", {.categories = {"c"}})),
            "c:1|3 x:number label:label");
  EXPECT_EQ(kinds(csv("c,x,label\n3,1,0\n1,2,1\n", {.ignore = {"c"}})),
            "c:out x:number label:label");
  std::string names = "name,x,label\n", mixed = "m,x,label\n";
  for (int i = 0; i < 20; ++i) {
    names += fmt::format("n{},1,{}\n", i, i % 2);
    mixed += fmt::format("{},1,{}\n", i == 9 ? "l2" : std::to_string(i), i % 2);
  }
  EXPECT_EQ(kinds(csv(names)), "name:out x:number label:label");
  EXPECT_EQ(
      csv_error(mixed),
      "FILE: line 11, byte 64: \"l2\" in column \"m\" is no number, nearly all others are; mend "
      "it, or name the column in ignore or categories");
}

TEST(Csv, MissingValuesAreFilledDroppedOrRefused) {
  constexpr std::string_view kGaps = "a,b,y\n1,,0\nnull,3,1\n5,?,0\n7,8,1\n";
  auto filled = csv(kGaps);
  EXPECT_EQ(filled.rows, 4);
  EXPECT_EQ(filled.columns[1].missing, 2);
  EXPECT_TRUE(std::isnan(filled.inputs[1]) && std::isnan(filled.inputs[2]));
  auto dropped = csv(kGaps, {.missing = Missing::kDrop});
  EXPECT_EQ(dropped.inputs, (std::vector<float>{7, 8}));
  EXPECT_EQ(dropped.dropped, 3);
  EXPECT_EQ(csv_error(kGaps, {.missing = Missing::kRefuse}),
            "FILE: line 2, byte 8: no value in column \"b\"");
  EXPECT_EQ(csv_error("a,b,y\n1,2,\n"),
            "FILE: line 2, byte 10: the label is missing; missing = \"drop\" leaves such rows out");
}

TEST(Csv, NumbersAreReadAsPeopleWriteThem) {
  EXPECT_EQ(csv("x,label\n1e-46,0\n-1e-400,1\n").inputs, (std::vector<float>{0, 0}));
  EXPECT_EQ(csv_error("x,label\n1e39,0\n1,1\n"),
            "FILE: line 2, byte 8: \"1e39\" in column \"x\" is no finite number");
  auto table = csv("a;b;label\n1,5;-2,25;1,5\n3;4;2\n");
  EXPECT_EQ(table.inputs, (std::vector<float>{1.5, -2.25, 3, 4}));
  EXPECT_EQ(table.labels, (std::vector<std::string>{"1.5", "2"}));
}

TEST(Csv, AWrongLineIsRefusedByLineAndByte) {
  EXPECT_EQ(csv_error("a,b,y\n1,2,0\n1,inf,0\n"),
            "FILE: line 3, byte 14: \"inf\" in column \"b\" is no finite number");
  EXPECT_EQ(csv_error("a,b,y\n1,2\n"), "FILE: line 2, byte 8: 2 fields instead of 3");
  EXPECT_EQ(csv_error("a,y\n\"1,2\n"), "FILE: line 2, byte 4: a quote is not closed");
  EXPECT_EQ(csv_error("abc,b\n1,2\n", {.label = "abd"}),
            "FILE: line 1, byte 0: no column \"abd\"; did you mean \"abc\"?");
  EXPECT_EQ(csv_error("abc,b\n1,2\n", {.ignore = {"zzz"}}),
            "FILE: line 1, byte 0: no column \"zzz\"; there are abc, b");
  EXPECT_EQ(csv_error(""), "FILE: line 1, byte 0: the file is empty");
  EXPECT_EQ(csv_error("\xff\xfe"
                      "a"),
            "FILE: the file is UTF-16: save it as UTF-8");
}

TEST(Csv, WhatIsNoUtf8IsRefusedByLineAndByte) {
  const std::string latin1 =
      "gr\xf6\xdf"
      "e,label\n1,0\n2,1\n";
  EXPECT_EQ(csv_error(latin1),
            "FILE: line 1, byte 2: no UTF-8 (it may be Latin-1 or Windows-1252): "
            "save the file as UTF-8");
  EXPECT_EQ(csv_error("a,label\n1,ja\n2,gr\xfcn\n").substr(0, 29), "FILE: line 3, byte 17: no UTF");
  EXPECT_EQ(csv("gr\u00f6\u00dfe,label\n1,gr\u00fcn\n2,rot\n").labels[0], "gr\u00fcn");
  EXPECT_EQ(message(parse_csv_for("x\n1\n\xe9\n", csv("x,label\n1,0\n2,1\n").columns, "FILE"))
                .substr(0, 21),
            "FILE: line 3, byte 4:");
}

TEST(Csv, ColumnsOfAModelAreFoundByNameElseByPlace) {
  auto trained = csv("c,x,label\nred,1,0\nblue,2,1\nred,3,1\n").columns;
  auto rows = [&](std::string_view text) {
    auto table = parse_csv_for(text, trained, "FILE");
    EXPECT_TRUE(table.ok()) << message(table);
    return table.ok() ? encode_columns(trained, table->inputs) : std::vector<float>();
  };
  EXPECT_EQ(rows("x,more,c\n7,8,blue\n9,8,green\n"), (std::vector<float>{1, 0, 7, 0, 0, 9}));
  EXPECT_EQ(rows("red,5\n"), (std::vector<float>{0, 1, 5}));
  EXPECT_EQ(rows("red,5,1\n"), (std::vector<float>{0, 1, 5}));
  EXPECT_EQ(message(parse_csv_for("c,z\nred,1\n", trained, "FILE")),
            "FILE: line 1, byte 0: the model was trained on columns that are not there: x; there "
            "are c, z");
}

TEST(Csv, SeparatorsOfThousandsAreRefusedWithTheWayOut) {
  const std::string text = "a,b,label\n\"1,234\",1,0\n\"12,345.5\",2,1\n7,3,0\n";
  EXPECT_NE(csv_error(text).find("\"1,234\" in column \"a\": write numbers without separators of "
                                 "thousands, or name the column in ignore or categories"),
            std::string::npos)
      << csv_error(text);
  EXPECT_EQ(csv_error(text, {.categories = {"a"}}), "no error");
  const std::vector<Column> columns = {{.name = "a"}, {.name = "b"}};
  EXPECT_NE(message(parse_csv_for("a,b\n\"1,234\",1\n", columns, "FILE"))
                .find("is no finite number: write numbers without separators of thousands"),
            std::string::npos);
}

TEST(Csv, ANumberThatIsNoPositionNamesAColumn) {
  const auto table = parse_csv("2018,2019,2020\n1,2,0\n3,4,1\n", {.label = "2020"}, "FILE");
  ASSERT_TRUE(table.ok()) << message(table);
  EXPECT_TRUE(table->header);
  EXPECT_EQ(table->rows, 2);
  EXPECT_FALSE(parse_csv("5,6,7\n1,2,0\n3,4,1\n", {.label = "2"}, "FILE")->header);
}

TEST(Csv, ColumnsOfOneNameAreToldApart) {
  auto table = csv("a,a,label\n1,2,0\n3,4,1\n");
  EXPECT_EQ(kinds(table), "a:number a.1:number label:label");
  EXPECT_EQ(parse_csv_for("a,a\n5,6\n", table.columns, "FILE")->inputs, (std::vector<float>{5, 6}));
}

TEST(Csv, SurvivesEveryDamage) {
  mutate_everywhere("a,\"b\",y\n1,\"2\",\"c\"\"d\"\n3,-4e-2,e\n", false,
                    [](auto file) { return parse_csv(as_text(file), {}, "FILE"); });
}

}  // namespace
}  // namespace clavier::train::data
