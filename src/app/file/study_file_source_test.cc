#include "app/file/study_file_source.h"

#include <gtest/gtest.h>

#include "app/file/study_file.h"

namespace clavier::app {
namespace {

std::string edited(std::string_view text, std::vector<Override> overrides) {
  const auto source = StudySource::parse(text, "s.toml", overrides);
  return source ? source->text() : source.error().message;
}

TEST(Override, ReplacesAValueAndNothingElse) {
  EXPECT_EQ(edited("[study]\ntrials = 20  # many\nname = \"ä\"\n", {{"study.trials", "5"}}),
            "[study]\ntrials = 5  # many\nname = \"ä\"\n");
  EXPECT_EQ(edited("a = { \"ü\" = [1,\n 2], c = 3 } # x\nb = 1\n", {{"a.c", "[4]"}, {"b", "2"}}),
            "a = { \"ü\" = [1,\n 2], c = [4] } # x\nb = 2\n");
  EXPECT_EQ(edited("[space]\nlr = { uniform = [0, 1] }\n", {{"space.lr", "0.1"}}),
            "[space]\nlr = 0.1\n");
}

TEST(Override, AddsAKeyToItsTable) {
  EXPECT_EQ(edited("[study] # s\nname = \"a\"\n[trial]\ncpus = 1", {{"study.seed", "3"}}),
            "[study] # s\nseed = 3\nname = \"a\"\n[trial]\ncpus = 1");
  EXPECT_EQ(edited("[study]", {{"study.seed", "3"}}), "[study]\nseed = 3");
  EXPECT_EQ(edited("a = { b = 1 }\n", {{"a.c", "2"}}), "a = { b = 1, c = 2 }\n");
  EXPECT_EQ(edited("a = {}\n", {{"a.c.d", "2"}}), "a = { c.d = 2}\n");
}

TEST(Override, AddsATableThatIsNotThere) {
  EXPECT_EQ(edited("[study]\nname = \"a\"", {{"search.algorithm", "sobol"}}),
            "[study]\nname = \"a\"\n[search]\nalgorithm = \"sobol\"\n");
  EXPECT_EQ(edited("", {{"x", "1"}}), "x = 1\n");
  EXPECT_EQ(edited("[trial]\nstop.time = 3\n", {{"trial.stop.steps", "5"}}),
            "[trial]\nstop.steps = 5\nstop.time = 3\n");
}

TEST(Override, TakesTomlElseText) {
  EXPECT_EQ(edited("", {{"a", "true"}}), "a = true\n");
  EXPECT_EQ(edited("", {{"a", "sgd"}}), "a = \"sgd\"\n");
  EXPECT_EQ(edited("", {{"a", "\"sgd\""}}), "a = \"sgd\"\n");
  EXPECT_EQ(edited("", {{"a", "1\nb = 2"}}), "a = \"1\\nb = 2\"\n");
  EXPECT_EQ(edited("", {{"a", "1 # b"}}), "a = \"1 # b\"\n");
  EXPECT_EQ(edited("", {{"a", ""}}), "a = \"\"\n");
  EXPECT_EQ(edited("", {{"a", "{ uniform = [0, 1] }"}}), "a = { uniform = [0, 1] }\n");
}

TEST(Override, RefusesWhatCannotBe) {
  EXPECT_EQ(edited("[a]\nb = 1\n", {{"a", "1"}}), "--set a=1: a is a table; set one of its keys");
  EXPECT_EQ(edited("a = 1\n", {{"a.b", "1"}}), "--set a.b=1: a is a whole number, not a table");
  EXPECT_EQ(edited("[[a]]\nb = 1\n", {{"a", "1"}}),
            "--set a=1: a is written as [[a]] sections; set their keys by number, from 0: "
            "a.0.KEY=VALUE");
  EXPECT_EQ(parse_override("study.trials").error().message,
            "--set study.trials: write KEY=VALUE, for example study.trials=50");
  EXPECT_FALSE(parse_override("a..b=1").ok());
  EXPECT_FALSE(parse_override("=1").ok());
  const auto good = parse_override("a.b=c=d");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->key, "a.b");
  EXPECT_EQ(good->value, "c=d");
}

TEST(Override, ANumberSignInQuotesIsPartOfTheValueAndACommentIsNone) {
  EXPECT_EQ(edited("a = 1\n", {{"a", "\"b#c\""}}), "a = \"b#c\"\n");
  EXPECT_EQ(edited("a = 1\n", {{"a", "[\"o.db#one\", 'x # y']"}}), "a = [\"o.db#one\", 'x # y']\n");
  EXPECT_EQ(edited("a = 1\n", {{"a", "2 # two"}}), "a = \"2 # two\"\n");
}

TEST(Override, ErrorsNameItOrTheUnchangedPlaceInTheFile) {
  const std::string text =
      "[study]\nmetric = \"loss\"\nmode = \"min\"\n[worker]\ncommand = [\"a\"]\n[trial]\ncpu = 1\n";
  const std::vector<Override> overrides{{"study.trials", "none"},
                                        {"worker.command", "[\"a\",\"b\"]"}};
  EXPECT_EQ(parse_study(text, "s.toml", overrides).error().message,
            "--set study.trials=none: study.trials must be a whole number, not \"none\"\n"
            "s.toml:7:1: unknown key \"cpu\" in [trial]; did you mean \"cpus\"?");
}

TEST(Override, ShowsInTheTextOfTheStudy) {
  const auto spec = parse_study("[study]\nmetric='a'\nmode='min'\n[worker]\ncommand=['a']\n",
                                "s.toml", std::vector<Override>{{"study.trials", "3"}});
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(spec->trials, 3);
  EXPECT_EQ(spec->text,
            "[study]\nname = \"s\"\ntrials = 3\nmetric='a'\nmode='min'\n[worker]\ncommand=['a']\n");
}

}  // namespace
}  // namespace clavier::app
