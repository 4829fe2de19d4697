#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/match.h"
#include "base/rng.h"
#include "exec/sim/sim_executor.h"
#include "study/state.h"

namespace clavier::exec {
namespace {

Curve curve() {
  Curve curve;
  curve.metrics = [](const Config& config, TrialId trial, Steps step, std::uint64_t seed) {
    const double x = *config.find("x")->number();
    const double noise = Rng::keyed(seed, trial.value, step).uniform();
    return std::vector<Metric>{{"loss", x + noise + 1.0 / static_cast<double>(step)}};
  };
  curve.steps = [](const Config&) { return Steps{9}; };
  return curve;
}

SimOptions options() {
  SimOptions options;
  options.metric = "loss";
  options.seed = 5;
  options.nodes = {SimNode{.slots = {{.speed = 1}, {.speed = 2}}},
                   SimNode{.slots = {{.speed = 1}},
                           .joins = StudyTime(from_seconds(3.5)),
                           .lost = StudyTime(from_seconds(17))}};
  options.report_seconds = 0.25;
  options.command_seconds = 0.25;
  options.failure_probability = 0.05;
  return options;
}

/// A tuner in small: decides by keyed lots, one signal a step, everything a fold of its log.
class Lottery {
 public:
  explicit Lottery(SimExecutor& sim) : sim_(sim) {}

  void replay(const Step& step) {
    fold(step.turn.input);
    state_.apply(step.turn);
    state_.apply(step.fill, step.turn.time);
    ++next_;
  }

  /// One step with everything that the tuner does because of it.
  Step feed(Input input) {
    Step step;
    step.turn.id = StepId{next_++};
    step.turn.time = std::max(state_.now(), sim_.now());
    step.turn.input = std::move(input);
    fold(step.turn.input);
    if (const auto* reported = input_as<Reported>(step.turn)) decide(*reported, step.turn);
    state_.apply(step.turn);
    std::vector<Message> messages;
    for (const Decision& decision : step.turn.decisions) message(decision.action, messages);
    while (fill_one(step.fill)) {
    }
    for (const Message& each : messages) sim_.send(each);
    for (const Launch& launch : step.fill.launches) start(launch);
    return step;
  }

