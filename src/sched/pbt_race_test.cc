#include <gtest/gtest.h>

#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "sched/pbt.h"
#include "sched/ray/pbt.h"

/// Whatever the order in which reports, checkpoints, decisions, failures, losses, pauses, planners'
/// stretches, damaged or discarded checkpoints and the user's commands cross each other: no trial
/// ever runs weights of one origin with hyperparameters of another.
namespace clavier::sched {
namespace {

/// Wide enough that nothing is clipped: a neighbour is told by its exact ratio.
const Space kSpace = {{{"lr", Real{1e-300, 1e300, Scale::kLog}}}};
const ExploreOptions kExplore = {.resample_probability = 0};

bool neighbour(double lr, double of) { return lr == of * 1.2 || lr == of * 0.8; }

double lr(const Config& config) { return *config.find("lr")->number(); }

using Make = std::function<std::unique_ptr<Scheduler>(std::uint64_t seed)>;

/// What really is in a checkpoint or in a worker's memory.
struct Weights {
  double lr = 0;     ///< They were trained with it.
  double meant = 0;  ///< Whoever saved them was to train them with it.
  Steps step = 0;
  double value = 0;
  std::int64_t taken_from = -1;  ///< The donor this trial took over last, in truth.
};

struct Tally {
  std::int64_t turns = 0, exploits = 0, stale = 0, at_rest = 0, from_donor = 0, voids = 0,
               discards = 0, taken_off = 0;
};

/// Five trials on two to five slots, with messages that take their time.
class World {
 public:
  World(const Make& make, std::uint64_t seed, Tally& tally)
      : rng_(Rng::keyed(99, seed)), slots_(2 + seed % 4), scheduler_(make(seed)), tally_(tally) {
    turn(Opened{.seed = seed, .trials = 5});
  }

  void run(int events) {
    for (int i = 0; i < events && !testing::Test::HasFailure(); ++i) {
      if (workers_.empty()) {
        if (held().empty()) return;
        turn(UserCommand{ResumeTrial{held().front()}});
        continue;
      }
      const auto which = rng_.below(workers_.size());
      const bool hears = rng_.below(2) == 0;
      if (hears && !workers_[which].outbox.empty())
        deliver(which);
      else
        act(workers_[which]);
      if (rng_.below(60) == 0) interfere();
    }
  }

 private:
  struct Worker {
    TrialId trial;
    LaunchId launch;
    double lr = 0;
    Weights weights = {};
    Steps until = 0;
    std::deque<Action> inbox = {};
    std::deque<Signal> outbox = {};
    bool left = false;
  };

  Checkpoint save(const Worker& worker) {
    Checkpoint saved{worker.trial, worker.launch, worker.weights.step, std::to_string(paths_++)};
    truth_[saved.path] = worker.weights;
    truth_[saved.path].meant = worker.lr;
    return saved;
  }

  void leave(Worker& worker, ExitKind kind) {
    worker.outbox.push_back(Exited{.trial = worker.trial, .launch = worker.launch, .kind = kind});
    worker.left = true;
  }

  void act(Worker& worker) {
    if (worker.left) return;
    if (rng_.below(40) == 0)
      return leave(worker, rng_.below(3) ? ExitKind::kLost : ExitKind::kFailed);
    if (!worker.inbox.empty()) return obey(worker);
    if (worker.weights.step < worker.until) train(worker);
  }

  void train(Worker& worker) {
    worker.weights.lr = worker.lr;
    worker.weights.step += 1 + static_cast<Steps>(rng_.below(2));
    worker.weights.value = rng_.uniform();
    Report report{.trial = worker.trial,
                  .launch = worker.launch,
                  .step = worker.weights.step,
                  .value = worker.weights.value,
                  .seconds = 1};
    if (rng_.below(10) == 0) report.value.reset();
    const auto die = rng_.below(8);
    if (die > 1) report.checkpoint = save(worker);
    worker.outbox.push_back(Reported{{report}});
    if (die == 1) worker.outbox.push_back(CheckpointSaved{save(worker)});
  }

