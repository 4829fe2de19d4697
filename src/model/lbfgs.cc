#include "model/lbfgs.h"

#include <nlopt.h>

#include <cmath>
#include <limits>
#include <memory>

#include "base/check.h"

namespace clavier::model {
namespace {

struct Search {
  const Smooth& function;
  Minimum best;

  static double evaluate(unsigned n, const double* x, double* gradient, void* data) {
    auto& search = *static_cast<Search*>(data);
    std::vector<double> unused;
    if (!gradient) unused.resize(n);
    const double value =
        search.function({x, n}, gradient ? std::span(gradient, n) : std::span(unused));
    if (value < search.best.value) search.best = {{x, x + n}, value};
    return value;
  }
};

}  // namespace

Minimum minimise(const Smooth& function, std::vector<double> start, const Box& box,
                 int max_evaluations) {
  const auto n = static_cast<unsigned>(start.size());
  const std::unique_ptr<nlopt_opt_s, decltype(&nlopt_destroy)> optimiser(
      nlopt_create(NLOPT_LD_LBFGS, n), nlopt_destroy);
  CHECK(optimiser && box.low.size() == n && box.high.size() == n);
  Search search{function, {start, std::numeric_limits<double>::infinity()}};
  nlopt_set_lower_bounds(optimiser.get(), box.low.data());
  nlopt_set_upper_bounds(optimiser.get(), box.high.data());
  nlopt_set_min_objective(optimiser.get(), Search::evaluate, &search);
  nlopt_set_maxeval(optimiser.get(), max_evaluations);
  nlopt_set_ftol_rel(optimiser.get(), 1e-9);
  nlopt_set_xtol_abs1(optimiser.get(), 1e-7);
  double value = 0;
  // Whatever it says: the best point seen counts, and rounding ends some searches as failures.
  (void)nlopt_optimize(optimiser.get(), start.data(), &value);
  return std::move(search.best);
}

}  // namespace clavier::model
