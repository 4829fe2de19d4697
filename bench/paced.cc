// bench paced: real processes on slots of emulated speed, against the prediction and the baselines
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>

#include "base/match.h"
#include "bench/measure.h"
#include "cluster/rule_planner.h"
#include "cluster/rules/catalogue.h"
#include "exec/local/guard.h"
#include "exec/local/local_executor.h"
#include "exec/sim/sim_executor.h"
#include "sched/pbt.h"
#include "search/random.h"
#include "tuner/tuner.h"
#include "worker/trial_worker.h"

// 20 trials of population-based training, 100 steps each with an interval of 5, on the slots of the
// published cluster A: one GPU and eight CPU slots, of rates 320 | 20 16 12 12 11 4 4 4. Every slot
// has a real worker process, which waits until each step is over at its slot's speed. Compared:
//   auto         our planner
//   agnostic     least progress first, whatever slot is idle longest, on all nine slots
//   uniform_gpu  as a tuner does where every trial asks for the same bundle with a GPU in it: rule
//                uniform-bundle, only the GPU slot carries it
//   uniform_cpu  the same with a bundle of four cores: the eight CPU slots carry it, the GPU idles
// The prediction is the same study in the simulator, with the same policies, before the start.
namespace {

using namespace clavier;

constexpr std::int64_t kTrials = 20;
constexpr Steps kSteps = 100;
constexpr Steps kInterval = 5;
constexpr double kRates[] = {320, 20, 16, 12, 12, 11, 4, 4, 4};
constexpr double kMaxPacingError = 0.02;

// --- what a trial does: in a worker and in the simulator the same ---

double learned(double before, const Config& config) {
  const double off = std::log10(*config.find("lr")->number()) + 2;
  return before + std::exp(-off * off);
}
double loss(double learned) { return 1 / (1 + learned); }

void train(worker::TrialContext& trial) {
  double progress = 0;
  const auto load = [&] {
    progress = 0;
    if (const auto from = trial.checkpoint())
      if (!(std::ifstream(*from / "progress") >> progress)) throw std::runtime_error("no progress");
  };
  load();
  int takeovers = trial.takeovers();
  for (Steps step = trial.step() + 1;; ++step) {
    progress = learned(progress, trial.config());
    const auto save = [&](const std::filesystem::path& directory) {
      std::ofstream(directory / "progress") << fmt::format("{}", progress);
    };
    if (trial.report({{"loss", loss(progress)}}, step, save) == worker::Verdict::kLeave) return;
    if (trial.takeovers() == takeovers) continue;
    takeovers = trial.takeovers();
    load();
    step = trial.step();
  }
}

exec::Curve curve() {
  exec::Curve curve;
  curve.learn = [](exec::Weights& weights, const Config& config, TrialId, Steps, std::uint64_t) {
    weights.resize(1);
    weights[0] = learned(weights[0], config);
  };
  curve.evaluate = [](const exec::Weights& weights, TrialId, Steps, std::uint64_t) {
    return std::vector<Metric>{{"loss", loss(weights[0])}};
  };
  return curve;
}

// --- one study ---

struct Way {
  const char* name;
  const char* rule;
  bool gpu = true;    ///< Whether the GPU slot is there.
  bool once = false;  ///< Takes too long to be repeated.
};
constexpr Way kWays[] = {{"auto", "auto"},
                         {"agnostic", "agnostic"},
                         {"uniform_gpu", "uniform-bundle"},
                         {"uniform_cpu", "agnostic", false, true}};

std::vector<Slot> slots_of(const Way& way) {
  std::vector<Slot> slots;
  for (const double rate : kRates) {
    const bool gpu = rate == kRates[0];
    if (gpu && !way.gpu) continue;
    slots.push_back({.id = SlotId{static_cast<std::int64_t>(slots.size())},
                     .node = NodeId{0},
                     .resources = {.cpus = 4, .gpus = gpu ? 1.0 : 0.0},
                     .speed = rate,
                     .emulated = true});
  }
  return slots;
}

template <typename T>
T value_of(Result<T> result) {
  if (result.ok()) return *std::move(result);
  fmt::print(stderr, "{}\n", result.error().message);
  std::exit(1);
}

/// The whole study in whichever world. Returns its makespan.
double play(const Way& way, double seconds_per_step, exec::Executor& executor, const Waker& waker,
            store::StepLog& log, StudyDuration tick) {
  Space space;
  space.parameters = {{"lr", Real{1e-4, 1, Scale::kLog}}};
  const Objective objective{"loss", Mode::kMin};
  search::RandomSearch searcher(space, 1);
  sched::Pbt scheduler(objective, space,
                       {.interval = kInterval, .max_steps = kSteps, .shares_slots = false}, 1);
  cluster::RulePlanner planner([&] { return cluster::rules::make(way.rule); },
                               {.target = kSteps,
                                .interval = kInterval,
                                .speeds_known = true,
                                .seconds_per_step = seconds_per_step});
  tuner::Mailbox mailbox(waker);
  tuner::Tuner tuner(
      {.name = "paced", .objective = objective, .trials = kTrials, .seed = 1},
      {searcher, scheduler, planner},
      {.executor = executor, .log = log, .waker = waker, .mailbox = mailbox, .tick = tick});
  CHECK(tuner.recover().ok());
  value_of(tuner.run({}));
  CHECK(tuner.state().count(TrialStatus::kCompleted) == kTrials, "a trial did not complete");
  return seconds(tuner.state().now());
}

double predict(const Way& way, double seconds_per_step) {
  exec::SimOptions options{.metric = "loss"};
  options.seconds_per_step = seconds_per_step;
  options.checkpoints = {.every = kInterval, .at_end = false};
  options.nodes.front().slots.clear();
  for (const Slot& slot : slots_of(way))
    options.nodes.front().slots.push_back({.speed = slot.speed, .resources = slot.resources});
  const auto executor = value_of(exec::SimExecutor::create(std::move(options), curve()));
  const Waker waker = value_of(Waker::create());
  auto log = store::StepLog::none();
  return play(way, seconds_per_step, *executor, waker, log, StudyDuration::zero());
}

/// How well the slots kept their pace, out of the log.
class Pace {
 public:
  Pace(const std::vector<Slot>& slots, double seconds_per_step) : slots_(slots) {
    for (Slot& slot : slots_) slot.speed /= seconds_per_step;  // Steps per second.
  }
  void see(const Step& step) {
    if (const auto* signal = std::get_if<Signal>(&step.turn.input))
      if (const auto* reported = std::get_if<Reported>(signal))
        for (const Report& report : reported->reports) see(report);
    for (const Launch& launch : step.fill.launches) {
      const Member& member = launch.members.front();
      places_[launch.id] = {launch.shares.front().slot, member.from ? member.from->step : 0};
    }
    for (const Decision& decision : step.turn.decisions)
      if (const auto* exploit = std::get_if<Exploit>(&decision.action))
        for (auto& [launch, place] : places_)
          if (place.trial == exploit->trial) place.step = exploit->donor.step;
  }
  /// Of the slot that is worst: time taken over time due, less one.
  double error() const {
    double worst = 0;
    for (const auto& [slot, sums] : sums_) worst = std::max(worst, sums.taken / sums.due - 1);
    return worst;
  }
  /// Share of reports that came later than a tenth of a step after they were due.
  double late() const { return reports_ > 0 ? static_cast<double>(late_) / reports_ : 0; }

