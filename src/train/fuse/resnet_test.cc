#include <cmath>
#include <ostream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/networks.h"
#include "train/fuse/array.h"
#include "train/fuse/loss.h"

namespace clavier::train {
namespace {

using testing::Case;
using testing::difference;

const Case kNets[] = {
    {"resnet18 cifar", R"({"name": "resnet18", "stem": "cifar", "width": 0.0625})", {{3, 16, 16}}},
    {"resnet18 imagenet", R"({"name": "resnet18", "width": 0.0625})", {{3, 40, 40}}},
    {"resnet50 cifar", R"({"name": "resnet50", "stem": "cifar", "width": 0.0625})", {{3, 16, 16}}},
    {"resnet50 imagenet", R"({"name": "resnet50", "width": 0.0625})", {{3, 40, 40}}}};

at::Tensor images(const Case& chosen) {
  const at::Tensor numbers = at::arange(6 * chosen.input.count(), at::kDouble);
  return at::sin((numbers * numbers).remainder(97))
      .view({6, chosen.input.sizes[0], chosen.input.sizes[1], chosen.input.sizes[2]});
}

at::Tensor labels() { return at::arange(6, at::kLong) % 4; }

/// Member 0 as bench/peers/torchvision_resnet.py fills torchvision's model; others differ.
void fill(Array& array) {
  for (std::size_t i = 0; i < array.network().parameters.size(); ++i) {
    const Parameter& place = array.network().parameters[i];
    for (std::int64_t member = 0; member < array.members(); ++member) {
      const at::Tensor wave = at::sin(at::arange(place.count, at::kDouble) * 0.7 +
                                      static_cast<double>(i) + static_cast<double>(member));
      array.parameters()[member]
          .narrow(0, place.offset, place.count)
          .copy_(wave * 0.2 + place.value);
    }
  }
}

double run(Array& array, const at::Tensor& x) {
  Totals totals = Totals::zero(array.members(), c10::kCPU);
  at::Tensor gradient;
  add_loss(array.forward(x, {.training = true}), labels(), {}, totals, &gradient);
  array.backward(gradient);
  return totals.loss[0].item<double>() / 6;
}

double gradient_of(const Array& array, std::string_view name) {
  for (std::size_t i = 0; i < array.network().parameters.size(); ++i)
    if (array.network().parameters[i].name == name)
      return array.slot(static_cast<int>(i)).gradient[0].abs().sum().item<double>();
  return std::nan("");
}

/// What torchvision_resnet.py printed: loss in training, Σ|gradient| of three parameters, loss in
/// evaluation after that one pass.
struct Figures {
  double loss, first, middle, last, evaluated;
};
constexpr Figures kTorchvision[] = {
    {1.60002274907, 24.1419840493, 8.93416418487, 16.5294385379, 11019.3003201},
    {1.56744848062, 70.2057949194, 13.8767840994, 12.9840877326, 11178.1333334},
    {2.06923022344, 3352.03039983, 232.013442798, 142.754257604, 2.5512737003},
    {1.88024598294, 1101.85795273, 382.155866268, 155.57030954, 2.4204475739}};

TEST(ResNetArray, EqualsTorchvisionsForwardBackwardAndInEvaluation) {
  for (std::size_t i = 0; i < std::size(kNets); ++i) {
    for (const testing::Way& way : testing::kWays) {
      for (std::int64_t members : {1, 2}) {
        SCOPED_TRACE(kNets[i].name);
        Array array(testing::network_of(kNets[i]), members,
                    {.dtype = at::kDouble, .kernels = way.kernels, .plan = way.plan});
        fill(array);
        const at::Tensor x = images(kNets[i]);
        const Figures& expected = kTorchvision[i];
        const auto near = [](double value, double wanted) {
          EXPECT_NEAR(value / wanted, 1, 1e-7) << wanted;
        };
        near(run(array, x), expected.loss);
        near(gradient_of(array, "conv1.weight"), expected.first);
        near(gradient_of(array, "layer4.0.downsample.0.weight"), expected.middle);
        near(gradient_of(array, "fc.weight"), expected.last);
        Totals totals = Totals::zero(members, c10::kCPU);
        add_loss(array.forward(x, {}), labels(), {}, totals);
        near(totals.loss[0].item<double>() / 6, expected.evaluated);
      }
    }
  }
}

TEST(ResNetArray, EveryMemberEqualsStockOperators) {
  for (const Case& chosen : kNets) {
    SCOPED_TRACE(chosen.name);
    Array array(testing::network_of(chosen), 3, {.dtype = at::kDouble});
    array.initialise(std::vector<std::uint64_t>{4, 5, 6});
    const at::Tensor x = images(chosen);
    run(array, x);
    for (std::int64_t member = 0; member < 3; ++member) {
      const auto parameters = testing::leaves(array, member);
      auto running = testing::fresh_running(array.network(), at::kDouble);
      const at::Tensor logits =
          testing::stock_forward(array.network(), parameters, running, x, true);
      at::cross_entropy_loss(logits, labels()).backward();
      for (std::size_t i = 0; i < parameters.size(); ++i)
        EXPECT_LE(
            difference(array.slot(static_cast<int>(i)).gradient[member], parameters[i].grad()),
            1e-7)
            << array.network().parameters[i].name;
      for (std::size_t i = 0; i < running.size(); ++i) {
        const Parameter& place = array.network().buffers[i];
        EXPECT_LE(
            difference(array.buffers()[member].narrow(0, place.offset, place.count), running[i]),
            1e-9)
            << place.name;
      }
    }
  }
}

TEST(ResNetArray, ConvolutionsStartWithTheirDeviation) {
  Array array(testing::network_of(kNets[0]), 1, {});
  array.initialise(std::vector<std::uint64_t>{3});
  for (std::size_t i = 0; i < array.network().parameters.size(); ++i) {
    const Parameter& place = array.network().parameters[i];
    if (place.count < 2000 || place.deviation == 0) continue;
    const at::Tensor drawn = array.slot(static_cast<int>(i)).value[0];
    EXPECT_NEAR(drawn.std().item<double>() / place.deviation, 1, 0.1) << place.name;
    EXPECT_GT(drawn.abs().max().item<double>(), 2.5 * place.deviation) << place.name;
  }
}

}  // namespace
}  // namespace clavier::train
