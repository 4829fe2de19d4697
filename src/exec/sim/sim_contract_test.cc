#include <gtest/gtest.h>

#include "exec/sim/sim_executor.h"
#include "tests/support/executor_contract.h"

namespace clavier::exec {
namespace {

/// Plays scripts as `scripted_trial` does.
Curve scripted_curve() {
  Curve curve;
  curve.metrics = [](const Config& config, TrialId, Steps step,
                     std::uint64_t) -> std::vector<Metric> {
    if (script_of(config).silent) return {};
    return {{"loss", 1.0 / static_cast<double>(step)}};
  };
  curve.steps = [](const Config& config) {
    return script_of(config).silent ? kForever : script_of(config).steps;
  };
  curve.error = [](const Config& config, TrialId, Steps step) -> std::string {
    if (script_of(config).fails_at != step) return {};
    return "broken at step " + std::to_string(step);
  };
  return curve;
}

class SimWorld final : public ExecutorWorld {
 public:
  SimWorld(const WorldOptions& options, SimOptions sim) : waker_(Waker::create().value()) {
    sim.nodes = {SimNode{.slots = std::vector<SimSlot>(static_cast<std::size_t>(options.slots))}};
    sim.seconds_per_step = 1e-3;
    sim.checkpoints = options.checkpoints;
    sim.metric = "loss";
    executor_ = SimExecutor::create(sim, scripted_curve(), &waker_).value();
  }

  Executor& executor() override { return *executor_; }
  const Waker& waker() override { return waker_; }
  std::filesystem::path study() override { return {}; }

 private:
  Waker waker_;
  std::unique_ptr<SimExecutor> executor_;
};

ExecutorKind kind(std::string name, SimOptions sim) {
  return {
      .name = std::move(name),
      .make =
          [sim](const WorldOptions& options) { return std::make_unique<SimWorld>(options, sim); },
      .members = SimExecutor::kMaxMembers};
}

INSTANTIATE_TEST_SUITE_P(Sim, ExecutorContract,
                         ::testing::Values(kind("at_once", {}),
                                           kind("delayed", {.start_seconds = 2e-3,
                                                            .report_seconds = 1.5e-3,
                                                            .command_seconds = 0.7e-3})),
                         [](const auto& each) { return each.param.name; });

}  // namespace
}  // namespace clavier::exec