  /// All that came at once: an exploit and a pause may cross, and a worker that leaves may save the
  /// weights it was to give up.
  void obey(Worker& worker) {
    const Exploit* exploit = nullptr;
    std::optional<ExitKind> leaves;
    for (const Action& action : worker.inbox) {
      if (const auto* go_on = std::get_if<Continue>(&action))
        worker.until = std::min(go_on->until, go_on->stretch);
      if (const auto* each = std::get_if<Exploit>(&action)) exploit = each;
      if (std::holds_alternative<Pause>(action) || std::holds_alternative<Requeue>(action))
        leaves = ExitKind::kPaused;
      if (std::holds_alternative<Stop>(action) || std::holds_alternative<Complete>(action))
        leaves = ExitKind::kStopped;
    }
    if (leaves) {
      if (rng_.below(3) > 0) {
        tally_.stale += exploit != nullptr;
        worker.outbox.push_back(CheckpointSaved{save(worker)});
      }
      leave(worker, *leaves);
    } else if (exploit && gone_.contains(exploit->donor.path)) {
      find_void(worker, exploit->donor);
    } else if (exploit) {
      take_over(worker, exploit->donor);
      worker.lr = lr(exploit->config);
      worker.until = std::min(exploit->until, exploit->stretch);
      EXPECT_TRUE(neighbour(worker.lr, worker.weights.lr));
    }
    worker.inbox.clear();
  }

  /// As executors do: what is damaged is told, and who was to start from it is lost.
  void find_void(Worker& worker, const Checkpoint& from) {
    worker.outbox.push_back(CheckpointVoid{from, "damaged"});
    leave(worker, ExitKind::kLost);
  }

  void take_over(Worker& worker, const Checkpoint& from) {
    ASSERT_TRUE(truth_.contains(from.path)) << "a checkpoint that does not exist";
    worker.weights = truth_[from.path];
    if (from.trial != worker.trial) worker.weights.taken_from = from.trial.value;
    EXPECT_EQ(worker.weights.step, from.step);
  }

  void deliver(std::size_t which) {
    Signal signal = std::move(workers_[which].outbox.front());
    workers_[which].outbox.pop_front();
    if (workers_[which].left && workers_[which].outbox.empty())
      workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(which));
    turn(std::move(signal));
  }

  /// The user, or the end of the tuner.
  void interfere() {
    const TrialId trial{static_cast<std::int64_t>(rng_.below(state_.trials().size()))};
    switch (rng_.below(6)) {
      case 4: return damage(trial);
      case 5: return discard(trial);
      case 0:
        if (state_.trial(trial).live() && state_.trial(trial).decided == Decided::kNone)
          turn(UserCommand{PauseTrial{trial}}, {{Pause{trial, true}, "user"}});
        return;
      case 1:
        if (!held().empty()) turn(UserCommand{ResumeTrial{held().front()}});
        return;
      case 2:
        if (state_.trial(trial).live() && state_.trial(trial).decided == Decided::kNone)
          turn(Signal{Deadline{}}, {{Requeue{trial}, "makes room"}});
        return;
      default:
        if (rng_.below(4) > 0) return;
        workers_.clear();  // kill -9
        turn(Opened{.seed = state_.seed(), .trials = 5});
    }
  }

  void damage(TrialId trial) {
    const auto& kept = state_.trial(trial).checkpoints;
    if (kept.empty()) return;
    const Checkpoint chosen = kept[rng_.below(kept.size())];
    if (!gone_.insert(chosen.path).second || !chosen.trial.valid()) return;
    ++tally_.voids;
    turn(Signal{CheckpointVoid{chosen, "damaged"}});
  }

  /// As retention does: neither the newest nor what anybody has taken over.
  void discard(TrialId trial) {
    const auto kept = state_.trial(trial).checkpoints;
    Fill fill;
    for (std::size_t i = 0; i + 1 < kept.size(); ++i) {
      const bool taken = std::ranges::any_of(state_.trials(), [&](const Trial& each) {
        return std::ranges::find(each.takeovers, kept[i], &Takeover::donor) != each.takeovers.end();
      });
      if (kept[i].trial == trial && !taken) fill.discards.push_back(kept[i]);
    }
    for (const Checkpoint& each : fill.discards) gone_.insert(each.path);
    tally_.discards += static_cast<std::int64_t>(fill.discards.size());
    state_.apply(fill, state_.now());
  }

