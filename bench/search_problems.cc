#include "bench/search_problems.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <string_view>

#include "base/check.h"

namespace clavier::bench {
namespace {

double number(const Config& config, std::string_view name) {
  const Value* const value = config.find(name);
  CHECK(value != nullptr);
  return *value->number();
}
double number(const Config& config, char letter, int index) {
  return number(config, fmt::format("{}{}", letter, index));
}
const std::string& word(const Config& config, std::string_view name) {
  return *config.find(name)->as<std::string>();
}
double square(double x) { return x * x; }
/// Of a rate: how many powers of ten it is away.
double off(const Config& config, std::string_view name, double best) {
  return std::log10(number(config, name) / best);
}

/// x1 … xn.
Space box(int dimensions, double low, double high) {
  Space space;
  for (int i = 1; i <= dimensions; ++i)
    space.parameters.push_back({fmt::format("x{}", i), Real{low, high}});
  return space;
}

double branin(const Config& c) {
  const double x = number(c, 'x', 1), y = number(c, 'x', 2), pi = std::numbers::pi;
  return square(y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6) +
         10 * (1 - 1 / (8 * pi)) * std::cos(x) + 10;
}

double hartmann6(const Config& c) {
  constexpr double kA[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                               {0.05, 10, 17, 0.1, 8, 14},
                               {3, 3.5, 1.7, 10, 17, 8},
                               {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kP[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                               {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                               {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                               {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  constexpr double kAlpha[4] = {1, 1.2, 3, 3.2};
  double sum = 0;
  for (int i = 0; i < 4; ++i) {
    double inner = 0;
    for (int j = 0; j < 6; ++j) inner += kA[i][j] * square(number(c, 'x', j + 1) - kP[i][j]);
    sum -= kAlpha[i] * std::exp(-inner);
  }
  return sum;
}

double rosenbrock(const Config& c) {
  double sum = 0;
  for (int i = 1; i < 5; ++i) {
    const double x = number(c, 'x', i), next = number(c, 'x', i + 1);
    sum += 100 * square(next - x * x) + square(1 - x);
  }
  return sum;
}

double ackley(const Config& c) {
  constexpr int kDimensions = 8;
  double squares = 0, waves = 0;
  for (int i = 1; i <= kDimensions; ++i) {
    const double x = number(c, 'x', i);
    squares += x * x / kDimensions;
    waves += std::cos(2 * std::numbers::pi * x) / kDimensions;
  }
  return 20 + std::numbers::e - 20 * std::exp(-0.2 * std::sqrt(squares)) - std::exp(waves);
}

double styblinski_tang(const Config& c) {
  double sum = 0;
  for (int i = 1; i <= 4; ++i) {
    const double x = number(c, 'x', i);
    sum += (x * x * x * x - 16 * x * x + 5 * x) / 2;
  }
  return sum;
}

/// 16 of which few matter.
double wide(const Config& c) {
  double sum = 0;
  for (int i = 1; i <= 16; ++i) sum += square(number(c, 'x', i) - 0.1 * (i % 8)) / square(i);
  return sum;
}

/// A narrow valley: the rate that is best depends on the batch.
double rates(const Config& c) {
  const double lr = off(c, "lr", 3e-3), decay = off(c, "decay", 1e-4), eps = off(c, "eps", 1e-6);
  return square(lr + 0.5 * decay) + 0.2 * square(decay) + 0.02 * square(eps) +
         0.3 * std::max(0.0, lr);
}

double layers(const Config& c) {
  const double width = std::log2(number(c, "width") / 200), depth = number(c, "depth") - 7;
  const double heads = number(c, "heads") - 12, steps = (number(c, "steps") - 700) / 100;
  return square(width) + 0.1 * square(depth + width) + 0.05 * square(heads) +
         0.02 * square(steps - depth);
}

double categories(const Config& c) {
  constexpr double kCost[6][5] = {{3, 1, 0, 2, 4}, {0, 2, 1, 4, 3}, {2, 4, 3, 1, 0},
                                  {1, 0, 2, 3, 4}, {4, 3, 0, 1, 2}, {2, 0, 4, 1, 3}};
  double sum = 0;
  std::array<int, 6> chosen{};
  for (int i = 0; i < 6; ++i) {
    chosen[static_cast<std::size_t>(i)] = word(c, fmt::format("c{}", i + 1))[0] - 'a';
    sum += kCost[i][chosen[static_cast<std::size_t>(i)]];
  }
  if (chosen[0] == 2 && chosen[1] != 0) sum += 2;
  if (chosen[2] == 4 && chosen[5] == 1) sum -= 1;
  return sum;
}

double optimizer(const Config& c) {
  const std::string& kind = word(c, "optimizer");
  if (kind == "sgd")
    return 0.1 + square(off(c, "sgd_lr", 0.1)) + 4 * square(number(c, "momentum") - 0.9);
  if (kind == "adam")
    return square(off(c, "adam_lr", 1e-3)) + 2 * square(number(c, "beta") - 0.9) +
           0.1 * square(number(c, "dropout") - 0.3);
  return 0.3 + square(off(c, "rms_lr", 1e-2));
}

double pipeline(const Config& c) {
  const double scale = word(c, "scale") == "standard" ? 0 : 0.2;
  if (word(c, "model") == "forest")
    return scale + 0.15 + 0.05 * square(std::log2(number(c, "trees") / 300)) +
           0.01 * square(number(c, "leaf") - 5);
  if (word(c, "kernel") == "linear") return scale + 0.4 + 0.1 * square(off(c, "C", 1));
  return scale + 0.15 * square(off(c, "C", 30)) +
         0.15 * square(off(c, "gamma", 0.01) + 0.5 * off(c, "C", 30));
}

double mixed(const Config& c) {
  const double lr = off(c, "lr", 2e-3), width = std::log2(number(c, "width") / 96);
  const double momentum = number(c, "momentum") - 0.85;
  double sum = square(lr + 0.3 * width) + 0.1 * square(width) + 3 * square(momentum) +
               0.5 * square(number(c, "dropout") - 0.2) + 0.03 * square(number(c, "depth") - 4);
  const std::string& activation = word(c, "activation");
  sum += activation == "gelu" ? 0 : activation == "relu" ? 0.1 : 0.4;
  sum += word(c, "norm") == "layer" ? 0.05 * std::abs(lr) : 0.2;
  return sum + 0.1 * square(number(c, "batch") / 64 - 1);
}

double region(const Config& c) {
  const double x = number(c, 'x', 1), y = number(c, 'x', 2), z = number(c, 'x', 3);
  return square(x - 0.8) + square(y - 0.7) + 0.5 * square(z - 0.5) + 0.3 * x * z;
}

Space rate_space() {
  Space space;
  space.parameters = {{"lr", Real{1e-6, 1, Scale::kLog}},
                      {"decay", Real{1e-8, 1e-1, Scale::kLog}},
                      {"eps", Real{1e-10, 1e-2, Scale::kLog}}};
  return space;
}

Space layer_space() {
  Space space;
  space.parameters = {{"width", Integer{8, 2048, Scale::kLog}},
                      {"depth", Integer{1, 24}},
                      {"heads", Integer{1, 32}},
                      {"steps", Integer{100, 2000, Scale::kLinear, 20}}};
  return space;
}

Space category_space() {
  Space space;
  for (int i = 1; i <= 6; ++i)
    space.parameters.push_back({fmt::format("c{}", i), Choice{{"a", "b", "c", "d", "e"}}});
  return space;
}

Space optimizer_space() {
  Space space;
  space.parameters = {{"optimizer", Choice{{"sgd", "adam", "rms"}}},
                      {"sgd_lr", Real{1e-4, 10, Scale::kLog}, {{"optimizer", {"sgd"}}}},
                      {"momentum", Real{0, 0.99}, {{"optimizer", {"sgd"}}}},
                      {"adam_lr", Real{1e-6, 1, Scale::kLog}, {{"optimizer", {"adam"}}}},
                      {"beta", Real{0.5, 0.999}, {{"optimizer", {"adam"}}}},
                      {"dropout", Real{0, 0.9}, {{"optimizer", {"adam"}}}},
                      {"rms_lr", Real{1e-6, 1, Scale::kLog}, {{"optimizer", {"rms"}}}}};
  return space;
}

Space pipeline_space() {
  Space space;
  space.parameters = {{"scale", Choice{{"none", "standard", "minmax"}}},
                      {"model", Choice{{"svm", "forest"}}},
                      {"kernel", Choice{{"linear", "rbf"}}, {{"model", {"svm"}}}},
                      {"C", Real{1e-3, 1e4, Scale::kLog}, {{"model", {"svm"}}}},
                      {"gamma", Real{1e-6, 1e2, Scale::kLog}, {{"kernel", {"rbf"}}}},
                      {"trees", Integer{10, 2000, Scale::kLog}, {{"model", {"forest"}}}},
                      {"leaf", Integer{1, 40}, {{"model", {"forest"}}}}};
  return space;
}

Space mixed_space() {
  Space space;
  space.parameters = {{"lr", Real{1e-6, 1, Scale::kLog}},
                      {"momentum", Real{0, 1}},
                      {"dropout", Real{0, 0.9}},
                      {"width", Integer{4, 1024, Scale::kLog}},
                      {"depth", Integer{1, 16}},
                      {"batch", Integer{8, 256, Scale::kLinear, 8}},
                      {"activation", Choice{{"relu", "gelu", "tanh", "sigmoid"}}},
                      {"norm", Choice{{"none", "batch", "layer"}}}};
  return space;
}

Space region_space() {
  Space space = box(3, 0, 1);
  space.constraints = {"x1 + x2 <= 1", "x3 >= x1"};
  return space;
}

Space branin_space() {
  Space space;
  space.parameters = {{"x1", Real{-5, 10}}, {"x2", Real{0, 15}}};
  return space;
}

}  // namespace

const std::vector<Problem>& search_problems() {
  static const std::vector<Problem> all = {
      {"branin", branin_space(), branin},
      {"hartmann6", box(6, 0, 1), hartmann6},
      {"rosenbrock5", box(5, -2, 2), rosenbrock},
      {"ackley8", box(8, -20, 30), ackley},
      {"styblinski4", box(4, -5, 5), styblinski_tang},
      {"wide16", box(16, 0, 1), wide},
      {"rates", rate_space(), rates},
      {"layers", layer_space(), layers},
      {"categories", category_space(), categories},
      {"optimizer", optimizer_space(), optimizer},
      {"pipeline", pipeline_space(), pipeline},
      {"mixed", mixed_space(), mixed},
      {"region", region_space(), region},
      {"noisy-branin", branin_space(), branin, 2},
      {"noisy-hartmann6", box(6, 0, 1), hartmann6, 0.2},
  };
  return all;
}

}  // namespace clavier::bench
