#include "train/spec/resnet.h"

#include <gtest/gtest.h>

#include "train/spec/model_spec.h"
#include "train/spec/shape.h"

namespace clavier::train {
namespace {

Network network(std::string_view model, std::int64_t edge, std::int64_t outputs) {
  const auto spec = parse_model(model);
  EXPECT_TRUE(spec.ok()) << (spec.ok() ? "" : spec.error().message);
  auto result = infer_shapes(layers_of(*spec, outputs).value(), {{3, edge, edge}}, outputs);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return *std::move(result);
}

constexpr const char* kCifar18 = R"({"name": "resnet18", "stem": "cifar"})";
constexpr const char* kCifar50 = R"({"name": "resnet50", "stem": "cifar"})";

/// Counted on torchvision's models with the same number of classes.
TEST(ResNet, HasAsManyParametersAsTorchvisions) {
  const Network small = network("\"resnet18\"", 32, 10);
  EXPECT_EQ(small.parameter_count, 11181642);
  EXPECT_EQ(small.buffer_count, 9600);
  EXPECT_EQ(small.parameters.size(), 62u);
  const Network large = network("\"resnet50\"", 32, 100);
  EXPECT_EQ(large.parameter_count, 23712932);
  EXPECT_EQ(large.buffer_count, 53120);
  EXPECT_EQ(large.parameters.size(), 161u);
  EXPECT_EQ(network(kCifar18, 32, 10).parameter_count, 11173962);
  EXPECT_EQ(network(kCifar50, 32, 100).parameter_count, 23705252);
}

TEST(ResNet, TensorsHaveTorchvisionsNamesInItsOrder) {
  const Network net = network("\"resnet50\"", 32, 100);
  const auto name = [&](std::size_t i) { return net.parameters[i].name; };
  EXPECT_EQ(name(0), "conv1.weight");
  EXPECT_EQ(name(2), "bn1.bias");
  EXPECT_EQ(name(9), "layer1.0.conv3.weight");
  EXPECT_EQ(name(12), "layer1.0.downsample.0.weight");
  EXPECT_EQ(name(13), "layer1.0.downsample.1.weight");
  EXPECT_EQ(name(15), "layer1.1.conv1.weight");
  EXPECT_EQ(name(160), "fc.bias");
  EXPECT_EQ(net.buffers[0].name, "bn1.running_mean");
}

TEST(ResNet, TheStemForSmallImagesKeepsTheirSize) {
  EXPECT_EQ(network(kCifar18, 32, 10).layers[2].out.sizes, (std::vector<std::int64_t>{64, 32, 32}));
  const Network imagenet = network("\"resnet18\"", 224, 10);
  EXPECT_EQ(imagenet.layers[3].out.sizes, (std::vector<std::int64_t>{64, 56, 56}));
}

TEST(ResNet, WidthScalesEveryConvolution) {
  const Network net = network(R"({"name": "resnet18", "stem": "cifar", "width": 0.125})", 32, 10);
  EXPECT_EQ(net.parameters[0].sizes, (std::vector<std::int64_t>{8, 3, 3, 3}));
  EXPECT_EQ(net.parameters[60].sizes, (std::vector<std::int64_t>{10, 64}));
}

TEST(ResNet, ConvolutionsStartNormalByTheirFanOut) {
  const Network net = network(kCifar18, 32, 10);
  EXPECT_EQ(net.parameters[0].bound, 0);
  EXPECT_NEAR(net.parameters[0].deviation, 0.058925565, 1e-8);  // √(2 / (64 · 3 · 3))
  EXPECT_EQ(net.parameters[1].value, 1);
  EXPECT_NEAR(net.parameters[60].bound, 0.044194174, 1e-8);  // 1 / √512
}

TEST(ResNet, DataThatAreNoImageAreRefused) {
  const auto spec = parse_model(kCifar18);
  const auto result = infer_shapes(layers_of(*spec, 10).value(), {{64}}, 10);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message, "layer 'conv1' (conv2d) needs an image, but gets 64");
}

TEST(ResNet, AnOptionOutsideItsRangeIsRefused) {
  const auto stem = parse_model(R"({"name": "resnet18", "stem": "cifra"})");
  ASSERT_FALSE(stem.ok());
  EXPECT_EQ(stem.error().message,
            "trainer.model.stem must be one of imagenet, cifar, but is \"cifra\"");
  EXPECT_FALSE(parse_model(R"({"name": "resnet18", "width": 0})").ok());
}

}  // namespace
}  // namespace clavier::train
