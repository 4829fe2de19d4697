#include "tests/support/simulated_study.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/rng.h"
#include "tuner/verify.h"

namespace clavier::tuner {

exec::SimOptions SimulatedStudy::sim_options(const Settings& settings) {
  exec::SimOptions options;
  // One node: the simulator then delivers one signal at a time, so every step is a transaction.
  options.nodes = {{.slots = {{.speed = 1}, {.speed = 1}, {.speed = 2}, {.speed = 0.5}}}};
  if (settings.one_slot) options.nodes = {{.slots = {{.speed = 1}}}};
  if (!settings.sharing.empty()) {
    auto& slots = options.nodes.front().slots;
    slots.clear();
    for (int gpu = 0; gpu < 2; ++gpu)
      for (std::size_t place = 0; place < settings.sharing.size(); ++place) {
        exec::SimSlot slot{.gpu_ids = {gpu}, .sharing = settings.sharing};
        slot.resources.gpus = 1;
        slots.push_back(std::move(slot));
      }
  }
  if (!settings.machines.empty()) {
    options.nodes.clear();
    for (const std::size_t slots : settings.machines) {
      exec::SimNode& node = options.nodes.emplace_back(exec::SimNode{.slots = {}});
      for (std::size_t i = 0; i < slots; ++i)
        node.slots.push_back({.speed = i % 2 == 0 ? 1.0 : 2.0});
    }
    options.mtbf_seconds = settings.mtbf;
    options.repair_seconds = 2;
  }
  if (settings.lost_at > 0)
    options.nodes.front().later = {{StudyTime(from_seconds(settings.lost_at)), false},
                                   {StudyTime(from_seconds(settings.lost_at + 1)), true}};
  options.arrays = settings.arrays;
  options.start_seconds = 0.5;
  options.report_seconds = 0.001;
  options.command_seconds = settings.command_seconds;
  options.noise = 0.1;
  options.failure_probability = settings.failures;
  options.seed = settings.seed;
  options.metric = "loss";
  return options;
}

namespace {

std::vector<std::string> lines_of(const std::vector<Step>& steps) {
  std::vector<std::string> lines;
  for (const Step& step : steps)
    if (!std::holds_alternative<Opened>(step.turn.input)) lines.push_back(as_text(step));
  return lines;
}

std::vector<Step> uninterrupted(const SimulatedStudy::Settings& settings) {
  SimulatedStudy study(settings);
  EXPECT_TRUE(study.start_with({}).ok());
  EXPECT_TRUE(study.run().ok());
  EXPECT_TRUE(study.state().finished());
  return study.steps();
}

/// Cuts the log after every step and goes on: the rest must come out the same.
void crash_after_every_step(const SimulatedStudy::Settings& settings, std::size_t stride = 1) {
  const std::vector<Step> whole = uninterrupted(settings);
  const std::vector<std::string> expected = lines_of(whole);
  for (std::size_t cut = 1; cut <= whole.size(); cut += stride) {
    SimulatedStudy study(settings);
    ASSERT_TRUE(study.start_with({whole.data(), cut}).ok());
    ASSERT_TRUE(study.run().ok());
    ASSERT_EQ(lines_of(study.steps()), expected) << "after step " << cut - 1;
  }
}

TEST(SimulatedStudy, ACrashAfterAnyStepLeavesTheRestOfTheLogIdentical) {
  crash_after_every_step({});
}

/// A user who closes the study now and then, at any step, and perhaps holds trials for a while.
class Meddler : public Observer {
 public:
  enum class Ways { kClose, kHoldToo };

  Meddler(std::uint64_t seed, Ways ways) : rng_(Rng::keyed(seed)), ways_(ways) {}

