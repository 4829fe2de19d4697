// The C++ side of bench/trainer.py: training steps of the built-in models, on request. Reads and
// answers one JSON object per line, as bench/peers/torch_trainer.py does.
#include <ctime>
#include <iostream>
#include <memory>
#include <string>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <nlohmann/json.hpp>

#include "train/fuse/array.h"
#include "train/fuse/loss.h"
#include "train/fuse/optimizer.h"
#include "train/spec/model_spec.h"
#include "train/trainer/device.h"
#include "train/trainer/plan_store.h"

namespace {

using namespace clavier::train;
using Json = nlohmann::json;

double seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

class Run {
 public:
  Run(const Network& network, std::int64_t batch, Plan plan)
      : plan_(to_text(plan)),
        array_(network, 1, {.plan = std::move(plan)}),
        optimizer_(OptimizerKind::kSgd, array_.parameters()),
        inputs_(at::randn(
            {batch, network.input.sizes[0], network.input.sizes[1], network.input.sizes[2]})),
        targets_(at::randint(0, network.outputs, {batch}, at::kLong)) {
    array_.initialise(seeds_);
  }

  void step() {
    at::Tensor gradient;
    const Pass pass{.training = true, .seeds = seeds_, .step = step_++};
    add_loss(array_.forward(inputs_, pass), targets_, {}, totals_, &gradient);
    array_.backward(gradient);
    at::Tensor parameters = array_.parameters();
    optimizer_.step({&options_, 1}, parameters, array_.gradients());
  }

  const std::string& plan() const { return plan_; }

 private:
  std::string plan_;
  std::vector<std::uint64_t> seeds_ = {1};
  Array array_;
  Optimizer optimizer_;
  MemberOptions options_{.lr = 1e-3, .momentum = 0.9};
  at::Tensor inputs_;
  at::Tensor targets_;
  Totals totals_ = Totals::zero(1, c10::kCPU);
  std::int64_t step_ = 0;
};

/// One run for each plan that is not another one's twin: one kind wherever it is possible, and the
/// chosen one.
struct Runs {
  std::vector<std::unique_ptr<Run>> runs;
  Json answer = {{"variants", Json::array()}};
};

Runs build(const Json& request, const PlanStore& plans) {
  const auto model = parse_model(request.at("spec").dump());
  const auto layers = layers_of(model.value(), 10);
  const std::int64_t size = request.at("size");
  const std::int64_t batch = request.at("batch");
  const auto network = infer_shapes(layers.value(), {{request.at("channels"), size, size}}, 10);
  Runs result;
  const auto add = [&](const char* name, const Plan& plan) {
    for (std::size_t i = 0; i < result.runs.size(); ++i)
      if (result.runs[i]->plan() == to_text(plan)) return i;
    result.runs.push_back(std::make_unique<Run>(network.value(), batch, plan));
    result.answer["variants"].push_back(name);
    return result.runs.size() - 1;
  };
  constexpr std::pair<const char*, Convolver> kKinds[] = {{"loops", Convolver::kLoops},
                                                          {"products", Convolver::kProducts},
                                                          {"library", Convolver::kLibrary}};
  for (const auto& [name, kind] : kKinds) {
    Plan plan;
    for (const ShapedLayer* layer : convolutions(network.value()))
      plan.push_back(possible(*layer, kind, 1));
    add(name, plan);
  }
  const std::size_t chosen = add("mixed", plans.plan(network.value(), {.batch = batch}));
  result.answer["chosen"] = chosen;
  result.answer["plan"] = result.runs[chosen]->plan();
  return result;
}

}  // namespace

int main() {
  const c10::InferenceMode no_graph;
  use_few_threads();
  keep_freed_memory();
  const auto plans = PlanStore::from_environment();
  Runs built;
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = Json::parse(line);
    Json answer;
    if (request.contains("model")) {
      built = {};  // Not two networks in memory at a time.
      built = build(request, plans.value());
      answer = built.answer;
    } else {
      Run& run = *built.runs.at(request.at("variant"));
      const double wall = seconds(CLOCK_MONOTONIC);
      const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
      for (int i = 0; i < request.at("steps").get<int>(); ++i) run.step();
      answer = {{"cpu", seconds(CLOCK_THREAD_CPUTIME_ID) - start},
                {"wall", seconds(CLOCK_MONOTONIC) - wall}};
    }
    std::cout << answer.dump() << std::endl;
  }
}
