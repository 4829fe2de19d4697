#include "app/run/simulate_study.h"

#include <fmt/format.h>

#include "app/run/session.h"
#include "cluster/bound.h"
#include "exec/sim/sim_executor.h"
#include "study/text.h"

namespace clavier::app {
namespace {

/// Sees every step as it is made.
class Witness final : public Observer {
 public:
  Result<StepId> resume() override { return StepId{0}; }
  Status on_step(const Step& step, const State&) override {
    timeline.apply(step);
    add(std::to_string(microseconds(step.turn.time)));
    // What opens a run names version and commit.
    if (!std::holds_alternative<Opened>(step.turn.input)) add(text::to_json(step.turn.input));
    for (const Decision& decision : step.turn.decisions) add(text::to_json(decision));
    add(text::to_json(step.fill));
    return {};
  }
  Status on_idle(StudyTime, const State&) override { return {}; }
  Status finish(const State&) override { return {}; }

  report::Timeline timeline;
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a.

 private:
  void add(std::string_view words) {
    for (const char c : words) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    hash = (hash ^ 0xff) * 0x100000001b3;
  }
};

/// The most that an array does, relative to one trial.
double gain_of(const exec::SimOptions& options, const Fusion& fusion) {
  double gain = 1;
  const auto most = std::min(options.arrays.size(), static_cast<std::size_t>(fusion.members));
  for (std::size_t i = 0; i < most; ++i) gain = std::max(gain, options.arrays[i]);
  return gain;
}

double bound_of(const Simulated& simulated, const exec::SimOptions& options,
                const exec::Curve& curve, const tuner::StudyOptions& study) {
  const double gain = gain_of(options, study.fusion);
  std::vector<double> works;
  for (const Trial& trial : simulated.state.trials()) {
    const report::Trained trained = simulated.timeline.trained(trial.id);
    double steps = static_cast<double>(trained.steps);
    if (curve.cost) {
      steps = 0;
      for (Steps step = 1; step <= trained.steps; ++step) steps += curve.cost(trial.config, step);
    }
    const double work = (steps * options.seconds_per_step +
                         static_cast<double>(trained.reports) * options.evaluation_seconds) /
                        gain;
    // One that takes k slots at once: as if k trials of its work were to run.
    const std::int64_t slots = std::max<std::int64_t>(1, study.gang.of(trial.config));
    if (work > 0) works.insert(works.end(), static_cast<std::size_t>(slots), work);
  }
  if (works.empty()) return 0;
  return cluster::preemptive_bound(works, rates_of(options));
}

Status run_to_the_end(tuner::Tuner& tuner, exec::SimExecutor& executor) {
  const State& state = tuner.state();
  while (!(state.finished() || tuner.director().closing()) ||
         state.count(TrialStatus::kRunning) > 0) {
    std::vector<Input> inputs;
    for (Signal& signal : executor.wait(tuner.director().deadline()))
      inputs.emplace_back(std::move(signal));
    if (inputs.empty())
      return unavailable(fmt::format(
          "after {:.6g} simulated seconds nothing can happen any more, and the study is not over: "
          "{} not ended",
          seconds(state.now()),
          state.unfinished() == 1 ? "1 trial has"
                                  : fmt::format("{} trials have", state.unfinished())));
    TRY(tuner.feed(std::move(inputs)));
  }
  return {};
}

}  // namespace

Result<Simulated> simulate_study(const StudySpec& spec, const SimulateOptions& options) {
  auto cluster = TRY(simulated_cluster(spec, options.world));
  const auto curve = TRY(simulated_curve(spec, options.home));
  for (const std::string& note : curve.notes) options.warn(note);
  if (curve.cost) cluster.seconds_per_step = 1;  // Recorded seconds are what they are.
  if (sharing_unknown(spec))
    options.warn(
        "nothing says how trials slow down each other on one GPU ([[cluster.slots]] sharing): "
        "simulated as if packing gained nothing");
  if (arrays_unknown(spec))
    options.warn(
        "nothing says what arrays of trials gain ([simulate] arrays): simulated as if they gained "
        "nothing");
  const Waker waker = TRY(Waker::create());
  Witness witness;
  const auto session = TRY(Session::open(
      spec, waker,
      {.kind = SessionKind::kSimulated, .folder = options.folder, .warn = options.warn}));
  const auto executor = TRY(exec::SimExecutor::create(cluster, curve));
  TRY(session->begin(*executor, {&witness}));
  TRY(session->open_run());
  TRY(run_to_the_end(session->tuner(), *executor));
  Simulated simulated{.state = session->state(),
                      .timeline = std::move(witness.timeline),
                      .hash = witness.hash,
                      .events = executor->events()};
  simulated.bound = bound_of(simulated, cluster, curve, director_options(spec));
  return simulated;
}

}  // namespace clavier::app
