#include "train/fuse/array.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/networks.h"
#include "train/fuse/loss.h"
#include "train/fuse/optimizer.h"
#include "train/spec/model_spec.h"

namespace clavier::train {
namespace {

using testing::Case;
using testing::cases;
using testing::difference;
using testing::kWays;
using testing::network_of;
using testing::Way;

constexpr std::int64_t kSamples = 6;

std::vector<std::uint64_t> seeds(std::int64_t members) {
  std::vector<std::uint64_t> result;
  for (std::int64_t i = 0; i < members; ++i) result.push_back(100 + static_cast<std::uint64_t>(i));
  return result;
}

Array make(const Case& chosen, const std::vector<std::uint64_t>& of, const Way& way = kWays[0],
           at::ScalarType dtype = at::kDouble) {
  Array array(network_of(chosen), static_cast<std::int64_t>(of.size()),
              {.dtype = dtype, .kernels = way.kernels, .plan = way.plan});
  array.initialise(of);
  return array;
}

at::Tensor inputs(const Case& chosen, std::int64_t samples = kSamples) {
  std::vector<std::int64_t> sizes = {samples};
  sizes.insert(sizes.end(), chosen.input.sizes.begin(), chosen.input.sizes.end());
  return at::sin(at::arange(samples * chosen.input.count(), at::kDouble) * 1.7).view(sizes);
}

at::Tensor labels(std::int64_t samples = kSamples) { return at::arange(samples, at::kLong) % 4; }

/// One pass forward and back; the gradient of the summed mean losses stays in the array.
at::Tensor run(Array& array, const at::Tensor& x, const std::vector<std::uint64_t>& of) {
  const at::Tensor logits = array.forward(x, {.training = true, .seeds = of});
  Totals totals = Totals::zero(array.members(), c10::kCPU);
  at::Tensor gradient;
  add_loss(logits, labels(x.size(0)), {}, totals, &gradient);
  array.backward(gradient);
  return logits;
}

const Case& find(std::string_view name) {
  for (const Case& candidate : cases())
    if (candidate.name == name) return candidate;
  return cases().front();
}

TEST(Array, EveryMemberEqualsStockOperatorsForwardAndBackward) {
  for (const Case& chosen : cases()) {
    for (const Way& way : kWays) {
      for (std::int64_t members : {1, 2, 3, 8}) {
        const double tolerance = members == 1 ? 1e-12 : 1e-9;
        Array array = make(chosen, seeds(members), way);
        const at::Tensor x = inputs(chosen);
        const at::Tensor logits = run(array, x, seeds(members));
        for (std::int64_t member = 0; member < members; ++member) {
          const auto parameters = testing::leaves(array, member);
          auto running = testing::fresh_running(array.network(), at::kDouble);
          const at::Tensor expected =
              testing::stock_forward(array.network(), parameters, running, x, true);
          at::cross_entropy_loss(expected, labels()).backward();
          EXPECT_LE(difference(logits[member], expected.detach()), tolerance) << chosen.name;
          for (std::size_t i = 0; i < parameters.size(); ++i) {
            const Slot slot = array.slot(static_cast<int>(i));
            EXPECT_LE(difference(slot.gradient[member], parameters[i].grad()), tolerance)
                << chosen.name << " " << array.network().parameters[i].name << " F=" << members;
          }
          for (std::size_t i = 0; i < running.size(); ++i) {
            const Parameter& place = array.network().buffers[i];
            EXPECT_LE(difference(array.buffers()[member].narrow(0, place.offset, place.count),
                                 running[i]),
                      tolerance)
                << chosen.name << " " << place.name;
          }
        }
      }
    }
  }
}

TEST(Array, EvaluationUsesTheRunningStatistics) {
  for (std::string_view name : {"batch norm of images", "norms of features"}) {
    Array array = make(find(name), seeds(3));
    const at::Tensor x = inputs(find(name));
    run(array, x, seeds(3));
    const at::Tensor logits = array.forward(x, {});
    for (std::int64_t member = 0; member < 3; ++member) {
      std::vector<at::Tensor> running;
      for (const Parameter& place : array.network().buffers)
        running.push_back(array.buffers()[member].narrow(0, place.offset, place.count));
      const at::Tensor expected = testing::stock_forward(
          array.network(), testing::leaves(array, member), running, x, false);
      EXPECT_LE(difference(logits[member], expected.detach()), 1e-9) << name;
    }
  }
}

TEST(Array, SinglePrecisionStaysWithinItsOwn) {
  for (const Case& chosen : cases()) {
    for (const Way& way : kWays) {
      for (std::int64_t members : {1, 2}) {
        Array array = make(chosen, seeds(members), way, at::kFloat);
        Array exact = make(chosen, seeds(members));
        const at::Tensor logits = run(array, inputs(chosen).to(at::kFloat), seeds(members));
        const at::Tensor expected = run(exact, inputs(chosen), seeds(members));
        EXPECT_LE(difference(logits.to(at::kDouble), expected), 1e-4) << chosen.name;
        EXPECT_LE(difference(array.gradients().to(at::kDouble), exact.gradients()), 1e-3)
            << chosen.name;
      }
    }
  }
}

TEST(Array, ABrokenMemberLeavesTheOthersBitForBit) {
  for (const Case& chosen : cases()) {
    for (const Way& way : kWays) {
      Array array = make(chosen, seeds(3), way);
      const at::Tensor before = run(array, inputs(chosen), seeds(3)).clone();
      const at::Tensor gradients = array.gradients().clone();
      Array broken = make(chosen, seeds(3), way);
      broken.parameters()[1].fill_(std::nan(""));
      const at::Tensor after = run(broken, inputs(chosen), seeds(3));
      for (std::int64_t member : {0, 2}) {
        EXPECT_TRUE(at::equal(after[member], before[member])) << chosen.name;
        EXPECT_TRUE(at::equal(broken.gradients()[member], gradients[member])) << chosen.name;
      }
      EXPECT_TRUE(after[1].isnan().all().item<bool>()) << chosen.name;
    }
  }
}

TEST(Array, MembersMayStandInAnyOrder) {
  for (const Case& chosen : cases()) {
    Array array = make(chosen, {7, 8, 9});
    Array other = make(chosen, {9, 7, 8});
    const at::Tensor order = at::tensor({2, 0, 1});
    const at::Tensor logits = run(array, inputs(chosen), {7, 8, 9});
    const at::Tensor moved = run(other, inputs(chosen), {9, 7, 8});
    EXPECT_LE(difference(moved, logits.index_select(0, order)), 1e-12) << chosen.name;
    EXPECT_LE(difference(other.gradients(), array.gradients().index_select(0, order)), 1e-12)
        << chosen.name;
  }
}

TEST(Array, AMemberStartsAsItWouldAlone) {
  Array array = make(find("residuals"), {5, 6});
  Array alone = make(find("residuals"), {6});
  EXPECT_TRUE(at::equal(array.parameters()[1], alone.parameters()[0]));
  EXPECT_FALSE(at::equal(array.parameters()[1], array.parameters()[0]));
}

TEST(Array, AMembersGradientIsTheOneItHasAlone) {
  const Case& chosen = find("mlp");
  Array array = make(chosen, seeds(4));
  Array alone = make(chosen, {seeds(4)[2]});
  run(array, inputs(chosen), seeds(4));
  run(alone, inputs(chosen), {seeds(4)[2]});
  EXPECT_LE(difference(array.gradients()[2], alone.gradients()[0]), 1e-10);
  // The mean over members instead of the sum would be caught.
  EXPECT_GT(difference(array.gradients()[2] / 4, alone.gradients()[0]), 1e-10);
}

TEST(Array, DropoutMasksFollowTheTrialNotItsPlace) {
  const Case chosen{"dropout",
                    R"({"layers": [{"dropout": 0.3}, {"linear": 20}, "relu", {"dropout": 0.5},
                        {"linear": "outputs"}]})",
                    {{7}}};
  Array array = make(chosen, {3, 4, 5});
  Array alone = make(chosen, {4});
  const at::Tensor x = inputs(chosen);
  const std::vector<std::uint64_t> all = {3, 4, 5};
  const std::vector<std::uint64_t> one = {4};
  const auto step = [&](Array& which, const std::vector<std::uint64_t>& of, std::int64_t number) {
    return which.forward(x, {.training = true, .seeds = of, .step = number}).clone();
  };
  const at::Tensor logits = step(array, all, 11);
  EXPECT_LE(difference(logits[1], step(alone, one, 11)[0]), 1e-12);
  EXPECT_GT(difference(logits[1], step(alone, one, 12)[0]), 1e-3);
  EXPECT_GT(difference(logits[1], array.forward(x, {})[1]), 1e-3);
}