  /// A planner's part: stretches shorter than the scheduler's way, and trials taken off their slots
  /// in the turn in which they were told to go on.
  void plan(Turn& turn) {
    for (std::size_t i = turn.decisions.size(); i-- > 0;) {
      Action& action = turn.decisions[i].action;
      const TrialId trial = subject(action);
      if (!state_.trial(trial).live() || state_.trial(trial).decided != Decided::kNone) continue;
      if (auto* go_on = std::get_if<Continue>(&action); go_on && rng_.below(4) == 0)
        go_on->stretch = state_.trial(trial).step + 1;
      if (auto* exploit = std::get_if<Exploit>(&action); exploit && rng_.below(4) == 0)
        exploit->stretch = exploit->donor.step + 1;
      const bool goes_on =
          std::holds_alternative<Continue>(action) || std::holds_alternative<Exploit>(action);
      if (goes_on && rng_.below(5) == 0) take_off(trial, turn);
    }
    const auto* reported = input_as<Reported>(turn);
    if (!reported || turn.late || !turn.decisions.empty()) return;
    const Trial& trial = state_.trial(reported->reports[0].trial);
    if (trial.step < trial.waits_at()) return;
    if (rng_.below(2) == 0) return take_off(trial.id, turn);
    turn.decisions.push_back({Continue{trial.id, trial.until}, ""});
  }

  void take_off(TrialId trial, Turn& turn) {
    ++tally_.taken_off;
    turn.decisions.push_back({Requeue{trial}, "another goes on in its slot"});
  }

  std::vector<TrialId> held() const {
    std::vector<TrialId> trials;
    for (const TrialId id : state_.with_status(TrialStatus::kPaused))
      if (state_.trial(id).held) trials.push_back(id);
    return trials;
  }

  bool late(const Report& report) const {
    const Trial& trial = state_.trial(report.trial);
    return !trial.live() || trial.launch != report.launch || trial.decided != Decided::kNone;
  }

  void turn(Input input, std::vector<Decision> decisions = {}) {
    ++tally_.turns;
    Turn turn{.id = StepId{state_.last_step().value + 1}, .input = std::move(input)};
    turn.decisions = std::move(decisions);
    if (const auto* reported = input_as<Reported>(turn)) turn.late = late(reported->reports[0]);
    state_.apply_input(turn);
    if (!turn.late)
      for (Decision& decision : scheduler_->decide(turn, state_))
        check(decision.action), turn.decisions.push_back(std::move(decision));
    plan(turn);
    state_.apply_decisions(turn);
    scheduler_->observe(turn, state_);
    for (const Decision& decision : turn.decisions)
      for (Worker& worker : workers_)
        if (worker.trial == subject(decision.action)) worker.inbox.push_back(decision.action);
    fill();
  }

  void check(const Action& action) {
    const auto* exploit = std::get_if<Exploit>(&action);
    if (!exploit) return;
    ++tally_.exploits;
    tally_.at_rest += !state_.trial(exploit->trial).live();
    ASSERT_TRUE(truth_.contains(exploit->donor.path));
    const Weights& donor = truth_[exploit->donor.path];
    EXPECT_TRUE(neighbour(lr(exploit->config), donor.lr)) << "not the donor's configuration";
    EXPECT_EQ(exploit->donor_value, donor.value) << "not the donor's value";
    EXPECT_EQ(exploit->donor.step, donor.step);
    EXPECT_NE(exploit->donor.trial, exploit->trial);
  }

  void fill() {
    Fill fill;
    std::vector<std::pair<TrialId, Steps>> starts;
    const auto room = [&] { return workers_.size() + starts.size() < slots_; };
    for (const TrialId id : state_.with_status(TrialStatus::kPending))
      if (room()) starts.emplace_back(id, state_.trial(id).until);
    for (const Runnable& runnable :
         scheduler_->next(state_, slots_ - std::min(slots_, workers_.size() + starts.size()))) {
      if (const auto* resume = std::get_if<Resume>(&runnable)) {
        starts.emplace_back(resume->trial, resume->until);
      } else if (const auto id = state_.trials().size() + fill.created.size(); id < 5) {
        Config config;
        config.set("lr", 0.5 + rng_.uniform());
        fill.created.push_back({.id = TrialId{static_cast<std::int64_t>(id)}, .config = config});
        starts.emplace_back(fill.created.back().id, std::get<New>(runnable).until);
      }
    }
    state_.apply(fill, state_.now());
    for (const auto& [trial, until] : starts) start(trial, until);
  }

