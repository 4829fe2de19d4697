#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>

#include "tests/support/networks.h"
#include "train/fuse/loss.h"
#include "train/fuse/optimizer.h"

namespace clavier::train {
namespace {

using testing::difference;

at::Tensor wave(at::IntArrayRef sizes, double speed) {
  return at::sin(at::arange(c10::multiply_integers(sizes), at::kDouble) * speed).view(sizes) * 3;
}

TEST(Loss, CrossEntropyEqualsTheStockLossForEveryMember) {
  const at::Tensor labels = at::tensor({2, 0, 1, 4, 4}, at::kLong);
  const std::vector<double> smoothing = {0, 0.1, 0.3};
  for (Kernels kernels : {Kernels::kOwn, Kernels::kLibrary}) {
    at::Tensor logits = wave({3, 5, 5}, 1.3);
    Totals totals = Totals::zero(3, c10::kCPU);
    at::Tensor gradient;
    add_loss(logits, labels, {.smoothing = smoothing, .kernels = kernels}, totals, &gradient);
    for (std::int64_t member = 0; member < 3; ++member) {
      const at::Tensor own = logits[member].clone().requires_grad_(true);
      const at::Tensor loss = at::cross_entropy_loss(own, labels, {}, at::Reduction::Mean, -100,
                                                     smoothing[static_cast<std::size_t>(member)]);
      loss.backward();
      EXPECT_NEAR(totals.loss[member].item<double>() / 5, loss.item<double>(), 1e-12);
      EXPECT_LE(difference(gradient[member], own.grad()), 1e-12);
      EXPECT_EQ(totals.correct[member].item<double>(),
                own.argmax(1).eq(labels).sum().item<double>());
    }
  }
}

TEST(Loss, ANumberThatIsNoneIsNeverCorrect) {
  for (Kernels kernels : {Kernels::kOwn, Kernels::kLibrary}) {
    at::Tensor logits = at::full({1, 2, 3}, std::nan(""), at::kDouble);
    Totals totals = Totals::zero(1, c10::kCPU);
    add_loss(logits, at::zeros({2}, at::kLong), {.kernels = kernels}, totals);
    EXPECT_EQ(totals.correct[0].item<double>(), 0);
    EXPECT_TRUE(std::isnan(totals.loss[0].item<double>()));
  }
}

TEST(Loss, SquaredErrorEqualsTheStockLoss) {
  const at::Tensor logits = wave({2, 4, 3}, 0.7);
  const at::Tensor targets = wave({4, 3}, 2.1);
  Totals totals = Totals::zero(2, c10::kCPU);
  at::Tensor gradient;
  add_loss(logits, targets, {.kind = LossKind::kMse}, totals, &gradient);
  for (std::int64_t member = 0; member < 2; ++member) {
    const at::Tensor own = logits[member].clone().requires_grad_(true);
    const at::Tensor loss = at::mse_loss(own, targets);
    loss.backward();
    EXPECT_NEAR(totals.loss[member].item<double>() / 4, loss.item<double>(), 1e-12);
    EXPECT_LE(difference(gradient[member], own.grad()), 1e-12);
  }
}

/// Twenty steps on a bowl; both kernels and the stock optimizer must go the same way.
template <typename Stock, typename StockOptions>
void compare(OptimizerKind kind, bool nesterov, const MemberOptions& options,
             const StockOptions& stock_options) {
  for (Kernels kernels : {Kernels::kOwn, Kernels::kLibrary}) {
    at::Tensor ours = wave({2, 33}, 0.9);
    at::Tensor theirs = ours[1].clone().requires_grad_(true);
    Optimizer optimizer(kind, ours, kernels);
    Stock stock({theirs}, stock_options);
    MemberOptions own = options;
    own.nesterov = nesterov;
    MemberOptions other = options;
    other.lr *= 3;  // The neighbour goes elsewhere.
    const at::Tensor slope = wave({33}, 0.4).abs() + 0.1;
    for (int step = 0; step < 20; ++step) {
      const at::Tensor gradients = ours * slope + 0.1 * step;
      theirs.mutable_grad() = theirs.detach() * slope + 0.1 * step;
      const std::vector<MemberOptions> both = {other, own};
      optimizer.step(both, ours, gradients);
      stock.step();
      ASSERT_LE(difference(ours[1], theirs.detach()), 1e-10) << "step " << step;
    }
    EXPECT_GT(difference(ours[0], ours[1]), 1e-3);
  }
}

TEST(Optimizer, SgdEqualsTheStockOne) {
  for (double momentum : {0.0, 0.9}) {
    for (double decay : {0.0, 0.02}) {
      const MemberOptions options{.lr = 0.05, .momentum = momentum, .weight_decay = decay};
      compare<torch::optim::SGD>(
          OptimizerKind::kSgd, false, options,
          torch::optim::SGDOptions(0.05).momentum(momentum).weight_decay(decay));
    }
  }
}

TEST(Optimizer, SgdWithDampeningAndWithNesterovEqualsTheStockOne) {
  compare<torch::optim::SGD>(OptimizerKind::kSgd, false,
                             {.lr = 0.05, .momentum = 0.8, .dampening = 0.3},
                             torch::optim::SGDOptions(0.05).momentum(0.8).dampening(0.3));
  compare<torch::optim::SGD>(
      OptimizerKind::kSgd, true, {.lr = 0.05, .momentum = 0.8, .weight_decay = 0.01},
      torch::optim::SGDOptions(0.05).momentum(0.8).weight_decay(0.01).nesterov(true));
}

TEST(Optimizer, AdamAndAdamWEqualTheStockOnes) {
  const MemberOptions options{
      .lr = 0.02, .beta1 = 0.8, .beta2 = 0.97, .eps = 1e-6, .weight_decay = 0.05};
  compare<torch::optim::Adam>(
      OptimizerKind::kAdam, false, options,
      torch::optim::AdamOptions(0.02).betas({0.8, 0.97}).eps(1e-6).weight_decay(0.05));
  compare<torch::optim::AdamW>(
      OptimizerKind::kAdamW, false, options,
      torch::optim::AdamWOptions(0.02).betas({0.8, 0.97}).eps(1e-6).weight_decay(0.05));
}

/// As two groups of the stock optimizer, whose rates are multiplied and decays divided.
TEST(Optimizer, ParametersWithRatesOfTheirOwnAreGroups) {
  const std::vector<Stretch> stretches = {{0, 13, 1}, {13, 20, 0.25}};
  const MemberOptions options{.lr = 0.05, .momentum = 0.8, .weight_decay = 0.04};
  for (Kernels kernels : {Kernels::kOwn, Kernels::kLibrary}) {
    for (const auto kind : {OptimizerKind::kSgd, OptimizerKind::kAdam, OptimizerKind::kAdamW}) {
      at::Tensor whole = wave({1, 33}, 0.9);
      Optimizer optimizer(kind, whole, kernels, stretches);
      std::vector<at::Tensor> parts;
      std::vector<Optimizer> alone;
      std::vector<MemberOptions> own;
      for (const Stretch& each : stretches) {
        parts.push_back(whole.narrow(1, each.begin, each.count).clone());
        alone.emplace_back(kind, parts.back(), kernels);
        own.push_back(options);
        own.back().lr *= each.rate;
        own.back().weight_decay /= each.rate;
      }
      for (int step = 0; step < 5; ++step) {
        const at::Tensor gradients = whole * 0.7 + 0.1 * step;
        for (std::size_t i = 0; i < parts.size(); ++i)
          alone[i].step({&own[i], 1}, parts[i], parts[i] * 0.7 + 0.1 * step);
        optimizer.step({&options, 1}, whole, gradients);
      }
      EXPECT_LE(difference(whole, at::cat(parts, 1)), 1e-12);
      EXPECT_GT(difference(whole, wave({1, 33}, 0.9)), 1e-3);
    }
  }
}

TEST(Optimizer, ClippingLimitsEachMembersOwnNorm) {
  for (Kernels kernels : {Kernels::kOwn, Kernels::kLibrary}) {
    at::Tensor weights = at::zeros({2, 4}, at::kDouble);
    Optimizer optimizer(OptimizerKind::kSgd, weights, kernels);
    const std::vector<MemberOptions> options = {{.lr = 1, .clip_norm = 1}, {.lr = 1}};
    optimizer.step(options, weights, at::full({2, 4}, 3.0, at::kDouble));
    EXPECT_NEAR(weights[0].norm().item<double>(), 1, 1e-6);
    EXPECT_NEAR(weights[1].norm().item<double>(), 6, 1e-12);
  }
}

}  // namespace
}  // namespace clavier::train
