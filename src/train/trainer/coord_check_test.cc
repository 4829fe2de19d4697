#include "train/trainer/coord_check.h"

#include <algorithm>
#include <cmath>

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "train/spec/data_table.h"

namespace clavier::train {
namespace {

/// The steepest slope of what any layer has changed by at the end.
double steepest(const std::string& trainer) {
  const c10::InferenceMode no_graph;
  const auto spec = parse_trainer("{" + trainer + "}");
  EXPECT_TRUE(spec.ok()) << spec.error().message;
  const auto data = data::load_dataset(data_of(*spec).value(), {});
  EXPECT_TRUE(data.ok()) << data.error().message;
  const Samples samples = to_device(*data, at::kFloat, c10::kCPU);
  const auto found =
      check_coordinates(*spec, samples, c10::kCPU, {.scales = {16, 8, 4, 2, 1}, .steps = 4});
  EXPECT_TRUE(found.ok()) << found.error().message;
  double most = 0;
  for (const Coordinates& row : *found)
    if (row.step == 4) most = std::max(most, std::abs(row.slope));
  return most;
}

constexpr const char* kImages =
    R"("data": {"source": "synthetic", "synthetic": {"shape": [1, 12, 12], "classes": 10,
       "train": 256, "validation": 16}}, "batch_size": 64)";

std::string mlp(const char* optimizer, const char* parametrization) {
  return std::string(kImages) + R"(, "model": {"name": "mlp", "hidden": 512, "depth": 3},
      "optimizer": ")" +
         optimizer + R"(", "parametrization": ")" + parametrization + "\", " +
         (std::string(optimizer) == "sgd" ? R"("lr": 0.1, "momentum": 0.9)" : R"("lr": 0.003)");
}

TEST(CoordinateCheck, OfAPerceptronIsFlatWithMupAndSteepWithout) {
  for (const char* optimizer : {"sgd", "adam"}) {
    EXPECT_LT(steepest(mlp(optimizer, "mup")), 0.2) << optimizer;
    EXPECT_GT(steepest(mlp(optimizer, "standard")), 0.3) << optimizer;
  }
}

TEST(CoordinateCheck, SoItIsOfConvolutionsWithNorms) {
  const auto cnn = [](const char* parametrization) {
    return std::string(kImages) + R"(, "model": {"name": "cnn", "channels": 32, "depth": 2},
        "optimizer": "adam", "lr": 0.003, "parametrization": ")" +
           parametrization + "\"";
  };
  EXPECT_LT(steepest(cnn("mup")), 0.2);
  EXPECT_GT(steepest(cnn("standard")), 0.3);
}

}  // namespace
}  // namespace clavier::train
