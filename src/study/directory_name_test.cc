#include "study/directory_name.h"

#include <gtest/gtest.h>

namespace clavier {
namespace {

TEST(DirectoryName, HasRaysParts) {
  Config config;
  config.set("lr", 0.01);
  config.set("layers", 2);
  EXPECT_EQ(experiment_tag(TrialId{2}, config), "3_layers=2,lr=0.0100");
  const std::string name =
      trial_directory_name("digits", TrialId{2}, config, 1'700'000'000'000'000);
  EXPECT_EQ(name, "digits_" + trial_name("digits", TrialId{2}) +
                      "_3_layers=2,lr=0.0100_2023-11-14_22-13-20");
  EXPECT_TRUE(trial_name("digits", TrialId{2}).ends_with("_00002"));
}

TEST(DirectoryName, HoldsNothingThatAFileNameShouldNot) {
  Config config;
  config.set("path", "../../etc/(pass wd)\n");
  const std::string name = trial_directory_name("a/b", TrialId{0}, config, 0);
  EXPECT_EQ(name.find_first_of("/()\n "), std::string::npos);
}

TEST(DirectoryName, IsCutBeforeTheDate) {
  Config config;
  config.set("text", std::string(500, 'x'));
  const std::string name = trial_directory_name("s", TrialId{0}, config, 0);
  EXPECT_EQ(name.size(), kMaxDirectoryName + std::string("_1970-01-01_00-00-00").size());
}

}  // namespace
}  // namespace clavier