TEST(Array, EveryMemberDropsAsMuchAsItIsTo) {
  const Case chosen{"dropout",
                    R"({"layers": [{"linear": 20}, {"dropout": 0.3}, {"linear": 20},
                        {"dropout": 0.3}, {"linear": "outputs"}]})",
                    {{7}}};
  Array array = make(chosen, {3, 4, 5});
  const at::Tensor x = inputs(chosen);
  const std::vector<std::uint64_t> all = {3, 4, 5};
  const std::vector<std::vector<double>> parts = {{0, 0}, {0.3, 0.3}, {0.5, 0}};
  const at::Tensor logits =
      array.forward(x, {.training = true, .seeds = all, .step = 1, .dropout = parts}).clone();
  const at::Tensor even = array.forward(x, {.training = true, .seeds = all, .step = 1}).clone();
  const at::Tensor plain = array.forward(x, {});
  EXPECT_LE(difference(logits[0], plain[0]), 1e-12);
  EXPECT_LE(difference(logits[1], even[1]), 1e-12);
  EXPECT_GT(difference(logits[2], even[2]), 1e-3);
  EXPECT_GT(difference(logits[2], plain[2]), 1e-3);
}

/// Trains `members` for fifty steps and returns every member's losses.
std::vector<std::vector<double>> train(const Case& chosen, OptimizerKind kind,
                                       const std::vector<std::uint64_t>& of,
                                       const std::vector<MemberOptions>& options) {
  Array array = make(chosen, of);
  Optimizer optimizer(kind, array.parameters());
  std::vector<std::vector<double>> losses(of.size());
  for (int step = 0; step < 50; ++step) {
    const at::Tensor x = at::roll(inputs(chosen), step % 3, 0);
    Totals totals = Totals::zero(array.members(), c10::kCPU);
    at::Tensor gradient;
    add_loss(array.forward(x, {.training = true, .seeds = of, .step = step}), labels(), {}, totals,
             &gradient);
    array.backward(gradient);
    std::vector<MemberOptions> now = options;
    for (MemberOptions& member : now) member.lr *= 1 - 0.01 * step;
    at::Tensor parameters = array.parameters();
    optimizer.step(now, parameters, array.gradients());
    for (std::size_t i = 0; i < of.size(); ++i)
      losses[i].push_back(totals.loss[static_cast<std::int64_t>(i)].item<double>());
  }
  return losses;
}

TEST(Array, FiftyStepsWithDifferentOptionsEqualSoloTrainings) {
  const std::vector<MemberOptions> options = {
      {.lr = 0.05, .momentum = 0.9, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-4},
      {.lr = 0.01, .momentum = 0, .weight_decay = 0.1},
      {.lr = 0.02, .momentum = 0.5, .dampening = 0.2, .beta1 = 0.5, .weight_decay = 0.01},
      {.lr = 0.03, .momentum = 0.7, .beta2 = 0.9, .eps = 1e-6, .clip_norm = 0.1, .nesterov = true}};
  for (std::string_view name : {"norms of features", "residuals", "convolution, relu, pool"}) {
    for (OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdamW}) {
      const auto fused = train(find(name), kind, seeds(4), options);
      for (std::size_t i = 0; i < 4; ++i) {
        const auto solo = train(find(name), kind, {seeds(4)[i]}, {options[i]});
        EXPECT_LT(solo[0].back(), solo[0].front()) << name;
        for (std::size_t step = 0; step < 50; ++step)
          ASSERT_NEAR(fused[i][step], solo[0][step], 1e-8) << name << " member " << i;
      }
    }
  }
}

}  // namespace
}  // namespace clavier::train
