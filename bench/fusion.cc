// bench fusion: arrays of trials against single trials, in one process per core
//
// Samples per second of processor time in training, summed over members and processes, one thread
// each, two processes at a time. The last line is one JSON object: `ratio[MODEL][BATCH]` (what the
// size that a study would learn does, over single trials), `chosen` (that size), `best` (the
// largest ratio measured), `rates` (by size) and `optimizer` (eight steps of one member over one of
// eight).
// --quick: fewer turns; --model NAME: only that one.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <nlohmann/json.hpp>

#include "cluster/array_sizes.h"
#include "train/fuse/array.h"
#include "train/fuse/loss.h"
#include "train/fuse/optimizer.h"
#include "train/spec/model_spec.h"
#include "train/trainer/device.h"
#include "train/trainer/plan_store.h"

namespace {

using namespace clavier;
using namespace clavier::train;
using Figures = nlohmann::json;

constexpr int kProcesses = 2;
constexpr std::int64_t kSizes[] = {1, 2, 4, 8, 16};
using Rates = std::map<std::int64_t, double>;

struct Model {
  const char* name;
  const char* spec;
  std::vector<std::int64_t> input;
  std::vector<std::int64_t> batches;
};

const std::vector<Model> kModels = {
    {"net", R"("net")", {3, 32, 32}, {4, 16, 64}},
    {"net/8", R"({"name": "net", "l1": 15, "l2": 10})", {3, 32, 32}, {4, 16, 64}},
    {"mlp", R"("mlp")", {1, 8, 8}, {4, 32, 128}},
    {"cnn", R"("cnn")", {3, 32, 32}, {4, 16, 64}},
    {"cnn/8", R"({"name": "cnn", "channels": 2, "hidden": 16})", {3, 32, 32}, {4, 16, 64}},
    {"resnet18/8",
     R"({"name": "resnet18", "stem": "cifar", "width": 0.125})",
     {3, 32, 32},
     {8, 64}},
    {"resnet18", R"({"name": "resnet18", "stem": "cifar"})", {3, 32, 32}, {8}}};

/// Seconds of work, so that a busy machine does not mislead.
double now() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

Network network_of(const Model& model) {
  const auto layers = layers_of(parse_model(model.spec).value(), 10);
  return infer_shapes(layers.value(), {model.input}, 10).value();
}

/// An array in training on one batch.
class Run {
 public:
  Run(const Network& network, std::int64_t members, std::int64_t batch, const PlanStore& plans)
      : seeds_(static_cast<std::size_t>(members), 1),
        options_(seeds_.size(), {.lr = 1e-3, .momentum = 0.9}),
        batch_(batch),
        array_(network, members,
               {.plan = plans.plan(network, {.members = members, .batch = batch})}),
        optimizer_(OptimizerKind::kSgd, array_.parameters()),
        targets_(at::randint(0, network.outputs, {batch}, at::kLong)),
        totals_(Totals::zero(members, c10::kCPU)) {
    std::vector<std::int64_t> sizes = network.input.sizes;
    sizes.insert(sizes.begin(), batch);
    inputs_ = at::randn(sizes);
    array_.initialise(seeds_);
  }

  /// Samples per second over that time.
  double rate(double seconds) {
    const double start = now();
    double spent = 0;
    std::int64_t steps = 0;
    for (; spent < seconds || steps < 2; ++steps, spent = now() - start) step();
    return static_cast<double>(steps * batch_ * array_.members()) / spent;
  }

 private:
  void step() {
    at::Tensor gradient;
    const Pass pass{.training = true, .seeds = seeds_, .step = step_++};
    add_loss(array_.forward(inputs_, pass), targets_, {}, totals_, &gradient);
    array_.backward(gradient);
    at::Tensor parameters = array_.parameters();
    optimizer_.step(options_, parameters, array_.gradients());
  }

