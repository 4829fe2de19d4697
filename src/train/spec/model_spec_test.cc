#include "train/spec/model_spec.h"

#include <gtest/gtest.h>

namespace clavier::train {
namespace {

constexpr const char* kOwn = R"({"channels": 8, "drop": 0.2, "layers": [
  {"conv2d": "channels", "kernel": 3, "padding": 1, "name": "stem", "bias": false}, "batch_norm",
  {"residual": [{"conv2d": "channels", "kernel": 1}], "shortcut": ["relu"]}, {"max_pool": 2},
  "flatten", {"dropout": "drop"}, {"linear": "outputs"}]})";

std::string refusal(std::string_view json) {
  const auto spec = parse_model(json);
  return spec.ok() ? "accepted" : spec.error().message;
}

TEST(ModelSpec, AUsersLayersTakeTheirNumbersFromOptions) {
  auto spec = parse_model(kOwn);
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  ASSERT_TRUE(set_option(*spec, "channels", 12).ok());
  const auto layers = layers_of(*spec, 5);
  ASSERT_TRUE(layers.ok()) << layers.error().message;
  ASSERT_EQ(layers->size(), 7u);
  EXPECT_EQ(layers->at(0).out, 12);
  EXPECT_EQ(layers->at(0).name, "stem");
  EXPECT_FALSE(layers->at(0).bias);
  EXPECT_EQ(layers->at(2).body.at(0).out, 12);
  EXPECT_EQ(layers->at(2).shortcut.at(0).kind, LayerKind::kRelu);
  EXPECT_EQ(layers->at(3).stride, 2);
  EXPECT_EQ(layers->at(5).probability, 0.2);
  EXPECT_EQ(layers->at(6).out, 5);
}

TEST(ModelSpec, TheTextReadsBackEqual) {
  for (const char* text : {"\"net\"", "\"mlp\"", "\"cnn\"", "\"resnet50\"", kOwn}) {
    const auto spec = parse_model(text);
    ASSERT_TRUE(spec.ok()) << spec.error().message;
    const auto again = parse_model(to_text(to_json(*spec)));
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(*again, *spec);
  }
}

TEST(ModelSpec, AnOptionOutsideItsRangeLeavesTheModelAsItWas) {
  auto spec = parse_model(kOwn);
  ASSERT_TRUE(spec.ok());
  const ModelSpec before = *spec;
  EXPECT_FALSE(set_option(*spec, "channels", 0).ok());
  EXPECT_FALSE(set_option(*spec, "channels", "many").ok());
  EXPECT_EQ(*spec, before);
}

TEST(ModelSpec, MistakesInLayersNameTheirPlace) {
  EXPECT_EQ(refusal(R"({"layers": ["relu", "rellu"]})"),
            "trainer.model.layers[1]: there is no layer 'rellu'; did you mean \"relu\"?");
  EXPECT_EQ(refusal(R"({"layers": [{"conv2d": 8}]})"),
            "trainer.model.layers[0] (conv2d) needs a kernel, as in {conv2d = 16, kernel = 3}");
  EXPECT_EQ(refusal(R"({"layers": [{"linear": 8, "biass": true}]})"),
            "trainer.model.layers[0] (linear) has no key 'biass'; did you mean \"bias\"?");
  EXPECT_EQ(refusal(R"({"layers": [{"linear": "width"}]})"),
            "trainer.model.layers[0] (linear): there is no number 'width': add it beside `layers` "
            "with a default");
  EXPECT_EQ(refusal(R"({"layers": [{"dropout": 1}]})"),
            "trainer.model.layers[0] (dropout) must be at least 0 and below 1, but is 1");
  EXPECT_EQ(refusal(R"({"spare": 1, "layers": ["relu"]})"),
            "trainer.model.spare is not used by any layer");
}

TEST(ModelSpec, EndlessNestingIsRefused) {
  std::string text = "\"relu\"";
  for (int i = 0; i < 12; ++i) text = R"({"residual": [)" + text + "]}";
  EXPECT_NE(refusal(R"({"layers": [)" + text + "]}").find("nested too deeply"), std::string::npos);
}

}  // namespace
}  // namespace clavier::train