  void watch(Mailbox& mailbox, std::size_t logged) {
    mailbox_ = &mailbox;
    next_ = StepId{static_cast<std::int64_t>(logged)};
  }
  Result<StepId> resume() override { return next_; }
  Status on_step(const Step& step, const State& state) override {
    for (const Trial& trial : state.trials())
      if ((trial.held || trial.decided == Decided::kHold) && rng_.below(8) == 0)
        TRY(mailbox_->post(ResumeTrial{trial.id}));
    if (std::holds_alternative<UserCommand>(step.turn.input) || rng_.below(9) != 0) return {};
    const auto& live = state.with_status(TrialStatus::kRunning);
    if (ways_ == Ways::kClose || live.empty() || rng_.below(4) == 0)
      return mailbox_->post(PauseStudy{});
    return mailbox_->post(PauseTrial{*std::next(live.begin(), rng_.below(live.size()))});
  }
  Status on_idle(StudyTime, const State&) override { return {}; }
  Status finish(const State&) override { return {}; }

 private:
  Rng rng_;
  Ways ways_;
  Mailbox* mailbox_ = nullptr;
  StepId next_{0};
};

/// The log of a study that was closed and opened again until it was over.
std::vector<Step> interrupted(SimulatedStudy::Settings settings, std::uint64_t seed,
                              Meddler::Ways ways) {
  Meddler meddler(seed, ways);
  settings.observer = &meddler;
  std::vector<Step> steps;
  for (int runs = 0; runs < 1000; ++runs) {
    SimulatedStudy study(settings);
    meddler.watch(study.mailbox(), steps.size());
    EXPECT_TRUE(study.start_with(steps).ok());
    std::vector<Input> resumed;
    for (const Trial& trial : study.state().trials())
      if (trial.held) resumed.emplace_back(UserCommand{ResumeTrial{trial.id}});
    EXPECT_TRUE(resumed.empty() || study.say(resumed).ok());
    const auto outcome = study.run();
    if (!outcome) ADD_FAILURE() << outcome.error().message;
    steps = study.steps();
    if (!outcome || *outcome == RunEnd::kFinished) return steps;
  }
  ADD_FAILURE() << "the study does not end";
  return steps;
}

/// What was reported and decided about each trial, in order, but for leaving and coming back.
std::map<std::int64_t, std::string> courses(const std::vector<Step>& steps) {
  std::map<std::int64_t, std::string> courses;
  for (const Step& step : steps) {
    if (const auto* reported = input_as<Reported>(step.turn))
      for (const Report& report : reported->reports)
        courses[report.trial.value] +=
            fmt::format("{} {}{}\n", report.step, *report.value, step.turn.late ? " late" : "");
    for (Decision decision : step.turn.decisions) {
      if (std::holds_alternative<Requeue>(decision.action)) continue;
      // Launches are counted anew, and folders have the date.
      if (auto* exploit = std::get_if<Exploit>(&decision.action))
        exploit->donor.launch = LaunchId{}, exploit->donor.path.clear();
      courses[subject(decision.action).value] += text::to_json(decision) + "\n";
    }
    for (const NewTrial& created : step.fill.created)
      courses[created.id.value] += text::to_json(created.config) + "\n";
  }
  return courses;
}

using Settings = SimulatedStudy::Settings;

/// All that stop what looks bad, strict enough to do so here.
const TrialStop kRules{.patience = Patience{.steps = 4, .min_delta = 0.02},
                       .thresholds = {{.metric = "loss", .upper = 2, .grace = 2}},
                       .wilcoxon = Wilcoxon{}};

TEST(SimulatedStudy, AnInterruptedStudyTakesTheDecisionsOfAnUninterruptedOne) {
  // Commands on their way for longer than a step: reports cross with them.
  for (Settings settings :
       {Settings{.trials = 9, .promotion = false}, Settings{.trials = 9},
        Settings{.trials = 4, .whole = true}, Settings{.trials = 6, .population = true},
        Settings{.trials = 6, .population = true, .ray = true},
        Settings{.trials = 8, .median = true}, Settings{.trials = 14, .hyperband = true}}) {
    settings.one_slot = true;
    settings.command_seconds = 1.3;
    const auto expected = courses(uninterrupted(settings));
    for (std::uint64_t seed = 0; seed < 4; ++seed)
      ASSERT_EQ(courses(interrupted(settings, seed, Meddler::Ways::kClose)), expected)
          << "seed " << seed << (settings.promotion ? " promotion" : "")
          << (settings.population ? " population" : "") << (settings.median ? " median" : "");
  }
}

/// No launch begins where its trial was to be decided upon, and no step is reported twice or lost.
void expect_no_hole(const std::vector<Step>& steps) {
  std::map<std::int64_t, Steps> at;
  for (const Step& step : steps) {
    if (const auto* reported = input_as<Reported>(step.turn))
      for (const Report& report : reported->reports) {
        if (step.turn.late) continue;
        ASSERT_EQ(report.step, ++at[report.trial.value]) << "trial " << report.trial.value;
      }
    for (const Decision& decision : step.turn.decisions)
      if (const auto* exploit = std::get_if<Exploit>(&decision.action))
        at[exploit->trial.value] = exploit->donor.step;
    for (const Launch& launch : step.fill.launches)
      for (const Member& member : launch.members) {
        const Steps from = member.from ? member.from->step : 0;
        ASSERT_EQ(from, at[member.trial.value]) << "trial " << member.trial.value;
        ASSERT_LT(from, std::min(member.until, member.stretch)) << "trial " << member.trial.value;
      }
  }
}

TEST(SimulatedStudy, WhateverIsPausedWheneverEveryTrialGoesOnBehindItsLastReport) {
  for (Settings settings :
       {Settings{.trials = 12, .promotion = false}, Settings{.trials = 12},
        Settings{.trials = 6, .population = true}, Settings{.trials = 9, .median = true},
        Settings{.trials = 9, .median = true, .percentile = 25},
        Settings{.trials = 40, .hyperband = true}, Settings{.trials = 12, .stop = kRules},
        Settings{.trials = 5, .planner = "auto"},
        Settings{.trials = 5, .planner = "auto", .population = true},
        Settings{.trials = 6, .population = true, .ray = true}}) {
    settings.command_seconds = 0.9;
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(fmt::format("{} {} {} seed {}", settings.planner, settings.promotion,
                               settings.population, seed));
      const auto steps = interrupted(settings, seed, Meddler::Ways::kHoldToo);
      ASSERT_NO_FATAL_FAILURE(expect_no_hole(steps));
      auto log = store::StepLog::in_memory({.metric = "loss"});
      ASSERT_TRUE(log->append(steps).ok());
      const auto verified = SimulatedStudy(settings).verify(*log);
      ASSERT_TRUE(verified.ok()) << verified.error().message;
      EXPECT_FALSE(verified->difference) << *verified->difference;
    }
  }
}

TEST(SimulatedStudy, SoItDoesWhereTrialsFailAndAreRetried) {
  crash_after_every_step({.trials = 12, .failures = 0.02});
}

TEST(SimulatedStudy, SoItDoesWithTheStoppingVariant) {
  crash_after_every_step({.trials = 12, .promotion = false});
}

TEST(SimulatedStudy, SoItDoesWhereTheOthersMedianOrAPercentileStopsTrials) {
  for (const double percentile : {50.0, 25.0})
    crash_after_every_step({.trials = 9, .median = true, .percentile = percentile}, 3);
}

TEST(SimulatedStudy, SoItDoesWithHyperBandAlsoWhereTrialsFail) {
  crash_after_every_step({.trials = 45, .hyperband = true}, 7);
  crash_after_every_step({.trials = 45, .failures = 0.02, .hyperband = true}, 13);
  crash_after_every_step({.trials = 30, .members = 3, .hyperband = true}, 13);
}

TEST(SimulatedStudy, SoItDoesWithLearnedBrackets) {
  crash_after_every_step({.trials = 60, .learned_brackets = true}, 17);
}

TEST(SimulatedStudy, SoItDoesWhereRulesStopTrialsWhateverTheScheduler) {
  for (Settings settings :
       {Settings{.trials = 20, .whole = true}, Settings{.trials = 20},
        Settings{.trials = 40, .hyperband = true}, Settings{.trials = 6, .population = true}}) {
    settings.stop = kRules;
    crash_after_every_step(settings, 7);
  }
}

TEST(SimulatedStudy, RulesSayWhichOfThemSpokeAndTheSchedulerSeesTheReports) {
  std::map<std::string, int> spoke;
  State state({"loss", Mode::kMin}, {});
  for (const Step& step : uninterrupted({.trials = 60, .hyperband = true, .stop = kRules})) {
    state.apply(step);
    for (const Decision& decision : step.turn.decisions)
      if (std::holds_alternative<Stop>(decision.action))
        ++spoke[decision.reason.substr(0, decision.reason.find_first_of(": "))];
  }
  EXPECT_GT(spoke["rung"], 0);
  EXPECT_GT(spoke["patience"] + spoke["wilcoxon"], 0);
  EXPECT_GT(spoke["threshold"], 0);
  EXPECT_GT(state.count(TrialStatus::kCompleted), 0u);
  EXPECT_EQ(state.count(TrialStatus::kPaused), 0u) << "no rung waits for who was stopped";
}

TEST(SimulatedStudy, HyperBandFillsItsBracketsAndEveryTrialEnds) {
  State state({"loss", Mode::kMin}, {});
  for (const Step& step : uninterrupted({.trials = 49, .hyperband = true})) state.apply(step);
  std::map<int, int> made, whole;
  for (const Trial& trial : state.trials()) {
    ++made[trial.bracket];
    whole[trial.bracket] += trial.status == TrialStatus::kCompleted && trial.step == 27;
  }
  EXPECT_EQ(made, (std::map<int, int>{{0, 27}, {1, 12}, {2, 6}, {3, 4}}));
  EXPECT_EQ(whole, (std::map<int, int>{{0, 1}, {1, 1}, {2, 2}, {3, 4}}));
  EXPECT_EQ(state.count(TrialStatus::kStopped), 41u);
}

TEST(SimulatedStudy, SoItDoesWherePlannersShareOutTheSlots) {
  for (const char* planner : {"auto", "hrfs", "agnostic", "eta"})
    crash_after_every_step({.trials = 5, .planner = planner}, 5);
}

TEST(SimulatedStudy, SoItDoesWhereThePopulationExchangesWeights) {
  crash_after_every_step({.trials = 6, .population = true}, 3);
  crash_after_every_step({.trials = 5, .planner = "auto", .population = true}, 7);
  crash_after_every_step({.trials = 5, .planner = "auto", .population = true, .failures = 0.01}, 7);
}

TEST(SimulatedStudy, SoItDoesWhereTrialsArePackedAndSentAway) {
  for (const std::vector<double>& sharing : {std::vector<double>{1, 1.9, 2.6}, {1, 0.8}}) {
    crash_after_every_step({.trials = 9, .sharing = sharing}, 3);
    crash_after_every_step({.trials = 9, .failures = 0.02, .sharing = sharing}, 7);
    for (const char* planner : {"auto", "agnostic"})
      crash_after_every_step({.trials = 5, .planner = planner, .sharing = sharing}, 29);
    crash_after_every_step({.trials = 6, .planner = "auto", .population = true, .sharing = sharing},
                           41);
  }
}

TEST(SimulatedStudy, SoItDoesWhereLaunchesHaveSeveralTrials) {
  for (const bool promotion : {true, false})
    crash_after_every_step({.trials = 14, .promotion = promotion, .members = 3});
  crash_after_every_step({.trials = 14, .promotion = false, .members = 3, .groups = true}, 3);
  crash_after_every_step(
      {.trials = 14, .members = 8, .learned = true, .groups = true, .arrays = {1, 1.8, 2.5, 3.2}},
      5);
  crash_after_every_step({.trials = 9, .failures = 0.01, .members = 4}, 3);
  crash_after_every_step({.trials = 6, .population = true, .members = 3}, 7);
}

TEST(SimulatedStudy, TrialsOfOneLaunchAreReallyTogether) {
  std::size_t several = 0, together = 0;
  for (const Step& step : uninterrupted({.trials = 27, .members = 3})) {
    for (const Launch& launch : step.fill.launches) several += launch.members.size() == 3;
    if (const auto* reported = input_as<Reported>(step.turn))
      together += reported->reports.size() == 3;
  }
  EXPECT_GT(several, 5u);
  EXPECT_GT(together, 5u);
}

/// How its trials came out, whatever came first.
std::vector<std::string> results_of(const SimulatedStudy::Settings& settings) {
  SimulatedStudy study(settings);
  CHECK(study.start_with({}).ok() && study.run().ok());
  std::vector<std::string> results;
  for (const Trial& trial : study.state().trials()) {
    results.push_back(text::to_json(trial.config) + std::string(name(trial.status)));
    for (const Point& point : trial.history)
      results.back() += " " + std::to_string(point.step) + ":" + std::to_string(point.value);
  }
  return results;
}

TEST(SimulatedStudy, WhereTheOrderDoesNotMatterArraysChangeNoResult) {
  for (const bool groups : {false, true})
    EXPECT_EQ(results_of({.trials = 20, .whole = true, .groups = groups}),
              results_of({.trials = 20, .whole = true, .members = 4, .groups = groups}));
}

TEST(SimulatedStudy, TheSizeOfArraysIsLearnedFromWhatTheyDo) {
  std::vector<std::size_t> sizes;
  for (const Step& step : uninterrupted({.trials = 200,
                          .whole = true,
                          .members = 16,
                          .learned = true,
                          .arrays = {1, 1.8, 2.4, 3.2, 3.2}}))
    for (const Launch& launch : step.fill.launches) sizes.push_back(launch.members.size());
  EXPECT_EQ(sizes.front(), 1u);
  EXPECT_EQ(std::ranges::max(sizes), 8u) << "they are tried, and do no more than four";
  EXPECT_EQ(sizes[sizes.size() * 3 / 4], 4u);
}

TEST(SimulatedStudy, SoItDoesWhereTrialsTakeSeveralSlots) {
  crash_after_every_step({.trials = 12, .machines = {8}});
  crash_after_every_step({.trials = 12, .promotion = false, .failures = 0.02, .machines = {5}}, 3);
  crash_after_every_step({.trials = 6, .population = true, .machines = {6}}, 5);
}

TEST(SimulatedStudy, WhatFailedOrWasStoppedRunsAgainUnderEveryScheduler) {
  const std::vector<SimulatedStudy::Settings> all{
      {.trials = 12, .failures = 0.1},
      {.trials = 12, .promotion = false, .failures = 0.1},
      {.trials = 12, .whole = true, .failures = 0.1},
      {.trials = 12, .failures = 0.1, .synchronous = true},
      {.trials = 40, .failures = 0.1, .hyperband = true},
      {.trials = 6, .population = true, .failures = 0.05},
      {.trials = 6, .population = true, .ray = true, .failures = 0.05},
      {.trials = 6, .planner = "auto", .population = true, .failures = 0.1}};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<Step> before = uninterrupted(all[i]);
    SimulatedStudy first(all[i]), retried(all[i]);
    ASSERT_TRUE(first.start_with(before).ok());
    Retry again{unsuccessful(first.state())};
    const auto& stopped = first.state().with_status(TrialStatus::kStopped);
    again.trials.insert(again.trials.end(), stopped.begin(), stopped.end());
    ASSERT_FALSE(again.trials.empty()) << i;
    ASSERT_TRUE(
        retried.start_with(SimulatedStudy(all[i]).with_command(before, UserCommand{again})).ok());
    ASSERT_TRUE(retried.run().ok());
    for (const TrialId id : again.trials) {
      const Trial &then = first.state().trial(id), &now = retried.state().trial(id);
      EXPECT_TRUE(ended(now.status)) << i << ", trial " << id.value;
      EXPECT_GT(now.attempts, then.attempts) << i << ", trial " << id.value;
    }
    const auto verified = SimulatedStudy(all[i]).verify(retried.log());
    ASSERT_TRUE(verified.ok());
    EXPECT_FALSE(verified->difference) << i << ": " << *verified->difference;
  }
}

