#include "search/cmaes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "search/random.h"
#include "tests/support/searcher_contract.h"

namespace clavier::search {
namespace {

struct MakeCmaes {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<CmaesSearch>(std::move(space), seed);
  }
};
struct MakeSeparable {
  static std::unique_ptr<Searcher> make(Space space, std::uint64_t seed) {
    return std::make_unique<CmaesSearch>(
        std::move(space), seed,
        CmaesOptions{.n_startup_trials = 3, .popsize = 4, .separable = true});
  }
};
using Kinds = testing::Types<MakeCmaes, MakeSeparable>;
INSTANTIATE_TYPED_TEST_SUITE_P(Cmaes, SearcherContract, Kinds);

double ellipse(const Config& config) {
  const double x = number(config, "x") - 0.3, y = number(config, "y") - 0.7;
  return 100 * std::pow(x + y, 2) + x * x;
}

TEST(CmaesSearch, FindsTheBottomOfAnEllipseAlsoWithTrialsAtOnce) {
  EXPECT_LT(best_of(MakeCmaes::make(plane(), 1), 400, ellipse), 1e-5);
  EXPECT_LT(best_of(MakeCmaes::make(plane(), 1), 400, ellipse, 8), 1e-3);
}

TEST(CmaesSearch, WholeNumbersDoNotFreeze) {
  Space space;
  space.parameters = {{"n", Integer{1, 40}}, {"x", Real{0, 1}}};
  const auto loss = [](const Config& config) {
    return std::abs(number(config, "n") - 33) + std::pow(number(config, "x") - 0.5, 2);
  };
  EXPECT_LT(best_of(MakeCmaes::make(space, 1), 300, loss), 0.01);
}

TEST(CmaesSearch, BeginsAnewWhereItHasConverged) {
  // Two holes: the narrow one is deeper.
  const auto loss = [](const Config& config) {
    const double x = number(config, "x"), y = number(config, "y");
    const double wide = std::pow(x - 0.2, 2) + std::pow(y - 0.2, 2);
    const double deep = 8 * (std::pow(x - 0.8, 2) + std::pow(y - 0.8, 2)) - 0.5;
    return std::min(wide, deep);
  };
  EXPECT_LT(best_of(MakeCmaes::make(plane(), 1), 3000, loss), -0.45);
}

}  // namespace
}  // namespace clavier::search
