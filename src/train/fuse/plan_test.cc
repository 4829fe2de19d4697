#include "train/fuse/plan.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "tests/support/networks.h"

namespace clavier::train {
namespace {

using testing::Case;
using testing::network_of;

const Case kResNet = {
    "resnet", R"({"name": "resnet18", "stem": "cifar", "width": 0.0625})", {{3, 8, 8}}};
const Case kMlp = {"mlp", R"("mlp")", {{7}}};
const Plan kAll = {Convolver::kLoops, Convolver::kProducts, Convolver::kLibrary};

/// Every look at it takes a second.
Seconds ticking() {
  return [now = 0.0]() mutable { return now += 1; };
}

TEST(Plan, SurvivesItsTextAndNothingElseDoes) {
  EXPECT_EQ(to_text(kAll), "loops products library");
  EXPECT_EQ(plan_from_text(to_text(kAll), 3), kAll);
  for (const char* text : {"", "loops products", "loops products fast", "loops loops loops loops"})
    EXPECT_TRUE(plan_from_text(text, 3).empty()) << text;
}

TEST(Plan, IsOfThePartThatHasImages) {
  const Network whole = network_of(kResNet);
  const Network part = image_part(whole);
  EXPECT_EQ(convolutions(part).size(), 20U);
  EXPECT_EQ(part.layers.back().spec.kind, LayerKind::kRelu);
  EXPECT_TRUE(image_part(network_of(kMlp)).layers.empty());
}

TEST(Plan, IsMeasuredWithABatchOfBoundedWork) {
  const Network small = network_of(kResNet);
  EXPECT_EQ(measured_batch(small, 5), 4);
  EXPECT_EQ(measured_batch(small, 1000), 64);
  const Network large = network_of({"", R"({"name": "resnet50", "stem": "cifar"})", {{3, 32, 32}}});
  EXPECT_LT(measured_batch(large, 1000), 64);
  EXPECT_GE(measured_batch(large, 1), 1);
}

TEST(Plan, NamesForEveryConvolutionSomethingThatCanBeDone) {
  const c10::InferenceMode no_graph;
  for (bool training : {true, false}) {
    for (std::int64_t members : {1, 2}) {
      const Network network = network_of(kResNet);
      const PlanQuestion question{.members = members, .batch = 2, .training = training};
      const Plan plan = fastest_plan(network, question, ticking());
      const auto layers = convolutions(network);
      ASSERT_EQ(plan.size(), layers.size());
      for (std::size_t i = 0; i < plan.size(); ++i)
        EXPECT_EQ(possible(*layers[i], plan[i], members), plan[i]);
    }
  }
  EXPECT_TRUE(fastest_plan(network_of(kMlp), {}, ticking()).empty());
}

}  // namespace
}  // namespace clavier::train
