#include "app/registry/registry_entry.h"
#include "search/cmaes.h"
#include "search/gp.h"
#include "search/grid.h"
#include "search/nsga2.h"
#include "search/random.h"
#include "search/sobol.h"
#include "search/tpe.h"

/// The searchers that a study file may choose.
namespace clavier::app::registry {
namespace {

/// One without options.
template <typename Search>
std::unique_ptr<search::Searcher> make_plain(const StudySpec& spec, const Options&) {
  return std::make_unique<Search>(spec.space, spec.seed);
}

std::unique_ptr<search::Searcher> make_tpe(const StudySpec& spec, const Options& options) {
  return std::make_unique<search::TpeSearch>(
      spec.space, spec.seed,
      search::TpeOptions{.n_startup_trials = options.whole("n_startup_trials"),
                         .n_ei_candidates = options.whole("n_ei_candidates"),
                         .gamma = options.real("gamma"),
                         .prior_weight = options.real("prior_weight"),
                         .multivariate = options.flag("multivariate"),
                         .constant_liar = options.flag("constant_liar")});
}

std::vector<OptionSpec> tpe_options() {
  const search::TpeOptions defaults;
  return {count("n_startup_trials", defaults.n_startup_trials,
                "trials that end with a value before any is modelled; Sobol points until then"),
          {"n_ei_candidates",
           defaults.n_ei_candidates,
           1,
           10'000,
           {},
           "points drawn for each trial, of which the likeliest to be good is taken"},
          {"gamma", defaults.gamma, 0.001, 1, {}, "the part of the trials that counts as good"},
          {"prior_weight",
           defaults.prior_weight,
           1e-6,
           kMany,
           {},
           "of the uniform density beside the trials, where each of them has 1"},
          flag("multivariate", defaults.multivariate,
               "models all parameters jointly, not each by itself"),
          flag("constant_liar", defaults.constant_liar,
               "counts trials without a value yet as bad, so that others lie apart")};
}

std::unique_ptr<search::Searcher> make_cmaes(const StudySpec& spec, const Options& options) {
  return std::make_unique<search::CmaesSearch>(
      spec.space, spec.seed,
      search::CmaesOptions{.n_startup_trials = options.whole("n_startup_trials"),
                           .popsize = options.whole("popsize"),
                           .sigma0 = options.real("sigma0"),
                           .separable = options.flag("separable"),
                           .restarts = options.flag("restarts")});
}

std::vector<OptionSpec> cmaes_options() {
  const search::CmaesOptions defaults;
  return {{"n_startup_trials",
           defaults.n_startup_trials,
           0,
           kMany,
           {},
           "Sobol points first, the best of which it starts from; 0: the middle"},
          {"popsize", defaults.popsize, 0, 10'000, {}, "trials of a generation; 0: by parameters"},
          {"sigma0", defaults.sigma0, 1e-6, 1, {}, "first step size where every range is 1"},
          flag("separable", defaults.separable, "learns variances only: for many parameters"),
          flag("restarts", defaults.restarts,
               "begins anew with twice the generation where it has converged")};
}

std::unique_ptr<search::Searcher> make_gp(const StudySpec& spec, const Options& options) {
  return std::make_unique<search::GpSearch>(
      spec.space, spec.seed,
      search::GpOptions{.n_startup_trials = options.whole("n_startup_trials")});
}

std::vector<OptionSpec> gp_options() {
  return {count("n_startup_trials", search::GpOptions().n_startup_trials,
                "trials that end with a value before any is modelled; Sobol points until then")};
}

std::unique_ptr<search::Searcher> make_nsga2(const StudySpec& spec, const Options& options) {
  return std::make_unique<search::Nsga2Search>(
      spec.space, spec.seed,
      search::Nsga2Options{.population_size = options.whole("population_size"),
                           .crossover_prob = options.real("crossover_prob"),
                           .mutation_prob = options.real("mutation_prob")});
}

std::vector<OptionSpec> nsga2_options() {
  const search::Nsga2Options defaults;
  return {{"population_size",
           defaults.population_size,
           2,
           10'000,
           {},
           "best trials that are parents; Sobol points until so many have ended with a value"},
          {"crossover_prob", defaults.crossover_prob, 0, 1, {}, "a child has two parents"},
          {"mutation_prob",
           defaults.mutation_prob,
           0,
           1,
           {},
           "of each parameter of a child; 0: one over their number"}};
}

}  // namespace

const Table<search::Searcher>& searchers() {
  static const Table<search::Searcher> all = {
      {.info = {"random", "", "independent draws", {}, {.several = true}},
       .make = make_plain<search::RandomSearch>},
      {.info = {"grid", "", "every combination", {}, {.several = true, .enumerates = true}},
       .make = make_plain<search::GridSearch>},
      {.info =
           {"sobol", "", "scrambled Sobol points, more even than random", {}, {.several = true}},
       .make = make_plain<search::SobolSearch>},
      {.info = {"tpe",
                "",
                "tree-structured Parzen estimator: learns from the trials so far",
                tpe_options(),
                {.several = true}},
       .make = make_tpe},
      {.info = {"gp", "", "Gaussian process: the most out of few trials", gp_options()},
       .make = make_gp},
      {.info = {"cmaes", "", "covariance matrix adaptation: for numbers, and many trials",
                cmaes_options()},
       .make = make_cmaes},
      {.info = {"nsga2",
                "",
                "genetic algorithm: for several metrics, and many trials",
                nsga2_options(),
                {.several = true}},
       .make = make_nsga2},
  };
  return all;
}

}  // namespace clavier::app::registry
