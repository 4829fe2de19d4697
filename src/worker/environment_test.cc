#include "worker/environment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace clavier::worker {
namespace {

StartLine start() {
  StartLine line;
  line.trial = TrialId{7};
  line.launch = LaunchId{12};
  line.config.set("lr", 0.01);
  line.config.set("layers", 3);
  line.config.set("optimizer.name", "sgd");
  line.directory = "/studies/my study/trial_7";
  return line;
}

TEST(Environment, DescribesTheTrial) {
  using Variables = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(
      *environment(start()),
      (Variables{{"CLAVIER_CONFIG", R"({"lr": 0.01, "layers": 3, "optimizer": {"name": "sgd"}})"},
                 {"CLAVIER_TRIAL", "7"},
                 {"CLAVIER_LAUNCH", "12"},
                 {"CLAVIER_DIR", "/studies/my study/trial_7"},
                 {"CLAVIER_STEP", "0"},
                 {"CLAVIER_SLOTS", "1"}}));
  auto line = start();
  line.checkpoint = "/x/c";
  line.step = 4;
  line.until = 9;
  const auto variables = *environment(line);
  const auto has = [&](const char* name, const char* value) {
    return std::count(variables.begin(), variables.end(),
                      std::pair<std::string, std::string>(name, value)) == 1;
  };
  EXPECT_TRUE(has("CLAVIER_CHECKPOINT", "/x/c"));
  EXPECT_TRUE(has("CLAVIER_STEP", "4"));
  EXPECT_TRUE(has("CLAVIER_UNTIL", "9"));
}

TEST(Environment, RefusesAConfigurationThatDoesNotFit) {
  auto line = start();
  line.config.set("text", std::string(kMaxConfigBytes, 'x'));
  EXPECT_FALSE(environment(line));
}

}  // namespace
}  // namespace clavier::worker
