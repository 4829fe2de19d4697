#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/backfill.h"
#include "cluster/first_fit.h"
#include "cluster/rule_planner.h"
#include "cluster/rules/catalogue.h"
#include "exec/sim/power_law.h"
#include "exec/sim/sim_executor.h"
#include "sched/asha.h"
#include "sched/asha_promotion.h"
#include "sched/fifo.h"
#include "sched/median.h"
#include "sched/pbt.h"
#include "sched/ray/pbt.h"
#include "search/random.h"
#include "study/text.h"
#include "tests/support/greedy_gangs.h"
#include "tests/support/synchronous_halving.h"
#include "tuner/tuner.h"
#include "tuner/verify.h"

/// A whole study in virtual time, for tests of the tuner: real policies, real loop, real log.
namespace clavier::tuner {

/// One step as text, without what differs when the same step is counted anew after a crash.
inline std::string as_text(const Step& step) {
  std::string line = std::to_string(microseconds(step.turn.time)) + " " +
                     std::string(text::kind(step.turn.input)) + " " +
                     text::to_json(step.turn.input);
  if (step.turn.late) line += " late";
  for (const Decision& decision : step.turn.decisions) line += " " + text::to_json(decision);
  const std::string fill = text::to_json(step.fill);
  return fill.empty() ? line : line + " " + fill;
}

/// All that a simulated study needs, alive together.
class SimulatedStudy {
 public:
  struct Settings {
    std::int64_t trials = 27;
    bool promotion = true;  ///< ASHA with pauses; else the stopping variant.
    bool whole = false;     ///< No halving at all: every trial takes 27 steps.
    std::string planner = "first-fit";
    bool population = false;  ///< Population-based training instead.
    bool ray = false;         ///< By Ray's rule.
    double failures = 0;      ///< Chance of a failure per step.
    double lost_at = 0;       ///< When the node is lost, in seconds; soon it is back. 0: never.
    std::uint64_t seed = 7;
    /// Two GPUs instead of four slots, each with a place per entry: what so many trials do on it
    /// in total, relative to one.
    std::vector<double> sharing = {};
    /// Machines with so many slots each instead; a trial takes as many at once as its parameter
    /// `slots` says: 1, 2 or 4.
    std::vector<std::size_t> machines = {};
    std::int64_t members = 1;         ///< So many trials go into one launch, at most.
    bool learned = false;             ///< How many are best is learned.
    bool groups = false;              ///< Only those of the same `batch_size` do.
    std::vector<double> arrays = {};  ///< What so many do in total, relative to one.
    double mtbf = 0;                  ///< Of each machine, in seconds; 2 s later it is back.
    bool synchronous = false;         ///< Halving with barriers at these rungs.
    std::vector<Steps> rungs = {1, 3, 9, 27};
    bool hyperband = false;          ///< All of its brackets.
    bool learned_brackets = false;   ///< The stopping variant with brackets, the choice learned.
    TrialStop stop = {};             ///< Rules over whatever scheduler there is.
    bool one_slot = false;           ///< One trial at a time, whatever its speed.
    bool median = false;             ///< Below the median of the others, trials are stopped.
    double percentile = 50;          ///< This part of the others instead of the median.
    double command_seconds = 0.001;  ///< From a decision to whom it is about.
    Observer* observer = nullptr;    ///< Outlives the study.
  };

