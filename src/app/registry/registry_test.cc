#include "app/registry/registry.h"

#include <gtest/gtest.h>

#include <fstream>

#include "app/file/study_file.h"
#include "app/registry/policies.h"

namespace clavier::app {
namespace {

constexpr Family kFamilies[] = {Family::kSearcher, Family::kScheduler, Family::kPlanner};

StudySpec study_with(Family family, const AlgorithmSpec& choice) {
  StudySpec spec;
  spec.objective = {"loss", Mode::kMin};
  spec.trial.stop.steps = 100;
  spec.space.parameters.push_back({"x", Real{0, 1}});
  AlgorithmSpec& place = family == Family::kSearcher    ? spec.search
                         : family == Family::kScheduler ? spec.scheduler
                                                        : spec.planner;
  place = choice;
  return spec;
}

TEST(Registry, EveryEntryIsMadeFromItsDefaults) {
  for (const Family family : kFamilies)
    for (const AlgorithmInfo* info : algorithms(family)) {
      AlgorithmSpec choice{std::string(info->name)};
      if (!info->variant.empty()) choice.options.set("variant", std::string(info->variant));
      const auto whole = complete(family, choice);
      ASSERT_TRUE(whole.ok()) << whole.error().message;
      const StudySpec spec = study_with(family, *whole);
      switch (family) {
        case Family::kSearcher: EXPECT_TRUE(make_searcher(spec)) << info->name; break;
        case Family::kScheduler: EXPECT_TRUE(make_scheduler(spec)) << info->name; break;
        case Family::kPlanner: EXPECT_TRUE(make_planner(spec)) << info->name; break;
      }
    }
}

TEST(Registry, EveryDefaultPassesItsOwnCheck) {
  for (const Family family : kFamilies)
    for (const AlgorithmInfo* info : algorithms(family))
      for (const OptionSpec& option : info->options) {
        const auto checked = check_option(option, option.fallback);
        EXPECT_TRUE(checked.ok()) << info->name << "." << option.name;
        EXPECT_FALSE(option.help.empty()) << info->name << "." << option.name;
      }
}

TEST(Registry, EveryAlgorithmAndVariantIsReadFromAFileAndWrittenBack) {
  for (const Family family : kFamilies)
    for (const AlgorithmInfo* info : algorithms(family)) {
      std::string text =
          "[study]\nmetric='a'\nmode='min'\n[worker]\ncommand=['a', '{x}']\n"
          "[space]\nx={ uniform = [0, 1] }\n" +
          std::string(info->name == "grid" ? "n={ int = [1, 3] }\n" : "") +
          "[trial.stop]\nsteps=100\n[" + std::string(table_of(family)) + "]\nalgorithm='" +
          std::string(info->name) + "'\n";
      if (!info->variant.empty()) text += "variant='" + std::string(info->variant) + "'\n";
      if (info->name == "pbt_replay")
        text += R"(lines=['["b", "a", 9, 9, {"x": 0.1}, {"x": 0.2}]'])";
      const auto spec = parse_study(text, "s.toml");
      ASSERT_TRUE(spec.ok()) << spec.error().message;
      const auto again = parse_study(to_toml(*spec), "s.toml");
      ASSERT_TRUE(again.ok()) << again.error().message;
      EXPECT_EQ(again->scheduler, spec->scheduler);
      EXPECT_EQ(again->search, spec->search);
    }
}

/// A smoke run takes each study's searcher and fifo.
TEST(Registry, ASearcherByRungsIsMadeWithoutThemAndAFileThatSaysSoIsRefused) {
  StudySpec spec = study_with(Family::kSearcher, {"bohb"});
  EXPECT_TRUE(OwnedPolicies::create(spec).ok());
  EXPECT_FALSE(check_sense(spec).ok());
  spec.scheduler = *complete(Family::kScheduler, {"asha"});
  EXPECT_TRUE(check_sense(spec).ok());
}

TEST(Registry, TheFirstVariantIsTheDefault) {
  const auto asha = complete(Family::kScheduler, {"asha"});
  ASSERT_TRUE(asha.ok());
  EXPECT_EQ(*asha->options.find("variant"), Value("stopping"));
  EXPECT_EQ(variant_names(Family::kScheduler, "asha"),
            (std::vector<std::string>{"stopping", "promotion", "ray"}));
  EXPECT_EQ(algorithm_names(Family::kScheduler),
            (std::vector<std::string>{"fifo", "asha", "hyperband", "median", "pbt", "pb2",
                                      "pbt_replay"}));
}

TEST(Registry, VariantsHaveOptionsAndDefaultsOfTheirOwn) {
  AlgorithmSpec ray{"median"};
  ray.options.set("variant", "ray");
  const auto whole = complete(Family::kScheduler, ray);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(*whole->options.find("grace"), Value(60.0));
  ray.options.set("every", 1.0);
  EXPECT_EQ(complete(Family::kScheduler, ray).error().message,
            "unknown option \"every\" of median; there are axis, grace, min_trials, "
            "min_time_slice, hard_stop");
}

TEST(Registry, StoppingByAPercentileIsTheMedianUnlessAnotherIsSaid) {
  AlgorithmSpec median{"median"};
  EXPECT_EQ(*complete(Family::kScheduler, median)->options.find("percentile"), Value(50.0));
  median.options.set("percentile", 25.0);
  EXPECT_TRUE(complete(Family::kScheduler, median).ok());
  median.options.set("percentile", 101.0);
  EXPECT_NE(complete(Family::kScheduler, median).error().message.find("percentile"),
            std::string::npos);
}

TEST(Registry, WhatIsNotThereAnyMoreIsRefusedWithWhatToUseAndStillRead) {
  const std::string text =
      "[study]\nmetric='a'\nmode='min'\n[worker]\ncommand=['a', '{x}']\n[space]\n"
      "x={ uniform = [0, 1] }\n[scheduler]\nalgorithm='median'\nvariant='ray'\ngrace=7.0\n";
  EXPECT_EQ(parse_study(text, "s.toml").error().message,
            "s.toml:10:9: scheduler median, variant \"ray\", is not there any more; use variant = "
            "\"sound\", which stops by the same idea and by steps");
  const auto logged = parse_logged_study(text, "s.toml");
  ASSERT_TRUE(logged.ok()) << logged.error().message;
  EXPECT_EQ(*logged->scheduler.options.find("grace"), Value(7.0));
  EXPECT_TRUE(parse_logged_study(to_toml(*logged), "s.toml").ok());
  const auto policies = OwnedPolicies::create(*logged);
  ASSERT_FALSE(policies.ok());
  EXPECT_NE(policies.error().message.find("use variant = \"sound\""), std::string::npos);
  EXPECT_EQ(variant_names(Family::kScheduler, "median"), std::vector<std::string>{"sound"});
}

TEST(Registry, PopulationBasedTrainingIsRefusedWhereItCouldDoNothing) {
  const auto message = [](const std::string& scheduler,
                          const std::string& space = "{ uniform = [0, 1] }",
                          const std::string& more = "") {
    const auto spec = parse_study(
        "[study]\nmetric='a'\nmode='min'\n[worker]\ncommand=['a', '{x}']\n[space]\nx=" + space +
            "\n[scheduler]\nalgorithm='pbt'\n" + scheduler + "\n" + more,
        "s.toml");
    if (!spec) return spec.error().message;
    return "saves every " + std::to_string(spec->checkpoint.every);
  };
  const auto refused = [&](const std::string& found, const std::string& why) {
    return found.find(why) != std::string::npos ? std::string("as it should") : found;
  };
  EXPECT_EQ(message("interval=5"), "saves every 5");
  EXPECT_EQ(message("variant='hrfs'"), "saves every 50");
  EXPECT_EQ(message("interval=6", "{ uniform = [0, 1] }", "[checkpoint]\nevery=3"),
            "saves every 3");
  EXPECT_EQ(refused(message("interval=6", "{ uniform = [0, 1] }", "[checkpoint]\nevery=4"),
                    "needs checkpoints every 6 steps"),
            "as it should");
  EXPECT_EQ(refused(message("quantile=0.6"), "from 0 to 0.5"), "as it should");
  EXPECT_EQ(refused(message("interval=9\nmax_steps=9"), "never be judged"), "as it should");
  EXPECT_EQ(refused(message("mutable=['y']"), "no parameter 'y'"), "as it should");
  EXPECT_EQ(refused(message("factors=[1.2, 'a']"), "positive numbers"), "as it should");
  EXPECT_EQ(refused(message("", "{ grid = [1, 2] }"), "nothing to change"), "as it should");
}

TEST(Registry, Pb2IsRefusedWithoutAContinuousParameter) {
  const auto message = [](const std::string& space, const std::string& scheduler = "") {
    const auto spec =
        parse_study("[study]\nmetric='a'\nmode='min'\n[worker]\ncommand=['a']\n[space]\n" + space +
                        "\n[scheduler]\nalgorithm='pb2'\ninterval=7\n" + scheduler,
                    "s.toml");
    return spec ? std::to_string(spec->checkpoint.every) : spec.error().message;
  };
  EXPECT_EQ(message("net.lr = { loguniform = [1e-4, 1] }"), "7");
  const std::string coarse = "q = { quniform = [0, 1, 0.1] }\nn = { int = [1, 9] }";
  EXPECT_NE(message(coarse).find("s.toml:9:2: PB2 has nothing to choose"), std::string::npos)
      << message(coarse);
  EXPECT_NE(message("x = { uniform = [0, 1] }\nn = { int = [1, 9] }", "mutable=['n']")
                .find("nothing to choose"),
            std::string::npos);
  EXPECT_NE(message("x = { uniform = [0, 1] }", "factors=[1.2]").find("unknown option"),
            std::string::npos);
}

TEST(Registry, ChecksTypesAndRanges) {
  const auto message = [](std::string_view option, Value value) {
    AlgorithmSpec spec{"asha"};
    spec.options.set("variant", "ray");
    spec.options.set(option, std::move(value));
    const auto whole = complete(Family::kScheduler, spec);
    return whole ? "fine" : whole.error().message;
  };
  EXPECT_EQ(message("reduction", 3), "fine") << "a whole number where a real is wanted";
  EXPECT_EQ(message("grace", 1.5), "grace must be a whole number, not 1.5");
  EXPECT_EQ(message("grace", 0), "grace must be at least 1, not 0");
  EXPECT_EQ(message("brackets", 101), "brackets must be from 1 to 100, not 101");
  EXPECT_EQ(message("stop_last_trials", 1), "stop_last_trials must be true or false, not 1");
  EXPECT_EQ(message("reduction", std::nan("")), "reduction must be at least 1.01, not NaN");
  EXPECT_EQ(message("variant", "best"),
            "scheduler.variant: unknown \"best\" of asha; there are stopping, promotion, ray");
}

}  // namespace
}  // namespace clavier::app
