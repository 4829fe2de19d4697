// What a checkpoint says of its data, and data that are read by it.
#include "train/data/unlabelled.h"

#include "tests/support/data_files.h"
#include "train/data/facts.h"
#include "train/data/npy.h"

namespace clavier::train::data {
namespace {

Dataset table_facts() {
  Dataset facts{.name = "", .shape = {3}, .classes = 2, .class_names = {"no", "yes"}};
  facts.mean = {0.5F, 0.25F, 7};
  facts.deviation = {0.5F, 0.1F, 1e-30F};
  facts.columns = {{.name = "c", .kind = Column::Kind::kCategory, .categories = {"blue", "red"}},
                   {.name = "x", .fill = 4},
                   {.name = "label", .kind = Column::Kind::kLabel},
                   {.name = "id", .kind = Column::Kind::kLeftOut}};
  return facts;
}
const Dataset kImages{.name = "",
                      .shape = {1, 1, 2},
                      .classes = 2,
                      .scale = 1.0F / 255,
                      .mean = {0},
                      .deviation = {1}};

TEST(Facts, AreReadBackAsTheyWereWritten) {
  auto facts = table_facts();
  auto read = parse_facts(to_text(facts_of(facts)), "FILE");
  ASSERT_TRUE(read.ok()) << message(read);
  EXPECT_EQ(read->class_names, facts.class_names);
  EXPECT_EQ(read->deviation, facts.deviation);
  EXPECT_EQ(read->columns[0].categories, facts.columns[0].categories);
  EXPECT_EQ(read->columns[1].fill, 4);
  facts.classes = 0, facts.class_names.clear(), facts.target_mean = 1.1, facts.target_deviation = 3;
  EXPECT_EQ(parse_facts(to_text(facts_of(facts)), "FILE")->target_mean, 1.1);
}

TEST(Facts, ThatMakeNoSenseAreRefused) {
  auto good = to_text(facts_of(table_facts()));
  mutate_everywhere(good, false, [](auto file) { return parse_facts(as_text(file), "FILE"); });
  for (auto [from, to] : {std::pair{"\"shape\": [3]", "\"shape\": [4]"},
                          {"0.25", "\"a\""},
                          {"\"blue\", \"red\"", "\"red\", \"blue\""},
                          {"1e-30", "0"}}) {
    auto bad = good;
    if (const auto at = bad.find(from); at != bad.npos)
      bad.replace(at, std::string(from).size(), to);
    if (bad == good) continue;
    EXPECT_EQ(message(parse_facts(bad, "FILE")), "FILE: what it says of the data makes no sense");
  }
}

TEST(Facts, OfOtherDataAreNotAdopted) {
  auto data = table_facts();
  data.mean = {1, 2, 3};
  ASSERT_TRUE(adopt_facts(data, table_facts()).ok());
  EXPECT_EQ(data.mean, table_facts().mean);
  data.columns[1].name = "z";
  EXPECT_NE(message(adopt_facts(data, table_facts())).find("the data have changed since"),
            std::string::npos);
}

TEST(Unlabelled, ATableIsReadByTheNamesOfItsColumns) {
  TemporaryFolder folder;
  auto path = folder.write("new.csv", "x,c\n1,red\n,green\n");
  auto data = read_unlabelled(path, table_facts(), false);
  ASSERT_TRUE(data.ok()) << message(data);
  EXPECT_EQ(std::get<std::vector<float>>(data->split.inputs),
            (std::vector<float>{0, 1, 1, 0, 0, 4}));
  EXPECT_EQ(data->names, (std::vector<std::string>{"0", "1"}));
  folder.write("new.npy", "");
  EXPECT_NE(message(read_unlabelled(folder / "new.npy", table_facts(), false)).find("on a table"),
            std::string::npos);
}

TEST(Unlabelled, ImagesMayLieFlatNestedOrAlone) {
  TemporaryFolder folder;
  auto one = folder.write("a.pgm", "P5 2 1 255 ab");
  folder.write("b/c.pgm", "P5 1 1 255 c");
  auto data = read_unlabelled(folder.path(), kImages, false);
  ASSERT_TRUE(data.ok()) << message(data);
  EXPECT_EQ(data->names, (std::vector<std::string>{"a.pgm", "b/c.pgm"}));
  EXPECT_EQ(std::get<std::vector<std::uint8_t>>(data->split.inputs),
            (std::vector<std::uint8_t>{'a', 'b', 'c', 'c'}));
  EXPECT_EQ(read_unlabelled(one, kImages, false)->names, (std::vector<std::string>{"a.pgm"}));
  folder.write("d.ppm", "P6 1 1 255 rgb");
  EXPECT_NE(message(read_unlabelled(folder.path(), kImages, false)).find("images with colour"),
            std::string::npos);
}

TEST(Unlabelled, ArraysOfAnotherShapeOrTypeAreRefused) {
  TemporaryFolder folder;
  std::vector<std::uint8_t> pixels = {1, 2, 3, 4};
  auto write = [&](std::vector<std::int64_t> shape) {
    ASSERT_TRUE(
        write_npy(folder / "x.npy", {"", Dtype::kU8, shape, std::as_bytes(std::span(pixels))})
            .ok());
  };
  write({2, 1, 2});
  EXPECT_EQ(read_unlabelled(folder / "x.npy", kImages, false)->split.count, 2);
  write({2, 2, 1});
  EXPECT_NE(message(read_unlabelled(folder / "x.npy", kImages, false))
                .find("samples of shape [1, 2, 1]; the model was trained on [1, 1, 2]"),
            std::string::npos);
}

}  // namespace
}  // namespace clavier::train::data