  explicit SimulatedStudy(const Settings& settings)
      : space_(make_space(settings)),
        searcher_(space_, settings.seed),
        waker_(std::move(*Waker::create())),
        mailbox_(waker_),
        log_(std::move(*store::StepLog::in_memory({.metric = "loss"}))) {
    StudyOptions options{.name = "sim", .objective = {"loss", Mode::kMin}};
    options.trials = settings.trials;
    options.seed = settings.seed;
    options.retries = {.max_failures = 3};
    options.keep.keep = 1;
    options.fusion = {.members = settings.members, .learned = settings.learned};
    if (settings.groups) options.fusion.shared = {"batch_size"};
    options.trial_rules = settings.stop;
    options.trial_length = settings.population ? 40 : 27;
    if (!settings.machines.empty()) {
      options.gang.parameter = "slots";
      options.retries.max_losses = 1000;
      if (settings.planner == "greedy")
        planner_ = std::make_unique<cluster::GreedyGangs>();
      else
        planner_ = std::make_unique<cluster::Backfill>(
            cluster::BackfillOptions{.length = settings.population ? 40 : 27});
    } else if (settings.planner == "first-fit")
      planner_ = std::make_unique<cluster::FirstFit>();
    else
      planner_ = std::make_unique<cluster::RulePlanner>(
          [rule = settings.planner] { return cluster::rules::make(rule); },
          cluster::RulePlannerOptions{
              .target = 40, .interval = 5, .window = settings.population ? 2 : 0});
    const sched::AshaOptions asha{.max_steps = 27, .grace = 1, .reduction = 3};
    if (settings.hyperband)
      scheduler_ = std::make_unique<sched::HyperBand>(
          options.objective, sched::hyperband_brackets({.max_steps = 27, .reduction = 3}));
    else if (settings.learned_brackets)
      scheduler_ = std::make_unique<sched::Asha>(
          options.objective,
          sched::AshaOptions{
              .max_steps = 27, .reduction = 2, .brackets = 3, .learns_brackets = true},
          settings.seed);
    else if (settings.synchronous)
      scheduler_ = sched::synchronous_halving(
          options.objective, static_cast<std::size_t>(settings.trials), settings.rungs, 3);
    else if (settings.ray)
      scheduler_ = std::make_unique<sched::RayPbt>(
          options.objective, space_,
          sched::RayPbtOptions{.perturbation_interval = 5,
                               .max_steps = 40,
                               .shares_slots = settings.planner == "first-fit"},
          settings.seed);
    else if (settings.population)
      scheduler_ = std::make_unique<sched::Pbt>(
          options.objective, space_,
          sched::PbtOptions{
              .interval = 5, .max_steps = 40, .shares_slots = settings.planner == "first-fit"},
          settings.seed);
    else if (settings.median)
      scheduler_ = std::make_unique<sched::Median>(
          options.objective,
          sched::MedianOptions{
              .min_trials = 3, .percentile = settings.percentile, .max_steps = 27});
    else if (settings.whole)
      scheduler_ = std::make_unique<sched::Fifo>(sched::FifoOptions{.max_steps = 27});
    else if (settings.planner != "first-fit")
      scheduler_ = std::make_unique<sched::Fifo>(sched::FifoOptions{.max_steps = 40});
    else if (settings.promotion)
      scheduler_ = std::make_unique<sched::AshaPromotion>(options.objective, asha, settings.seed);
    else
      scheduler_ = std::make_unique<sched::Asha>(options.objective, asha, settings.seed);
    executor_ =
        std::move(*exec::SimExecutor::create(sim_options(settings), curve(space_), nullptr));
    tuner_ = std::make_unique<Tuner>(options, Policies{searcher_, *scheduler_, *planner_},
                                     World{.executor = *executor_,
                                           .log = log_,
                                           .waker = waker_,
                                           .mailbox = mailbox_,
                                           .observers = observers(settings),
                                           .tick = StudyDuration::zero()});
  }

  /// Continues a log that ends after any step.
  Status start_with(std::span<const Step> logged) {
    if (!logged.empty()) {
      const Status appended = log_.append(logged);
      if (!appended.ok()) return appended;
    }
    return tuner_->recover();
  }
  Result<RunEnd> run() { return tuner_->run({}); }
  /// What a user says to a study at rest.
  Status say(const std::vector<Input>& inputs) {
    const Status opened = tuner_->open({});
    return opened.ok() ? tuner_->feed(inputs) : opened;
  }
  /// For commands of users.
  Mailbox& mailbox() { return mailbox_; }
  const State& state() const { return tuner_->state(); }
  const store::StepLog& log() const { return log_; }
  /// Recomputes another study's log with this one's policies, which have seen nothing yet.
  Result<Verification> verify(const store::StepLog& log) {
    Director director(tuner_->director().options(), {searcher_, *scheduler_, *planner_});
    return tuner::verify(log, director,
                         [&](const Opened&) -> Result<StudyOptions> { return director.options(); });
  }

  /// The log of a study at rest, with a command at its end. Only before `start_with`.
  std::vector<Step> with_command(std::vector<Step> logged, UserCommand command) {
    Director director(tuner_->director().options(), {searcher_, *scheduler_, *planner_});
    for (const Step& step : logged) CHECK(director.replay(step).ok());
    const StepId id{static_cast<std::int64_t>(logged.size())};
    Step last{.turn = director.decide(id, director.state().now(), std::move(command)), .fill = {}};
    last.fill = director.fill(last.turn, Capacity::kLeave);
    logged.push_back(std::move(last));
    return logged;
  }

  std::vector<Step> steps() const {
    std::vector<Step> steps;
    const Status read =
        log_.read(StepId{0}, store::Metrics::kParse, [&](const Step& step) -> Status {
          steps.push_back(step);
          return {};
        });
    CHECK(read.ok());
    return steps;
  }

 private:
  static Space make_space(const Settings& settings) {
    Space space;
    space.parameters = {{"lr", Real{1e-4, 1, Scale::kLog}}, {"width", Integer{8, 64}}};
    constexpr std::int64_t kOne = 1, kTwo = 2, kFour = 4;
    if (settings.groups) space.parameters.push_back({"batch_size", Choice{{kTwo, kFour}}});
    if (!settings.machines.empty())
      space.parameters.push_back({"slots", Choice{{kOne, kTwo, kFour}}});
    return space;
  }
  static std::vector<Observer*> observers(const Settings& settings) {
    return settings.observer ? std::vector{settings.observer} : std::vector<Observer*>{};
  }
  static exec::Curve curve(const Space& space) { return exec::power_law(space, {}); }
  static exec::SimOptions sim_options(const Settings& settings);

  Space space_;
  search::RandomSearch searcher_;
  std::unique_ptr<cluster::Planner> planner_;
  std::unique_ptr<sched::Scheduler> scheduler_;
  Waker waker_;
  Mailbox mailbox_;
  store::StepLog log_;
  std::unique_ptr<exec::SimExecutor> executor_;
  std::unique_ptr<Tuner> tuner_;
};

}  // namespace clavier::tuner