/// Slots of speed 1, 1, 2 and 0.5 take 40 steps of 6 trials: 240 / 4.5 s, if moves cost nothing.
TEST(SimulatedStudy, ALostMachineCostsEveryTrialThereOneLoss) {
  for (const char* planner : {"first-fit", "auto", "hrfs"}) {
    SimulatedStudy study({.trials = 12, .promotion = false, .planner = planner, .lost_at = 5});
    ASSERT_TRUE(study.start_with({}).ok());
    ASSERT_TRUE(study.run().ok());
    std::vector<int> losses;
    for (const Trial& trial : study.state().trials()) losses.push_back(trial.losses);
    EXPECT_EQ(std::ranges::max(losses), 1) << planner;
    EXPECT_GE(std::ranges::count(losses, 1), 3) << planner << ": most slots were at work";
  }
}

TEST(SimulatedStudy, ThePlannerFinishesNearTheBound) {
  const auto makespan = [](const char* planner) {
    const auto steps = uninterrupted({.trials = 6, .planner = planner});
    return seconds(steps.back().turn.time);
  };
  const double bound = 240 / 4.5;
  EXPECT_LE(makespan("auto"), 1.15 * bound);
  EXPECT_GT(makespan("agnostic"), 1.15 * bound);
}

TEST(SimulatedStudy, EveryRuleOfThePopulationEndsUnderEveryPlanner) {
  for (const char* planner : {"auto", "hrfs", "era", "eta", "gpa", "agnostic"})
    for (const bool ray : {false, true})
      for (std::uint64_t seed = 0; seed < 4; ++seed) {
        SCOPED_TRACE(std::string(planner) + (ray ? " ray " : " ") + std::to_string(seed));
        uninterrupted({.trials = 9,
                       .planner = planner,
                       .population = true,
                       .ray = ray,
                       .failures = seed % 2 == 0 ? 0.0 : 0.01,
                       .seed = seed});
      }
}

