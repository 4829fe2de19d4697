// Samples per second of processor time: `training_bench [model] [size] [channels]`, as JSON lines.
#include <cstdio>
#include <ctime>

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include "train/fuse/array.h"
#include "train/fuse/loss.h"
#include "train/fuse/optimizer.h"
#include "train/spec/model_spec.h"
#include "train/trainer/device.h"

namespace clavier::train {
namespace {

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void measure(const Network& network, std::int64_t members, std::int64_t batch, Kernels kernels) {
  Array array(network, members, {.kernels = kernels});
  std::vector<std::uint64_t> seeds;
  for (std::int64_t i = 0; i < members; ++i) seeds.push_back(static_cast<std::uint64_t>(i));
  array.initialise(seeds);
  Optimizer optimizer(OptimizerKind::kSgd, false, array.parameters());
  const std::vector<MemberOptions> options(seeds.size(), {.lr = 1e-3, .momentum = 0.9});
  std::vector<std::int64_t> sizes = {1024};
  sizes.insert(sizes.end(), network.input.sizes.begin(), network.input.sizes.end());
  const at::Tensor all = at::randn(sizes);
  const at::Tensor labels = at::randint(0, 10, {1024}, at::kLong);
  const auto steps = [&](std::int64_t count) {
    Totals totals = Totals::zero(members, c10::kCPU);
    for (std::int64_t step = 0; step < count; ++step) {
      const at::Tensor rows = at::arange(step * batch, (step + 1) * batch).remainder_(1024);
      at::Tensor gradient;
      add_loss(array.forward(all.index_select(0, rows), {.training = true, .seeds = seeds}),
               labels.index_select(0, rows), {}, totals, &gradient);
      array.backward(gradient);
      at::Tensor parameters = array.parameters();
      optimizer.step(options, parameters, array.gradients());
    }
  };
  steps(20);
  std::int64_t count = 0;
  const double start = processor_seconds();
  do {
    steps(10);
    count += 10;
  } while (processor_seconds() - start < 0.5);
  fmt::print(
      "{{\"kernels\": \"{}\", \"members\": {}, \"batch\": {}, \"samples_per_second\": {:.0f}}}\n",
      kernels == Kernels::kOwn ? "own" : "library", members, batch,
      static_cast<double>(count * batch * members) / (processor_seconds() - start));
}

}  // namespace
}  // namespace clavier::train

int main(int argc, char** argv) {
  using namespace clavier::train;
  const c10::InferenceMode no_graph;
  use_few_threads();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto model = parse_model(fmt::format("\"{}\"", argc > 1 ? argv[1] : "net"));
  const std::int64_t size = argc > 2 ? std::atoll(argv[2]) : 32;
  const std::int64_t channels = argc > 3 ? std::atoll(argv[3]) : 1;
  const auto layers = layers_of(model.value(), 10);
  const auto network = infer_shapes(layers.value(), {{channels, size, size}}, 10);
  for (Kernels kernels : {Kernels::kOwn, Kernels::kLibrary})
    for (std::int64_t members : {1, 4, 8})
      for (std::int64_t batch : {2, 4, 8, 16, 64})
        measure(network.value(), members, batch, kernels);
}
