#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "app/registry.h"
#include "app/study_file.h"
#include "app/study_file_fields.h"
#include "app/study_file_space.h"

namespace clavier::app {
namespace {

std::string manual() {
  std::ifstream in(CLAVIER_STUDY_FILE_MANUAL);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(StudyFileManual, NamesEveryKeyPrimitiveAlgorithmAndOption) {
  const std::string text = manual();
  const auto expect_named = [&](const std::string& word) {
    EXPECT_NE(text.find(word), std::string::npos) << word;
  };
  for (const Field& field : fields()) {
    const auto table = field.table.substr(0, field.table.find('.'));
    expect_named("## [" + std::string(table) + "]");
    if (field.table == "stop.plateau")
      expect_named(std::string(field.key) + " = ");
    else
      expect_named("`" + std::string(field.key) + "`");
  }
  for (const std::string& name : primitive_names()) expect_named("{ " + name + " = ");
  for (const Family family : {Family::kSearcher, Family::kScheduler, Family::kPlanner}) {
    expect_named("## [" + std::string(table_of(family)) + "]");
    for (const AlgorithmInfo* info : algorithms(family)) {
      expect_named(std::string(info->name));
      expect_named(std::string(info->variant));
      for (const OptionSpec& option : info->options)
        expect_named("`" + std::string(option.name) + "`");
    }
  }
}

TEST(StudyFileManual, ItsExampleIsAStudyFile) {
  const std::string text = manual();
  const std::size_t begin = text.find("```toml\n") + 8;
  const auto spec = parse_study(text.substr(begin, text.find("```", begin) - begin), "manual.toml");
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->space.parameters.size(), 4u);
}

}  // namespace
}  // namespace clavier::app