  void start(TrialId id, Steps until) {
    const Trial& trial = state_.trial(id);
    Worker worker{.trial = id, .launch = state_.next_launch(), .lr = lr(trial.config)};
    worker.until = until;
    Member member{.trial = id, .until = until};
    const Checkpoint* from = trial.latest_checkpoint();
    if (from && gone_.contains(from->path)) {
      member.from = *from;
      find_void(worker, *from);
    } else if (from) {
      member.from = *from;
      take_over(worker, *from);
      tally_.from_donor += from->trial != id;
      EXPECT_TRUE(from->trial == id ? worker.lr == worker.weights.meant
                                    : neighbour(worker.lr, worker.weights.lr))
          << "weights of one origin, hyperparameters of another: trial " << id.value;
      EXPECT_EQ(trial.origin.value_or(TrialId{}).value, worker.weights.taken_from);
    } else {
      EXPECT_FALSE(trial.origin) << "its lineage is lost";
      worker.weights.lr = worker.lr;
    }
    Fill fill;
    fill.launches.push_back({.id = worker.launch, .members = {member}, .shares = {{SlotId{0}}}});
    state_.apply(fill, state_.now());
    EXPECT_TRUE(worker.left || state_.trial(id).step == worker.weights.step);
    workers_.push_back(std::move(worker));
  }

  Rng rng_;
  std::size_t slots_;
  State state_{{"loss", Mode::kMin}, {.max_failures = 2, .max_losses = 50}};
  std::unique_ptr<Scheduler> scheduler_;
  Tally& tally_;
  std::vector<Worker> workers_;
  std::map<std::string, Weights> truth_;
  std::set<std::string> gone_;  ///< Damaged or discarded.
  std::int64_t paths_ = 0;
};

void race(const Make& make, std::int64_t turns) {
  Tally tally;
  for (std::uint64_t seed = 0; tally.turns < turns && !testing::Test::HasFailure(); ++seed)
    World(make, seed, tally).run(1500);
  EXPECT_GT(tally.exploits, turns / 100);
  EXPECT_GT(tally.from_donor, turns / 1000);
  EXPECT_GT(tally.at_rest, turns / 10000);
  EXPECT_GT(tally.voids, turns / 2000);
  EXPECT_GT(tally.discards, turns / 2000);
  EXPECT_GT(tally.taken_off, turns / 5000);
  std::printf(
      "%ld turns, %ld exploits (%ld at rest), %ld saved old weights after it, %ld launches "
      "from a donor's, %ld taken off their slots, %ld damaged, %ld discarded\n",
      tally.turns, tally.exploits, tally.at_rest, tally.stale, tally.from_donor, tally.taken_off,
      tally.voids, tally.discards);
}

Make pbt(Exchange exchange, bool shares_slots = true) {
  return [exchange, shares_slots](std::uint64_t seed) {
    const PbtOptions options{.interval = 4,
                             .max_steps = 60,
                             .quantile = 0.5,
                             .exchange = exchange,
                             .shares_slots = shares_slots,
                             .explore = kExplore};
    return std::make_unique<Pbt>(Objective{"loss", Mode::kMin}, kSpace, options, seed);
  };
}

Make ray(Counter counter) {
  return [counter](std::uint64_t seed) {
    const RayPbtOptions options{.perturbation_interval = 4,
                                .quantile_fraction = 0.5,
                                .explore = kExplore,
                                .max_steps = 60,
                                .counter = counter};
    return std::make_unique<RayPbt>(Objective{"loss", Mode::kMin}, kSpace, options, seed);
  };
}

#ifdef CLAVIER_RACE_TURNS
constexpr std::int64_t kTurns = CLAVIER_RACE_TURNS;
#else
constexpr std::int64_t kTurns = 20000;
#endif

TEST(PbtRaceTest, AsynchronousNeverMixesOrigins) { race(pbt(Exchange::kAsynchronous), kTurns); }
TEST(PbtRaceTest, UnderAPlannerItNeverMixesOrigins) {
  race(pbt(Exchange::kAsynchronous, false), kTurns);
}
TEST(PbtRaceTest, SynchronousNeverMixesOrigins) { race(pbt(Exchange::kSynchronous), kTurns); }
TEST(PbtRaceTest, RaysRuleNeverMixesOrigins) { race(ray(Counter::kDonors), kTurns); }
TEST(PbtRaceTest, HrfsRuleNeverMixesOrigins) { race(ray(Counter::kOwn), kTurns); }

}  // namespace
}  // namespace clavier::sched
