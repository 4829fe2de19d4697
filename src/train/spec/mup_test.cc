#include "train/spec/mup.h"

#include <cmath>

#include <gtest/gtest.h>

namespace clavier::train {
namespace {

ScaledNetwork network(const std::string& trainer, const Shape& input = {{64}}) {
  const auto spec = parse_trainer("{" + trainer + "}");
  EXPECT_TRUE(spec.ok()) << spec.error().message;
  auto scaled = network_of(*spec, input, 10);
  EXPECT_TRUE(scaled.ok()) << scaled.error().message;
  return *std::move(scaled);
}

std::string refusal(const std::string& trainer, const Shape& input) {
  const auto scaled = network_of(parse_trainer("{" + trainer + "}").value(), input, 10);
  return scaled.ok() ? "accepted" : scaled.error().message;
}

constexpr const char* kMlp = R"("model": {"name": "mlp", "hidden": 128, "depth": 2})";
constexpr const char* kNarrow = R"(, "scale": 4, "parametrization": "mup")";

TEST(Mup, EveryWidthButThoseOfTheDataIsDividedAndRounded) {
  const auto net = network(R"("model": "net", "scale": 5)", {{3, 32, 32}}).network;
  EXPECT_EQ(net.parameters[0].sizes, (std::vector<std::int64_t>{1, 3, 5, 5}));  // Of 6.
  EXPECT_EQ(net.parameters[2].sizes, (std::vector<std::int64_t>{3, 1, 5, 5}));  // Of 16.
  EXPECT_EQ(net.parameters[8].sizes, (std::vector<std::int64_t>{10, 17}));      // Of 84.
  EXPECT_EQ(refusal(R"("model": "net", "scale": 16)", {{3, 32, 32}}),
            "trainer.scale = 16 leaves nothing of layer 'conv1', which is 6 wide");
}

TEST(Mup, AResidualNetworkStaysWhole) {
  const auto whole = network(R"("model": {"name": "resnet50", "stem": "cifar"})", {{3, 32, 32}});
  const auto narrow =
      network(R"("model": {"name": "resnet50", "stem": "cifar"}, "scale": 3)", {{3, 32, 32}});
  EXPECT_EQ(narrow.network.parameters.size(), whole.network.parameters.size());
  EXPECT_LT(narrow.network.parameter_count * 8, whole.network.parameter_count);
}

TEST(Mup, AtScaleOneNothingDiffersFromTheStandard) {
  const auto standard = network(kMlp),
             mup = network(std::string(kMlp) + R"(, "parametrization": "mup")");
  EXPECT_EQ(mup.rates, std::vector<double>());
  for (std::size_t i = 0; i < standard.network.parameters.size(); ++i)
    EXPECT_EQ(mup.network.parameters[i].bound, standard.network.parameters[i].bound);
}

/// fc1 64 → 32, fc2 32 → 32, readout 32 → 10, each with a bias; at scale 1 of 128.
TEST(Mup, RatesAndDrawsFollowTheTableByClassOfTensor) {
  const auto sgd = network(std::string(kMlp) + kNarrow);
  EXPECT_EQ(sgd.rates, (std::vector<double>{0.25, 0.25, 1, 0.25, 4, 1}));
  const auto adam = network(std::string(kMlp) + kNarrow + R"(, "optimizer": "adam")");
  EXPECT_EQ(adam.rates, (std::vector<double>{1, 1, 4, 1, 4, 1}));
  const auto target = network(kMlp).network;
  const double factors[] = {1, 1, 2, 1, 4, 1};
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_DOUBLE_EQ(sgd.network.parameters[i].bound, target.parameters[i].bound * factors[i]) << i;
}

TEST(Mup, ConvolutionsNormsAndADrawByFanOutFollowIt) {
  const std::string resnet = R"("model": {"name": "resnet18", "stem": "cifar"})";
  const auto narrow = network(resnet + kNarrow, {{3, 32, 32}});
  const auto target = network(resnet, {{3, 32, 32}}).network;
  const auto at = [&](std::string_view name) {
    for (std::size_t i = 0; i < target.parameters.size(); ++i)
      if (target.parameters[i].name == name) return i;
    ADD_FAILURE() << name;
    return std::size_t{0};
  };
  const auto drawn = [&](std::size_t i) {
    return narrow.network.parameters[i].deviation / target.parameters[i].deviation;
  };
  EXPECT_DOUBLE_EQ(narrow.rates[at("conv1.weight")], 0.25);
  EXPECT_DOUBLE_EQ(drawn(at("conv1.weight")), 1);
  EXPECT_DOUBLE_EQ(narrow.rates[at("layer1.0.conv1.weight")], 1);
  EXPECT_DOUBLE_EQ(drawn(at("layer1.0.conv1.weight")), 2);
  EXPECT_DOUBLE_EQ(narrow.rates[at("layer1.0.bn1.weight")], 0.25);
  EXPECT_DOUBLE_EQ(narrow.rates[at("fc.weight")], 4);
}

}  // namespace
}  // namespace clavier::train
