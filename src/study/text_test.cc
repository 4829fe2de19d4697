#include "study/text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/support/step_random.h"

namespace clavier {
namespace {

constexpr int kRounds = 2000;

Config config_of(std::initializer_list<std::pair<const char*, Value>> entries) {
  Config config;
  for (const auto& [name, value] : entries) config.set(name, value);
  return config;
}

TEST(Text, ConfigsAreNestedByTheDotsOfTheirNames) {
  const Config config = config_of({{"lr", 0.1},
                                   {"optimizer.name", "sgd"},
                                   {"l1", 32},
                                   {"optimizer.momentum.start", 1.0},
                                   {"flip", true},
                                   {"none", Value()}});
  const std::string json = text::to_json(config);
  EXPECT_EQ(json,
            R"({"lr": 0.1, "optimizer": {"name": "sgd", "momentum": {"start": 1.0}}, "l1": 32, )"
            R"("flip": true, "none": null})");
  const auto back = text::config_from_json(json);
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_TRUE(same_config(*back, config));
  EXPECT_EQ(text::to_json(*back), json);
}

TEST(Text, NamesThatCannotBeNestedKeepTheirDots) {
  Config config = config_of(
      {{"a", 1}, {"a.b", 2}, {"a.c.d", 3}, {".x", 4}, {"y..z", 5}, {"w.", 6}, {"", 7}, {".", 8}});
  std::string deep = "k";
  for (int i = 0; i < 200; ++i) deep += ".k";
  config.set(deep, 9);
  const auto back = text::config_from_json(text::to_json(config));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(*back, config);
}

TEST(Text, AnyConfigReadsBackTheSame) {
  RandomStep random(1);
  for (int i = 0; i < kRounds; ++i) {
    const Config config = random.config();
    const auto back = text::config_from_json(text::to_json(config));
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_TRUE(same_config(*back, config)) << text::to_json(config);
  }
}

TEST(Text, AnyInputReadsBackEqual) {
  RandomStep random(2);
  std::set<std::string_view> kinds;
  for (int i = 0; i < kRounds; ++i) {
    const Input input = random.input();
    kinds.insert(text::kind(input));
    const std::string json = text::to_json(input);
    const auto back = text::input_from_json(text::kind(input), json);
    ASSERT_TRUE(back.ok()) << back.error().message << '\n' << json;
    EXPECT_EQ(*back, input) << json;
  }
  EXPECT_EQ(kinds.size(), 18u);
}

TEST(Text, AnyDecisionReadsBackEqual) {
  RandomStep random(3);
  std::set<std::size_t> actions;
  for (int i = 0; i < kRounds; ++i) {
    const Decision decision = random.decision();
    actions.insert(decision.action.index());
    const auto back = text::decision_from_json(text::to_json(decision));
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(*back, decision);
  }
  EXPECT_EQ(actions.size(), std::variant_size_v<Action>);
}

TEST(Text, AnyFillReadsBackEqual) {
  RandomStep random(4);
  for (int i = 0; i < kRounds; ++i) {
    const Fill fill = random.fill();
    const auto back = text::fill_from_json(text::to_json(fill));
    ASSERT_TRUE(back.ok()) << back.error().message;
    EXPECT_EQ(*back, fill);
  }
  EXPECT_EQ(text::to_json(Fill{}), "");
  EXPECT_EQ(text::to_json(Fill{.asked = true}), R"({"asked": true})");
}

TEST(Text, AnyNodeAndCheckpointReadBackEqual) {
  RandomStep random(5);
  for (int i = 0; i < kRounds; ++i) {
    const Node node = random.node();
    EXPECT_EQ(text::node_from_json(text::to_json(node)).value(), node);
    const Checkpoint checkpoint = random.checkpoint();
    EXPECT_EQ(text::checkpoint_from_json(text::to_json(checkpoint)).value(), checkpoint);
  }
}

TEST(Text, MetricsKeepOrderAndWhatIsNotFinite) {
  const std::vector<Metric> metrics = {
      {"loss", NAN}, {"b", INFINITY}, {"a", -INFINITY}, {"n", 3}, {"n", -0.0}};
  const std::string json = text::to_json(metrics);
  EXPECT_EQ(json, R"({"loss": NaN, "b": Infinity, "a": -Infinity, "n": 3.0, "n": -0.0})");
  EXPECT_EQ(text::metrics_from_json(json).value(), metrics);
  EXPECT_EQ(text::metrics_from_json(R"({"whole": 7})").value()[0].value, 7);
  EXPECT_FALSE(text::metrics_from_json(R"({"a": "x"})").ok());
  EXPECT_FALSE(text::metrics_from_json("[1]").ok());
}

TEST(Text, AnObjectiveThatIsNotANumberSurvives) {
  const Input input = Signal(Reported{{Report{.trial = {1}, .launch = {2}, .value = NAN}}});
  const auto back = text::input_from_json("report", text::to_json(input));
  ASSERT_TRUE(back.ok()) << back.error().message;
  const auto& report = std::get<Reported>(std::get<Signal>(*back)).reports.at(0);
  ASSERT_TRUE(report.value);
  EXPECT_TRUE(std::isnan(*report.value));
}

TEST(Text, PlainValuesAreAsPeopleWriteThem) {
  EXPECT_EQ(text::plain("sgd"), "sgd");
  EXPECT_EQ(text::plain(0.1), "0.1");
  EXPECT_EQ(text::plain(1e-5), "1e-05");
  EXPECT_EQ(text::plain(16), "16");
  EXPECT_EQ(text::plain(true), "true");
  EXPECT_EQ(text::plain(Value::List{1, "a"}), R"([1, "a"])");
}

struct Refused {
  const char* kind;
  const char* json;
  const char* message;
};

TEST(Text, ErrorsNameTheOffendingPlace) {
  const Refused cases[] = {
      {"exited", R"({"launch": 1, "exit": "failed"})", "trial is missing"},
      {"exited", R"({"trial": 1.5, "launch": 1, "exit": "failed"})", "trial is not a whole number"},
      {"exited", R"({"trial": -2, "launch": 1, "exit": "failed"})", "trial is not an id"},
      {"exited", R"({"trial": 1, "launch": 1, "exit": "gone"})", "exit is an unknown word"},
      {"report", R"({"reports": {}})", "reports is not a list"},
      {"report", R"({"reports": [{"trial": 1, "launch": 2, "step": 3}, 7]})",
       "reports[1].trial is missing"},
      {"report", R"({"reports": [{"trial": 1, "launch": 2, "step": 3, "metrics": {"a": "b"}}]})",
       "reports[0].metrics.a is not a number"},
      {"node_joined", R"({"node": {"id": 0, "host": "h", "cpus": 99999999999, "slots": []}})",
       "node.cpus is out of range"},
      {"node_joined", R"({"node": {"id": 0, "host": "h", "facts": [["a"]]}})",
       "node.facts[0] is not a pair"},
      {"opened", R"({"utc_us": 1, "version": "", "commit": "", "seed": -1, "study": ""})",
       "seed is negative"},
      {"add_trial", R"({"config": 1})", "config is not a table"},
      {"what", "{}", "unknown kind of input \"what\""},
      {"deadline", "{", "not JSON at byte 1: a name was expected"},
  };
  for (const Refused& each : cases) {
    const auto input = text::input_from_json(each.kind, each.json);
    ASSERT_FALSE(input.ok()) << each.json;
    EXPECT_EQ(input.error().message, each.message);
  }
  EXPECT_EQ(text::decision_from_json(R"({"action": "hop", "trial": 1})").error().message,
            "action is an unknown word");
  EXPECT_EQ(text::fill_from_json(R"({"launches": [{"id": 1, "members": [], "shares": []}]})")
                .error()
                .message,
            "launches[0] is neither one trial nor many trials on one slot");
  EXPECT_FALSE(text::fill_from_json("[]").ok());
}

TEST(Text, ReadersSurviveAnyDamage) {
  RandomStep random(6);
  Rng rng(7);
  for (int i = 0; i < kRounds; ++i) {
    const Input input = random.input();
    std::string json = text::to_json(input);
    std::string fill = text::to_json(random.fill());
    for (std::string* text : {&json, &fill}) {
      if (text->empty()) continue;
      const std::size_t at = rng.below(text->size());
      if (i % 2 == 0)
        text->resize(at);
      else
        (*text)[at] = static_cast<char>(rng.below(256));
    }
    // Whatever is still accepted can be written and read again.
    if (const auto back = text::input_from_json(text::kind(input), json); back.ok()) {
      EXPECT_TRUE(text::input_from_json(text::kind(*back), text::to_json(*back)).ok());
    }
    if (const auto back = text::fill_from_json(fill); back.ok()) {
      EXPECT_TRUE(text::fill_from_json(text::to_json(*back)).ok());
    }
  }
}

TEST(Text, AConfigOfTooManyParametersIsRefused) {
  std::string json = "{\"p\": 0";
  for (int i = 0; i < 1000; ++i) json += fmt::format(", \"p{}\": 1", i);
  json += '}';
  EXPECT_FALSE(text::config_from_json(json).ok());
  EXPECT_TRUE(text::config_from_json(json.replace(1, 8, "")).ok());
  EXPECT_FALSE(text::config_from_json("7").ok());
}

}  // namespace
}  // namespace clavier
