#include "train/data/export.h"

#include "tests/support/data_files.h"
#include "train/data/npy.h"

namespace clavier::train::data {
namespace {

TEST(Export, WhatIsWrittenIsLoadedAgainWithTheSameSplits) {
  TemporaryFolder folder;
  for (auto kind : {SyntheticKind::kPrototypes, SyntheticKind::kTeacher}) {
    DataSpec spec{.source = "synthetic", .seed = 3};
    spec.synthetic = {.kind = kind,
                      .shape = {1, 4, 5},
                      .classes = kind == SyntheticKind::kTeacher ? 0 : 3,
                      .train = 30,
                      .validation = 12,
                      .test = 9};
    auto data = load_dataset(spec, "/nowhere");
    ASSERT_TRUE(data.ok()) << message(data);
    auto status = export_dataset(*data, folder / "out");
    ASSERT_TRUE(status.ok()) << message(status);
    auto again = load_dataset({.source = (folder / "out").string()}, "/nowhere");
    ASSERT_TRUE(again.ok()) << message(again);
    EXPECT_EQ(again->shape, data->shape);
    EXPECT_EQ(again->classes, data->classes);
    for (auto split : {&Dataset::train, &Dataset::validation, &Dataset::test}) {
      EXPECT_EQ(((*again).*split).inputs, ((*data).*split).inputs);
      EXPECT_EQ(((*again).*split).labels, ((*data).*split).labels);
      EXPECT_EQ(((*again).*split).targets, ((*data).*split).targets);
    }
  }
  EXPECT_NE(as_text(*read_file(folder / "out/dataset.json")).find("\"shape\""),
            std::string_view::npos);
}

TEST(Export, AFolderThatCannotBeMadeIsNamed) {
  TemporaryFolder folder;
  folder.write("file", "");
  auto status =
      export_dataset(*load_dataset({.source = "digits", .smoke = true}, ""), folder / "file/sub");
  EXPECT_NE(message(status).find("file/sub: cannot be made"), std::string::npos);
}

}  // namespace
}  // namespace clavier::train::data