TEST(SimulatedStudy, APopulationStaysTogetherWherePlannersShareOutTheSlots) {
  constexpr std::size_t kTrials = 6;
  State state({"loss", Mode::kMin}, {});
  Steps limit = 0;
  const auto steps =
      uninterrupted({.trials = kTrials, .planner = "auto", .population = true, .seed = 3});
  for (const Step& step : steps) {
    Steps least = state.trials().size() < kTrials ? 0 : 40;
    for (const Trial& trial : state.trials())
      if (!ended(trial.status)) least = std::min(least, trial.step);
    state.apply(step);
    for (const Trial& trial : state.trials()) {
      // The step that the least advanced finishes just now counts as well.
      limit = std::max(limit, (least / 5 + 2) * 5);
      EXPECT_TRUE(!trial.live() || trial.step <= limit) << "trial " << trial.id.value;
    }
  }
  EXPECT_EQ(state.count(TrialStatus::kCompleted), kTrials);
}

TEST(SimulatedStudy, PausesAreResumedAndEveryTrialEnds) {
  const std::vector<Step> steps = uninterrupted({});
  std::set<std::int64_t> resumed;
  for (const Step& step : steps)
    for (const Launch& launch : step.fill.launches)
      if (launch.members[0].attempt > 1) resumed.insert(launch.members[0].trial.value);
  EXPECT_GE(resumed.size(), 3u);
}

