#include "sched/pb2.h"

#include <gtest/gtest.h>

#include <cmath>

#include "study/domain.h"
#include "tests/support/scheduler_desk.h"

namespace clavier::sched {
namespace {

const Space kSpace{{{"lr", Real{1e-3, 1, Scale::kLog}},
                    {"net.dropout", Real{0, 0.5}},
                    {"optimizer", Choice{{"sgd", "adam"}}},
                    {"width", Integer{1, 64}},
                    {"twice", Computed{"2 * lr"}},
                    {"momentum", Real{0.1, 0.9}, {{"optimizer", {"sgd"}}}}}};

Config config(double lr, const char* optimizer) {
  Config fixed;
  fixed.set("lr", lr);
  fixed.set("net.dropout", 0.25);
  fixed.set("optimizer", optimizer);
  fixed.set("width", 8);
  if (std::string_view(optimizer) == "sgd") fixed.set("momentum", 0.5);
  return complete(kSpace, fixed, [](std::size_t) { return Value{}; }).value();
}

/// Six members on slots of their own; the nearer lr is to 0.1, the faster their accuracy rises.
class Pb2Test : public testing::Test {
 protected:
  void populate(Space space = kSpace, std::uint64_t seed = 1) {
    pb2_.emplace(Objective{"accuracy", Mode::kMax}, space,
                 PbtOptions{.interval = 10, .max_steps = 200}, seed);
    desk_.emplace(*pb2_, Objective{"accuracy", Mode::kMax}, 6);
    for (int i = 0; i < 6; ++i)
      desk_->create(0, config(std::pow(10, -0.5 * (i + 1)), i % 2 ? "adam" : "sgd"));
    for (int i = 0; i < 6; ++i) desk_->launch(TrialId{i}, 10);
    accuracy_.assign(6, 0);
  }
  static double rate(const Config& config) {
    return 1 - std::abs(std::log10(*config.find("lr")->number()) + 1) / 2;
  }
  /// All report at their next boundary; the exploits that follow.
  std::vector<Decision> round() {
    std::vector<Decision> exploits;
    for (int i = 0; i < 6; ++i) {
      const Trial trial = desk_->state().trial(TrialId{i});
      const auto at = static_cast<std::size_t>(i);
      accuracy_[at] += 0.01 * rate(trial.config);
      Report report{.trial = trial.id, .launch = trial.launch, .step = trial.until};
      report.value = accuracy_[at];
      report.checkpoint = Checkpoint{trial.id, trial.launch, trial.until,
                                     std::to_string(i) + "/" + std::to_string(++saves_)};
      for (const Decision& decision : desk_->report({report}))
        if (const auto* exploit = std::get_if<Exploit>(&decision.action)) {
          accuracy_[at] = exploit->donor_value;
          exploits.push_back(decision);
        }
    }
    return exploits;
  }