 private:
  struct Place {
    SlotId slot;
    Steps step = 0;
    TrialId trial = {};
  };
  struct Sums {
    double taken = 0, due = 0;
  };
  void see(const Report& report) {
    const auto place = places_.find(report.launch);
    if (place == places_.end()) return;
    place->second.trial = report.trial;
    const auto slot = std::ranges::find(slots_, place->second.slot, &Slot::id);
    const Steps steps = report.step - place->second.step;
    place->second.step = report.step;
    if (slot == slots_.end() || steps <= 0) return;
    const double due = static_cast<double>(steps) / slot->speed;
    sums_[slot->id].taken += report.seconds;
    sums_[slot->id].due += due;
    ++reports_;
    if (report.seconds > due * 1.1) ++late_;
  }

  std::vector<Slot> slots_;
  std::map<LaunchId, Place> places_;
  std::map<SlotId, Sums> sums_;
  std::int64_t reports_ = 0, late_ = 0;
};

struct Run {
  double makespan = 0;
  double duty = 0;  ///< Processor seconds of all processes per second.
  double pacing_error = 0;
  double late = 0;
  bool conclusive() const { return pacing_error <= kMaxPacingError && duty <= 1; }
};

double cpu_with_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto to_seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return bench::cpu_seconds() + to_seconds(usage.ru_utime) + to_seconds(usage.ru_stime);
}

