#include "exec/inprocess/inprocess_executor.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/executor_contract.h"

namespace clavier::exec {
namespace {

constexpr std::size_t kMembers = 3;

class InProcessWorld final : public ExecutorWorld {
 public:
  explicit InProcessWorld(const WorldOptions& options,
                          worker::LaunchTrainable train = scripted_launch)
      : waker_(Waker::create().value()),
        executor_(InProcessExecutor::create(waker_,
                                            {.slots = options.slots,
                                             .study = study_.path(),
                                             .metric = "loss",
                                             .checkpoints = options.checkpoints,
                                             .members = kMembers},
                                            std::move(train))
                      .value()) {}

  InProcessWorld(const WorldOptions& options, worker::Trainable train)
      : InProcessWorld(options, worker::alone(std::move(train))) {}

  Executor& executor() override { return *executor_; }
  const Waker& waker() override { return waker_; }
  std::filesystem::path study() override { return study_.path(); }

 private:
  ScratchDirectory study_;
  Waker waker_;
  std::unique_ptr<InProcessExecutor> executor_;
};

INSTANTIATE_TEST_SUITE_P(InProcess, ExecutorContract,
                         ::testing::Values(ExecutorKind{
                             .name = "in_process",
                             .make =
                                 [](const WorldOptions& options) {
                                   return std::make_unique<InProcessWorld>(options);
                                 },
                             .members = kMembers}),
                         [](const auto& kind) { return kind.param.name; });

Order order_of(TrialId trial) {
  Order order;
  order.launch = {LaunchId{trial.value}, {{trial}}, {{SlotId{0}}}};
  order.members = {{.directory = "t"}};
  order.slots = {{.id = SlotId{0}, .node = NodeId{0}}};
  return order;
}

std::vector<Signal> collect_until_ended(Executor& executor) {
  std::vector<Signal> seen;
  while (seen.empty() || !std::holds_alternative<LaunchEnded>(seen.back())) {
    auto more = executor.wait(kNever);
    std::move(more.begin(), more.end(), std::back_inserter(seen));
  }
  return seen;
}

TEST(InProcessExecutor, AFunctionForOneTrialTakesNoLaunchOfTwo) {
  const Waker waker = Waker::create().value();
  const ScratchDirectory study;
  const auto made = InProcessExecutor::create(
      waker, {.study = study.path(), .metric = "loss", .members = 8}, scripted_trial);
  Executor& executor = **made;
  executor.wait(kNever);
  Order order = order_of(TrialId{0});
  order.launch.members.push_back({.trial = TrialId{1}});
  order.members.push_back({.directory = "u"});
  executor.start(order);
  const auto seen = collect_until_ended(executor);
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(std::get<Exited>(seen[1]).kind, ExitKind::kRefused);
  EXPECT_EQ(std::get<Exited>(seen[1]).error,
            "the training function takes 1 at once, not a launch of 2 trials");
}

TEST(InProcessExecutor, MakesNoDirectoryForATrialThatNeedsNone) {
  InProcessWorld world({}, [](worker::TrialContext& trial) { trial.report({{"loss", 1}}); });
  world.executor().start(order_of(TrialId{0}));
  collect_until_ended(world.executor());
  EXPECT_TRUE(std::filesystem::is_empty(world.study()));
}

TEST(InProcessExecutor, GivesATrialItsDirectoryWhenAsked) {
  std::filesystem::path given;
  InProcessWorld world({}, [&](worker::TrialContext& trial) { given = trial.directory(); });
  world.executor().start(order_of(TrialId{0}));
  collect_until_ended(world.executor());
  EXPECT_EQ(given, world.study() / "t");
  EXPECT_TRUE(std::filesystem::is_directory(given));
}

TEST(InProcessExecutor, AnExceptionOfUnknownTypeIsAFailure) {
  InProcessWorld world({}, [](worker::TrialContext&) { throw 5; });
  world.executor().start(order_of(TrialId{0}));
  const auto seen = collect_until_ended(world.executor());
  bool failed = false;
  for (const Signal& signal : seen)
    if (const auto* exit = std::get_if<Exited>(&signal)) failed = exit->kind == ExitKind::kFailed;
  EXPECT_TRUE(failed);
}

TEST(InProcessExecutor, AReportWithoutTheObjectiveHasNoValue) {
  InProcessWorld world({}, [](worker::TrialContext& trial) { trial.report({{"other", 1}}); });
  world.executor().start(order_of(TrialId{0}));
  std::size_t reports = 0;
  for (const Signal& signal : collect_until_ended(world.executor()))
    if (const auto* reported = std::get_if<Reported>(&signal)) {
      ++reports;
      EXPECT_FALSE(reported->reports[0].value.has_value());
    }
  EXPECT_EQ(reports, 1u);
}

TEST(InProcessExecutor, ATrialThatReportsFasterThanTheLoopReadsWaits) {
  constexpr int kReports = 3 * static_cast<int>(EventQueue::kMaxEvents);
  std::atomic<int> sent = 0;
  InProcessWorld world({}, [&](worker::TrialContext& trial) {
    for (int i = 0; i < kReports; ++i, ++sent) trial.report({{"loss", 1}});
  });
  world.executor().start(order_of(TrialId{0}));
  EXPECT_FALSE(world.executor().wait(kNever).empty());
  EXPECT_FALSE(world.executor().wait(kNever).empty());
  EXPECT_LE(sent.load(), static_cast<int>(EventQueue::kMaxEvents + 2 * Executor::kMaxSignals));
  collect_until_ended(world.executor());
  EXPECT_EQ(sent.load(), kReports);
}

TEST(InProcessExecutor, RefusesSenselessOptions) {
  const Waker waker = Waker::create().value();
  EXPECT_FALSE(InProcessExecutor::create(waker, {.slots = 0}, scripted_trial));
  EXPECT_FALSE(InProcessExecutor::create(waker, {.slots = 1 << 20}, scripted_trial));
  EXPECT_FALSE(InProcessExecutor::create(waker, {}, worker::Trainable()));
}

}  // namespace
}  // namespace clavier::exec