TEST(SimulatedStudy, TheSameSeedGivesTheSameLogAndAnotherSeedAnother) {
  EXPECT_EQ(lines_of(uninterrupted({})), lines_of(uninterrupted({})));
  EXPECT_NE(lines_of(uninterrupted({})), lines_of(uninterrupted({.seed = 8})));
}

TEST(SimulatedStudy, EveryDecisionIsComputedAgainFromTheLog) {
  const SimulatedStudy::Settings settings{.failures = 0.02};
  SimulatedStudy study(settings);
  ASSERT_TRUE(study.start_with({}).ok());
  ASSERT_TRUE(study.run().ok());
  SimulatedStudy fresh(settings);
  const auto verified = fresh.verify(study.log());
  ASSERT_TRUE(verified.ok()) << verified.error().message;
  EXPECT_FALSE(verified->difference) << *verified->difference;
  EXPECT_GT(verified->decisions, 50);
}

TEST(SimulatedStudy, SoAreThoseAboutPacking) {
  const SimulatedStudy::Settings settings{.promotion = false, .sharing = {1, 1.9, 1.5}};
  SimulatedStudy study(settings);
  ASSERT_TRUE(study.start_with({}).ok());
  ASSERT_TRUE(study.run().ok());
  SimulatedStudy fresh(settings);
  const auto verified = fresh.verify(study.log());
  ASSERT_TRUE(verified.ok()) << verified.error().message;
  EXPECT_FALSE(verified->difference) << *verified->difference;
}