Run run(const Way& way, double seconds_per_step) {
  const bench::TemporaryFolder folder("paced");
  const Waker waker = value_of(Waker::create());
  exec::LocalOptions options{.study = folder.path(), .metric = "loss"};
  options.node = {.id = NodeId{0}, .host = "here", .slots = slots_of(way)};
  options.command = {std::filesystem::read_symlink("/proc/self/exe").string()};
  options.checkpoints = {.every = kInterval, .at_end = false};
  options.seconds_per_step = seconds_per_step;
  const double cpu = cpu_with_children();
  Run result;
  auto log = value_of(store::StepLog::open(folder.path() / "study.db", {.metric = "loss"}));
  {
    const auto executor = value_of(exec::LocalExecutor::create(options, waker));
    result.makespan =
        play(way, seconds_per_step, *executor, waker, log, std::chrono::milliseconds(200));
  }
  result.duty = (cpu_with_children() - cpu) / result.makespan;
  Pace pace(options.node.slots, seconds_per_step);
  CHECK(log.read(StepId{0}, store::Metrics::kSkip,
                 [&](const Step& step) -> Status {
                   pace.see(step);
                   return {};
                 })
            .ok());
  result.pacing_error = pace.error();
  result.late = pace.late();
  return result;
}

double at(std::vector<double> values, double part) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[static_cast<std::size_t>(part * double(values.size() - 1))];
}

std::string json(const char* name, double predicted, const std::vector<Run>& runs, double ours) {
  std::vector<double> makespans;
  double duty = 0, error = 0, late = 0;
  for (const Run& each : runs) {
    duty = std::max(duty, each.duty);
    error = std::max(error, each.pacing_error);
    late = std::max(late, each.late);
    if (each.conclusive()) makespans.push_back(each.makespan);
  }
  const double middle = bench::median(makespans);
  return fmt::format(
      "\"{}\": {{\"predicted_s\": {:.2f}, \"median_s\": {:.2f}, \"p10_s\": {:.2f}, \"p90_s\": "
      "{:.2f}, \"over_predicted\": {:.4f}, \"over_auto\": {:.3f}, \"runs\": {}, \"conclusive\": "
      "{}, \"pacing_error\": {:.4f}, \"late\": {:.4f}, \"duty\": {:.3f}}}",
      name, predicted, middle, at(makespans, 0.1), at(makespans, 0.9), middle / predicted,
      ours > 0 ? middle / ours : 1, runs.size(), makespans.size(), error, late, duty);
}

/// What stands behind `--name`.
const char* option(int argc, char** argv, const char* name, const char* fallback) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], name) == 0) return argv[i + 1];
  return fallback;
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto status = exec::guard_main_if_asked(argc, argv)) return *status;
  if (::getenv("CLAVIER_FD") != nullptr) return worker::worker_main(train, {.exploit = true});

  const double seconds_aimed =
      std::atof(option(argc, argv, "--seconds", "24"));  // Of our planner's makespan.
  const int runs = std::atoi(option(argc, argv, "--runs", "3"));
  const std::string only = option(argc, argv, "--only", "");
  double rates = 0;
  for (const double rate : kRates) rates += rate;
  const double seconds_per_step = seconds_aimed * rates / (kTrials * kSteps);

  std::map<std::string, double> predicted;
  std::map<std::string, std::vector<Run>> all;
  for (const Way& way : kWays) {
    predicted[way.name] = predict(way, seconds_per_step);
    fmt::print("{:12} predicted {:7.2f} s\n", way.name, predicted[way.name]);
  }
  for (int i = 0; i < runs; ++i)
    for (const Way& way : kWays) {
      if ((way.once && i > 0) || (!only.empty() && only != way.name)) continue;
      const Run each = run(way, seconds_per_step);
      all[way.name].push_back(each);
      fmt::print(
          "{:12} took {:7.2f} s, {:+.2f} % of the prediction; pacing error {:.2f} %, late {:.2f} "
          "%, duty {:.2f}{}\n",
          way.name, each.makespan, 100 * (each.makespan / predicted[way.name] - 1),
          100 * each.pacing_error, 100 * each.late, each.duty,
          each.conclusive() ? "" : ": inconclusive");
      std::fflush(stdout);
    }

  double load[1] = {0};
  ::getloadavg(load, 1);
  std::vector<double> ours;
  for (const Run& each : all["auto"])
    if (each.conclusive()) ours.push_back(each.makespan);
  std::string text;
  for (const Way& way : kWays)
    text += json(way.name, predicted[way.name], all[way.name], bench::median(ours)) + ", ";
  fmt::print("{{{}\"slots\": {}, \"trials\": {}, \"aimed_s\": {:.2f}, \"load\": {:.1f}}}\n", text,
             std::size(kRates), kTrials, seconds_aimed, load[0]);
}
