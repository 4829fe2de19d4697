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

double number(const Config& config, const char* name) { return *config.find(name)->number(); }

/// The best of so many trials, `pending` at a time.
template <typename Loss>
double best_of(const Space& space, int trials, int pending, const Loss& loss) {
  SearchedStudy study(MakeCmaes::make(space, 1));
  for (TrialId done{0}; std::ssize(study.state().trials()) < trials;) {
    study.ask(pending);
    for (; done < study.next(); ++done.value)
      study.end(done, loss(study.state().trial(done).config));
  }
  return study.state().trial(*study.state().best()).best->value;
}

double ellipse(const Config& config) {
  const double x = number(config, "x") - 0.3, y = number(config, "y") - 0.7;
  return 100 * std::pow(x + y, 2) + x * x;
}

Space plane() {
  Space space;
  space.parameters = {{"x", Real{0, 1}}, {"y", Real{0, 1}}};
  return space;
}

TEST(CmaesSearch, FindsTheBottomOfAnEllipseAlsoWithTrialsAtOnce) {
  EXPECT_LT(best_of(plane(), 400, 1, ellipse), 1e-5);
  EXPECT_LT(best_of(plane(), 400, 8, ellipse), 1e-3);
}

TEST(CmaesSearch, WholeNumbersDoNotFreeze) {
  Space space;
  space.parameters = {{"n", Integer{1, 40}}, {"x", Real{0, 1}}};
  const auto loss = [](const Config& config) {
    return std::abs(number(config, "n") - 33) + std::pow(number(config, "x") - 0.5, 2);
  };
  EXPECT_LT(best_of(space, 300, 1, loss), 0.01);
}

TEST(CmaesSearch, BeginsAnewWhereItHasConverged) {
  // Two holes: the narrow one is deeper.
  const auto loss = [](const Config& config) {
    const double x = number(config, "x"), y = number(config, "y");
    const double wide = std::pow(x - 0.2, 2) + std::pow(y - 0.2, 2);
    const double deep = 8 * (std::pow(x - 0.8, 2) + std::pow(y - 0.8, 2)) - 0.5;
    return std::min(wide, deep);
  };
  EXPECT_LT(best_of(plane(), 3000, 1, loss), -0.45);
}

}  // namespace
}  // namespace clavier::search
