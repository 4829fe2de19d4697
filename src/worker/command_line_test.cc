#include "worker/command_line.h"

#include <gtest/gtest.h>

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

std::string substituted(std::string argument, const StartLine& line = start()) {
  const auto done = substitute({std::move(argument)}, line);
  return done ? done->at(0) : "error: " + done.error().message;
}

TEST(Substitute, ReplacesParametersAndPlaces) {
  EXPECT_EQ(
      *substitute({"train", "--lr={lr}", "{optimizer.name}", "{trial}:{layers}", "{dir}"}, start()),
      (std::vector<std::string>{"train", "--lr=0.01", "sgd", "7:3", "/studies/my study/trial_7"}));
}

TEST(Substitute, NeverSplitsOrRescansAValue) {
  auto line = start();
  line.config.set("name", "{lr} $(rm -rf x)");
  EXPECT_EQ(substituted("a {name} b", line), "a {lr} $(rm -rf x) b");
}

TEST(Substitute, LeavesOtherBracesAlone) {
  for (const char* text : {"{", "}", "{}", "{ echo; }", "{1}", "{lr", "awk '{ print $1 }'", "{{",
                           "{\"a\":1}", "{a b}"})
    EXPECT_EQ(substituted(text), text);
  EXPECT_EQ(substituted("${{HOME}}/{{lr}}"), "${HOME}/{lr}");
  EXPECT_EQ(substituted("{{lr}"), "{0.01");
}

TEST(Substitute, ANameWithoutValueIsAnErrorThatNamesIt) {
  EXPECT_NE(substituted("{momentum}").find("{momentum}"), std::string::npos);
  EXPECT_NE(substituted("{momentum}").find("{momentum:-text}"), std::string::npos);
  EXPECT_NE(substituted("{until}").find("[trial.stop]"), std::string::npos);
  EXPECT_EQ(substituted("{momentum}").substr(0, 5), "error");
  EXPECT_EQ(substituted("{until}").substr(0, 5), "error");
}

TEST(Substitute, TakesDefaultsWhereThereIsNoValue) {
  EXPECT_EQ(substituted("{momentum:-0.9}"), "0.9");
  EXPECT_EQ(substituted("{lr:-0.9}"), "0.01");
  EXPECT_EQ(substituted("{until:-100}"), "100");
  EXPECT_EQ(substituted("{checkpoint:-none}"), "none");
  EXPECT_EQ(substituted("{checkpoint:-}"), "");
}

TEST(Substitute, TellsCheckpointAndUntil) {
  auto line = start();
  EXPECT_EQ(substituted("--resume={checkpoint}", line), "--resume=");
  line.checkpoint = "/x/checkpoint_000002_1";
  line.until = 9;
  EXPECT_EQ(substituted("{checkpoint:-none} {until}", line), "/x/checkpoint_000002_1 9");
}

TEST(Placeholders, ListsTheNamesACommandUses) {
  EXPECT_EQ(placeholders({"train", "--lr={lr}", "{lr}{b.c:-1}", "{{not}}", "{dir}"}),
            (std::vector<std::string>{"lr", "b.c", "dir"}));
  EXPECT_TRUE(is_reserved("dir"));
  EXPECT_FALSE(is_reserved("lr"));
}

}  // namespace
}  // namespace clavier::worker