  std::vector<Step> run() {
    std::vector<Step> log;
    for (;;) {
      // Now and then a user's command and a rule's deadline come between.
      if (next_ % 11 == 5) log.push_back(feed(UserCommand(RaiseTrials{1})));
      const bool rule = next_ % 7 == 3;
      auto signals = sim_.wait(rule ? sim_.now() + StudyDuration(300'000) : kNever);
      if (signals.empty()) return log;
      for (Signal& signal : signals) log.push_back(feed(std::move(signal)));
    }
  }

  const State& state() const { return state_; }

 private:
  static constexpr std::int64_t kTrials = 14;

  void fold(const Input& input) {
    if (const auto* joined = input_as<NodeJoined>(input))
      for (const Slot& slot : joined->node.slots) free_.insert(slot.id), node_[slot.id] = slot.node;
    if (const auto* ended = input_as<LaunchEnded>(input)) {
      const SlotId slot = slot_of_[ended->launch];
      if (!lost_.contains(node_[slot])) free_.insert(slot);
    }
    if (const auto* lost = input_as<NodeLost>(input)) {
      lost_.insert(lost->node);
      std::erase_if(free_, [&](SlotId slot) { return node_[slot] == lost->node; });
    }
  }

  void decide(const Reported& reported, Turn& turn) {
    const Report& report = reported.reports.front();
    const Trial& trial = state_.trial(report.trial);
    if (!trial.live() || trial.launch != report.launch || report.step < trial.until) return;
    Rng rng = Rng::keyed(1, report.trial.value, report.step, trial.attempts);
    const auto until = report.step + 1 + static_cast<Steps>(rng.below(3));
    const Checkpoint* donor = nullptr;
    for (const Trial& other : state_.trials())
      if (other.id != trial.id && other.latest_checkpoint()) donor = other.latest_checkpoint();
    switch (rng.below(5)) {
      case 0: turn.decisions.push_back({Stop{trial.id}}); break;
      case 1: turn.decisions.push_back({Requeue{trial.id}}); break;
      case 2:
        if (donor) {
          Config config;
          config.set("x", rng.uniform());
          turn.decisions.push_back({Exploit{trial.id, *donor, 0, config, donor->step + 2}});
          break;
        }
        [[fallthrough]];
      default: turn.decisions.push_back({Continue{trial.id, until}});
    }
  }

  void message(const Action& action, std::vector<Message>& out) {
    const Trial& trial = state_.trial(subject(action));
    if (!trial.live()) return;
    Message message{trial.launch, trial.id, StopNow{}};
    match(
        action, [](const Stop&) {}, [](const Complete&) {}, [](const Pause&) {},
        [&](const Requeue&) { message.content = PauseNow{}; },
        [&](const Continue& go_on) { message.content = ContinueTo{go_on.until}; },
        [&](const Exploit& exploit) {
          message.content = ExploitFrom{exploit.donor, exploit.config, exploit.until};
        });
    out.push_back(message);
  }

  bool fill_one(Fill& fill) {
    if (free_.empty()) return false;
    Fill one;
    const auto& pending = state_.with_status(TrialStatus::kPending);
    const TrialId id = pending.empty() ? TrialId{static_cast<std::int64_t>(state_.trials().size())}
                                       : *pending.begin();
    if (pending.empty()) {
      if (id.value >= kTrials) return false;
      Config config;
      config.set("x", Rng::keyed(2, id.value).uniform());
      one.created.push_back(
          {.id = id, .config = config, .directory = "t" + std::to_string(id.value)});
      state_.apply(one, state_.now());
      fill.created.push_back(one.created.front());
      one.created.clear();
    }
    const Trial& trial = state_.trial(id);
    Launch launch{state_.next_launch(), {{.trial = id, .attempt = trial.attempts + 1}}, {}};
    if (const Checkpoint* from = trial.latest_checkpoint()) launch.members[0].from = *from;
    launch.members[0].until = launch.members[0].from ? launch.members[0].from->step + 1 : 1;
    launch.shares = {{*free_.begin(), 1}};
    slot_of_[launch.id] = *free_.begin();
    free_.erase(free_.begin());
    one.launches = {launch};
    state_.apply(one, state_.now());
    fill.launches.push_back(launch);
    return true;
  }

 public:
  /// What `replay` cannot see: which slots a logged fill has taken.
  void take_slots(const Fill& fill) {
    for (const Launch& launch : fill.launches) {
      slot_of_[launch.id] = launch.shares.front().slot;
      free_.erase(launch.shares.front().slot);
    }
  }

 private:
  void start(const Launch& launch) {
    const Trial& trial = state_.trial(launch.members.front().trial);
    Order order{.launch = launch,
                .members = {{.config = trial.config, .directory = trial.directory}},
                .slots = {}};
    sim_.start(order);
  }

  SimExecutor& sim_;
  State state_{Objective{"loss", Mode::kMin}, RetryLimits{.max_failures = 3}};
  std::int64_t next_ = 0;
  std::set<SlotId> free_;
  std::set<NodeId> lost_;
  std::map<SlotId, NodeId> node_;
  std::map<LaunchId, SlotId> slot_of_;
};

std::vector<Step> whole_log() {
  auto sim = SimExecutor::create(options(), curve()).value();
  Lottery tuner(*sim);
  std::vector<Step> log = {tuner.feed(Opened{})};
  for (Step& step : tuner.run()) log.push_back(std::move(step));
  EXPECT_EQ(tuner.state().unfinished(), 0U);
  EXPECT_EQ(tuner.state().trials().size(), 14U);
  return log;
}

bool same_but_id(Step a, const Step& b) {
  a.turn.id = b.turn.id;
  return a == b;
}

TEST(SimReplay, TheLogHasEverythingThatCanHappen) {
  std::set<std::size_t> signals, actions;
  for (const Step& step : whole_log()) {
    if (const auto* signal = std::get_if<Signal>(&step.turn.input)) signals.insert(signal->index());
    for (const Decision& decision : step.turn.decisions) actions.insert(decision.action.index());
  }
  EXPECT_EQ(signals.size(), 7U) << "all but Waiting";
  EXPECT_EQ(actions.size(), 4U);
}

TEST(SimReplay, ACrashAfterAnyStepLeavesTheRestOfTheLogIdentical) {
  const std::vector<Step> log = whole_log();
  ASSERT_GT(log.size(), 100U);
  for (std::size_t crash = 1; crash <= log.size(); ++crash) {
    auto sim = SimExecutor::create(options(), curve()).value();
    Lottery tuner(*sim);
    for (std::size_t i = 0; i < crash; ++i) {
      ASSERT_TRUE(sim->replay(log[i])) << "step " << i;
      tuner.replay(log[i]);
      tuner.take_slots(log[i].fill);
    }
    EXPECT_EQ(sim->now(), log[crash - 1].turn.time);
    const std::vector<Step> rest = tuner.run();
    ASSERT_EQ(rest.size(), log.size() - crash) << "crash after " << crash;
    for (std::size_t i = 0; i < rest.size(); ++i)
      ASSERT_TRUE(same_but_id(rest[i], log[crash + i])) << "crash after " << crash << " at " << i;
  }
}

TEST(SimReplay, AnotherWorldIsRecognisedAndBeginsAnew) {
  const std::vector<Step> log = whole_log();
  SimOptions other = options();
  other.seconds_per_step = 1.5;
  auto sim = SimExecutor::create(other, curve()).value();
  bool followed = true;
  for (std::size_t i = 0; i < 60; ++i) followed = sim->replay(log[i]) && followed;
  EXPECT_FALSE(followed);
  EXPECT_FALSE(sim->replay(log[60]));
  EXPECT_EQ(sim->now(), log[60].turn.time);
  const auto signals = sim->wait(kNever);
  ASSERT_FALSE(signals.empty());
  for (const Signal& signal : signals) EXPECT_TRUE(std::holds_alternative<NodeJoined>(signal));
  Order order;
  order.launch = {LaunchId{1000}, {{TrialId{0}}}, {{SlotId{0}, 1}}};
  order.members = {{.config = log[1].fill.created.front().config, .directory = "t0"}};
  sim->start(order);
  EXPECT_TRUE(std::holds_alternative<Reported>(sim->wait(kNever).front())) << "its slot is free";
}

TEST(SimReplay, AnotherCurveIsRecognised) {
  const std::vector<Step> log = whole_log();
  SimOptions other = options();
  other.seed = 6;
  auto sim = SimExecutor::create(other, curve()).value();
  bool followed = true;
  for (const Step& step : log) followed = sim->replay(step) && followed;
  EXPECT_FALSE(followed);
}

}  // namespace
}  // namespace clavier::exec
