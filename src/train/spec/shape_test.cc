#include "train/spec/shape.h"

#include <gtest/gtest.h>

#include "train/spec/model_spec.h"

namespace clavier::train {
namespace {

Result<Network> network(std::string_view model, Shape input, std::int64_t outputs = 10) {
  const ModelSpec spec = TRY(parse_model(model));
  const std::vector<LayerSpec> layers = TRY(layers_of(spec, outputs));
  return infer_shapes(layers, input, outputs);
}

std::string refusal(std::string_view model, Shape input, std::int64_t outputs = 10) {
  const auto result = network(model, std::move(input), outputs);
  return result.ok() ? "accepted" : result.error().message;
}

TEST(Shape, TheTutorialsNetworkHasItsParameters) {
  const auto net = network("\"net\"", {{3, 32, 32}});
  ASSERT_TRUE(net.ok()) << net.error().message;
  EXPECT_EQ(net->parameter_count, 62006);  // 456 + 2416 + 48120 + 10164 + 850
  EXPECT_EQ(net->parameters.front().name, "conv1.weight");
  EXPECT_EQ(net->parameters[4].sizes, (std::vector<std::int64_t>{120, 400}));
  EXPECT_NEAR(net->parameters[4].bound, 0.05, 1e-12);
}

TEST(Shape, EveryInputSizeThatFitsIsTaken) {
  const auto net = network("\"net\"", {{1, 28, 40}});
  ASSERT_TRUE(net.ok()) << net.error().message;
  EXPECT_EQ(net->parameters[4].sizes[1], 16 * 4 * 7);
}

TEST(Shape, TheLayerThatDoesNotFitIsNamed) {
  EXPECT_EQ(refusal("\"net\"", {{1, 8, 8}}),
            "layer 'conv2' (conv2d 5x5) gets 6x2x2 from an input of 1x8x8, which is too small for "
            "it: enlarge the images (trainer.image_size) or remove a layer");
  EXPECT_EQ(refusal("\"cnn\"", {{1, 4, 4}}).substr(0, 40),
            "layer 'max_pool3' (max_pool 2x2) gets 64");
  EXPECT_EQ(refusal("\"net\"", {{64}}), "layer 'conv1' (conv2d) needs an image, but gets 64");
}

TEST(Shape, WrongOutputsAndLayersAreRefused) {
  EXPECT_EQ(refusal(R"({"layers": [{"linear": 7}]})", {{4}}),
            "trainer.model: the last layer gives 7 but the data needs 10 outputs: end with "
            "{linear = \"outputs\"}");
  EXPECT_EQ(refusal(R"({"layers": [{"linear": "outputs"}]})", {{1, 2, 2}}),
            "layer 'linear1' (linear) gets an image of 1x2x2: put 'flatten' or 'global_avg_pool' "
            "before it");
  EXPECT_EQ(refusal(R"({"layers": [{"residual": [{"linear": 3}]}, {"linear": 10}]})", {{4}}),
            "layer 'residual1' (residual) adds 3 to 4: give it a `shortcut` that makes both equal");
}

TEST(Shape, WidthGrowsEverywhereButAtTheDataAndTheReadout) {
  const auto net = network("\"mlp\"", {{64}});
  ASSERT_TRUE(net.ok());
  const auto grows = [&](int index) {
    return std::pair(net->parameters[index].in_grows, net->parameters[index].out_grows);
  };
  EXPECT_EQ(grows(0), std::pair(false, true));   // input weight
  EXPECT_EQ(grows(1), std::pair(false, true));   // its bias: vector-like
  EXPECT_EQ(grows(2), std::pair(true, true));    // hidden weight
  EXPECT_EQ(grows(4), std::pair(true, false));   // readout weight
  EXPECT_EQ(grows(5), std::pair(false, false));  // readout bias: finite
}

}  // namespace
}  // namespace clavier::train