  std::optional<Pb2> pb2_;
  std::optional<Desk> desk_;
  std::vector<double> accuracy_;
  int saves_ = 0;
};

TEST_F(Pb2Test, ChoosesContinuousParametersAndKeepsTheDonorsRest) {
  populate();
  int exploits = 0;
  for (int i = 0; i < 6; ++i)
    for (const Decision& decision : round()) {
      const auto& exploit = std::get<Exploit>(decision.action);
      const Config& donor = desk_->state().trial(exploit.donor.trial).config;
      EXPECT_EQ(*exploit.config.find("optimizer"), *donor.find("optimizer"));
      EXPECT_EQ(*exploit.config.find("width"), *donor.find("width"));
      EXPECT_EQ(exploit.config.find("momentum") != nullptr, donor.find("momentum") != nullptr);
      EXPECT_EQ(exploit.config.find("twice")->number(), 2 * *exploit.config.find("lr")->number());
      EXPECT_FALSE(same_config(exploit.config, donor)) << decision.reason;
      const bool drawn = decision.reason.find("drawn: too few") != std::string::npos;
      const bool learned = decision.reason.find(" gains)") != std::string::npos;
      EXPECT_NE(drawn, learned) << decision.reason;
      EXPECT_EQ(drawn, i == 0) << "nothing is known after the first round";
      ++exploits;
    }
  EXPECT_GE(exploits, 6);
}

TEST_F(Pb2Test, FindsTheFastLearningRates) {
  double late = 0;
  int counted = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    populate(kSpace, seed);
    for (int i = 0; i < 12; ++i)
      for (const Decision& decision : round()) {
        if (i >= 6) late += rate(std::get<Exploit>(decision.action).config), ++counted;
      }
  }
  ASSERT_GT(counted, 10);
  EXPECT_GT(late / counted, 0.8) << "uniform draws have 0.58";
}

TEST_F(Pb2Test, DecidesTheSameWhenOnlyToldTheLog) {
  populate();
  Pb2 told(Objective{"accuracy", Mode::kMax}, kSpace, {.interval = 10, .max_steps = 200}, 1);
  Desk other(told, Objective{"accuracy", Mode::kMax}, 6);
  for (int i = 0; i < 6; ++i) other.create(0, desk_->state().trial(TrialId{i}).config);
  for (int i = 0; i < 6; ++i) other.launch(TrialId{i}, 10);
  for (int i = 0; i < 5; ++i)
    for (int member = 0; member < 6; ++member) {
      const Trial trial = desk_->state().trial(TrialId{member});
      Report report{.trial = trial.id, .launch = trial.launch, .step = trial.until};
      report.value = 0.01 * static_cast<double>(trial.until) * rate(trial.config);
      report.checkpoint = Checkpoint{trial.id, trial.launch, trial.until,
                                     std::to_string(member) + "/" + std::to_string(++saves_)};
      const Input input = Signal{Reported{{report}}};
      const auto decisions = desk_->take(input);
      // The last round is asked, all before was told.
      const auto again = i < 4 ? other.take(input, decisions) : other.take(input);
      ASSERT_EQ(decisions, again);
    }
}

TEST_F(Pb2Test, GainsAreBetweenBoundariesWhereverAPlannerAsks) {
  populate();
  Pb2 asked(Objective{"accuracy", Mode::kMax}, kSpace, {.interval = 10, .max_steps = 200}, 1);
  Desk other(asked, Objective{"accuracy", Mode::kMax}, 6);
  for (int i = 0; i < 6; ++i) other.create(0, desk_->state().trial(TrialId{i}).config);
  for (int i = 0; i < 6; ++i) other.launch(TrialId{i}, 10);
  int exploits = 0;
  for (int i = 0; i < 4; ++i)
    for (int member = 0; member < 6; ++member) {
      const Trial trial = desk_->state().trial(TrialId{member});
      const auto at = [&](Steps step) {
        Report report{.trial = trial.id, .launch = trial.launch, .step = step};
        report.value = 0.01 * static_cast<double>(step) * rate(trial.config);
        return report;
      };
      other.take(Signal{Reported{{at(trial.until - 5)}}}, {{Continue{trial.id, trial.until}}});
      Report report = at(trial.until);
      report.checkpoint = Checkpoint{trial.id, trial.launch, trial.until,
                                     std::to_string(member) + "/" + std::to_string(++saves_)};
      const Input input = Signal{Reported{{report}}};
      const auto decisions = desk_->take(input);
      ASSERT_EQ(decisions, other.take(input)) << i << ' ' << member;
      for (const Decision& decision : decisions)
        exploits += std::holds_alternative<Exploit>(decision.action);
    }
  EXPECT_GT(exploits, 2);
}

TEST_F(Pb2Test, AnExploitObeysTheConstraints) {
  Space space = kSpace;
  space.constraints = {"lr < 0.05"};
  populate(space);
  for (int i = 0; i < 6; ++i)
    for (const Decision& decision : round()) {
      const auto& exploit = std::get<Exploit>(decision.action);
      const bool unchanged = decision.reason.find("unchanged") != std::string::npos;
      EXPECT_TRUE(unchanged || satisfies(space, exploit.config)) << decision.reason;
    }
}

TEST(Pb2, IsRefusedWithoutAContinuousParameter) {
  const PbtOptions options{.interval = 10};
  EXPECT_TRUE(check_pb2(kSpace, options).ok());
  EXPECT_FALSE(
      check_pb2({{{"width", Integer{1, 8}}, {"q", Real{0, 1, Scale::kLinear, 0.1}}}}, options)
          .ok());
  PbtOptions named = options;
  named.explore.parameters = {"width"};
  EXPECT_FALSE(check_pb2(kSpace, named).ok());
  named.explore.parameters = {"net.dropout"};
  EXPECT_TRUE(check_pb2(kSpace, named).ok());
  EXPECT_EQ(continuous_parameters(kSpace, named), std::vector<std::string>{"net.dropout"});
}

}  // namespace
}  // namespace clavier::sched