  std::vector<std::uint64_t> seeds_;
  std::vector<MemberOptions> options_;
  std::int64_t batch_;
  Array array_;
  Optimizer optimizer_;
  at::Tensor inputs_, targets_;
  Totals totals_;
  std::int64_t step_ = 0;
};

/// What `work` writes, of each of the processes; each on a core, all at once.
template <typename Work>
std::vector<Figures> in_processes(int count, const Work& work) {
  std::vector<std::pair<pid_t, int>> children;
  for (int i = 0; i < count; ++i) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    const pid_t child = ::fork();
    if (child == 0) {
      const c10::InferenceMode no_graph;
      use_few_threads();
      keep_freed_memory();
      const std::string text = work().dump();
      if (::write(ends[1], text.data(), text.size()) < 0) ::_exit(1);
      ::_exit(0);
    }
    ::close(ends[1]);
    children.emplace_back(child, ends[0]);
  }
  std::vector<Figures> said;
  for (const auto& [child, end] : children) {
    std::string text;
    char buffer[4096];
    for (ssize_t got; (got = ::read(end, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    ::close(end);
    ::waitpid(child, nullptr, 0);
    said.push_back(Figures::parse(text));
  }
  return said;
}

/// Medians of turns in which all sizes take part.
Rates measured(const Model& model, std::int64_t batch, bool quick) {
  const auto work = [&] {
    const auto plans = PlanStore::from_environment();
    const Network network = network_of(model);
    std::map<std::int64_t, std::unique_ptr<Run>> runs;
    for (const std::int64_t size : kSizes) {
      runs[size] = std::make_unique<Run>(network, size, batch, plans.value());
      runs[size]->rate(0.02);
    }
    std::map<std::int64_t, std::vector<double>> rates;
    for (int turn = 0; turn < (quick ? 3 : 7); ++turn)
      for (const std::int64_t size : kSizes) rates[size].push_back(runs[size]->rate(0.15));
    Figures medians = Figures::array();
    for (auto& [size, each] : rates) {
      std::ranges::sort(each);
      medians.push_back(each[each.size() / 2]);
    }
    return medians;
  };
  in_processes(1, [&] {  // Plans are measured by a process that is alone.
    const auto plans = PlanStore::from_environment();
    for (const std::int64_t size : kSizes) Run(network_of(model), size, batch, plans.value());
    return Figures();
  });
  Rates rates;
  for (const Figures& process : in_processes(kProcesses, work))
    for (std::size_t i = 0; i < process.size(); ++i) rates[kSizes[i]] += process[i].get<double>();
  return rates;
}

/// The size that a study comes to.
std::int64_t learned(const Rates& rates) {
  cluster::ArraySizes sizes;
  std::int64_t launch = 0;
  for (const auto& [size, rate] : rates) {
    Launch array{.id = LaunchId{launch++}};
    for (std::int64_t i = 0; i < size; ++i) array.members.push_back({.trial = TrialId{i}});
    sizes.begin(array, "");
    for (const Steps step : {1, 2}) {
      const Report report{.trial = TrialId{0},
                          .launch = array.id,
                          .step = step,
                          .seconds = static_cast<double>(size) / rate};
      sizes.apply(Turn{.id = StepId{0}, .time = {}, .input = Signal{Reported{{report}}}});
    }
  }
  return sizes.members("", std::rbegin(kSizes)[0], true);
}

/// Seconds of a step of the optimizer alone, over so many members.
double update_seconds(const Network& network, std::int64_t members) {
  at::Tensor parameters = at::randn({members, network.parameter_count});
  const at::Tensor gradients = at::randn_like(parameters) * 1e-6;
  Optimizer optimizer(OptimizerKind::kAdam, parameters);
  const std::vector<MemberOptions> options(static_cast<std::size_t>(members));
  double best = 1;
  for (int turn = 0; turn < 20; ++turn) {
    const double start = now();
    optimizer.step(options, parameters, gradients);
    best = std::min(best, now() - start);
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  bool quick = false;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--quick") quick = true;
    if (word == "--model" && i + 1 < argc) only = argv[++i];
  }
  Figures figures;
  for (const Model& model : kModels) {
    if (!only.empty() && only != model.name) continue;
    for (const std::int64_t batch : model.batches) {
      const Rates rates = measured(model, batch, quick);
      const std::int64_t chosen = learned(rates);
      double best = 0;
      std::cout << model.name << " batch " << batch << ": " << rates.at(1) << " samples/s alone;";
      for (const auto& [size, rate] : rates) {
        best = std::max(best, rate / rates.at(1));
        figures["rates"][model.name][std::to_string(batch)][std::to_string(size)] = rate;
        if (size > 1) std::cout << "  " << size << ": " << rate / rates.at(1) << " x";
      }
      std::cout << "; learned " << chosen << std::endl;
      figures["ratio"][model.name][std::to_string(batch)] = rates.at(chosen) / rates.at(1);
      figures["best"][model.name][std::to_string(batch)] = best;
      figures["chosen"][model.name][std::to_string(batch)] = chosen;
    }
    const Figures update =
        in_processes(1, [&] {
          const Network network = network_of(model);
          return Figures(8 * update_seconds(network, 1) / update_seconds(network, 8));
        }).front();
    figures["optimizer"][model.name] = update;
  }
  std::cout << figures.dump() << std::endl;
}