TEST(SimulatedStudy, SoAreThoseOfHyperBandAndOfRules) {
  for (const Settings& settings : {Settings{.trials = 45, .failures = 0.02, .hyperband = true},
                                   Settings{.trials = 20, .whole = true, .stop = kRules},
                                   Settings{.trials = 60, .learned_brackets = true}}) {
    SimulatedStudy study(settings);
    ASSERT_TRUE(study.start_with({}).ok());
    ASSERT_TRUE(study.run().ok());
    SimulatedStudy fresh(settings);
    const auto verified = fresh.verify(study.log());
    ASSERT_TRUE(verified.ok()) << verified.error().message;
    EXPECT_FALSE(verified->difference) << *verified->difference;
    EXPECT_GT(verified->decisions, 30);
  }
}

TEST(SimulatedStudy, VerifyNamesTheFirstStepThatWasChanged) {
  std::vector<Step> steps = uninterrupted({});
  std::size_t changed = 0;
  for (std::size_t i = 0; i < steps.size() && changed == 0; ++i)
    for (Decision& decision : steps[i].turn.decisions)
      if (std::holds_alternative<Pause>(decision.action)) {
        decision.action = Stop{subject(decision.action)};
        changed = i;
        break;
      }
  ASSERT_GT(changed, 0u);
  auto log = store::StepLog::in_memory({.metric = "loss"});
  ASSERT_TRUE(log->append(steps).ok());
  SimulatedStudy fresh({});
  const auto verified = fresh.verify(*log);
  ASSERT_TRUE(verified.ok());
  ASSERT_TRUE(verified->difference);
  EXPECT_NE(verified->difference->find("step " + std::to_string(changed) + " "), std::string::npos);
}

/// Golden traces change with CLAVIER_UPDATE_GOLDEN=1 and are reviewed as a diff.
void expect_golden(const std::string& name, const SimulatedStudy::Settings& settings) {
  std::string trace;
  for (const std::string& line : lines_of(uninterrupted(settings))) trace += line + "\n";
  const std::string file = std::string(CLAVIER_TESTDATA) + "/" + name;
  if (std::getenv("CLAVIER_UPDATE_GOLDEN")) std::ofstream(file) << trace;
  std::stringstream golden;
  golden << std::ifstream(file).rdbuf();
  EXPECT_EQ(trace, golden.str()) << "see CLAVIER_UPDATE_GOLDEN";
}

TEST(SimulatedStudy, TheTraceOfAshaStoppingIsTheReviewedOne) {
  expect_golden("asha_stopping.txt", {.trials = 9, .promotion = false});
}

TEST(SimulatedStudy, TheTraceOfAshaPromotionIsTheReviewedOne) {
  expect_golden("asha_promotion.txt", {.trials = 9});
}

}  // namespace
}  // namespace clavier::tuner
