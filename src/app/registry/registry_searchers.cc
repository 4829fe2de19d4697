#include "app/registry/registry_entry.h"
#include "search/auto.h"
#include "search/cmaes.h"
#include "search/evolution.h"
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

std::unique_ptr<search::Searcher> make_bohb(const StudySpec& spec, const Options& options) {
  std::int64_t enough = options.whole("min_points");
  if (enough == 0) enough = std::ssize(spec.space.parameters) + 1;
  return std::make_unique<search::TpeSearch>(
      spec.space, spec.seed,
      search::TpeOptions{.n_startup_trials = enough,
                         .n_ei_candidates = options.whole("n_ei_candidates"),
                         .gamma = options.real("gamma"),
                         .random_fraction = options.real("random_fraction"),
                         .rungs = rungs_of(spec)});
}

std::vector<OptionSpec> bohb_options() {
  return {{"min_points",
           std::int64_t{0},
           0,
           kMany,
           {},
           "trials at a rung before it is modelled; 0: parameters + 1"},
          {"n_ei_candidates",
           std::int64_t{64},
           1,
           10'000,
           {},
           "points drawn for each trial, of which the likeliest to be good is taken"},
          {"gamma",
           0.15,
           0.001,
           1,
           {},
           "the part of the trials at a rung that counts as good; at least min_points"},
          {"random_fraction", 0.15, 0, 1, {}, "so many trials are drawn without a model"}};
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

search::AutoFacts facts_of(const StudySpec& spec) {
  const Traits scheduler = traits_of(Family::kScheduler, spec.scheduler);
  const TrialStop& rules = spec.trial.stop;
  return {.population = scheduler.population,
          .stops_early = (!scheduler.to_the_end && !scheduler.population) || rules.patience ||
                         rules.wilcoxon || !rules.thresholds.empty(),
          .several = spec.objective.several()};
}

std::unique_ptr<search::Searcher> make_auto(const StudySpec& spec, const Options&) {
  return std::make_unique<search::AutoSearch>(spec.space, spec.seed, facts_of(spec));
}

std::string explain_auto(const StudySpec& spec, const State& state) {
  return search::AutoRule(spec.space, facts_of(spec)).words(state);
}

std::unique_ptr<search::Searcher> make_evolution(const StudySpec& spec, const Options& options) {
  return std::make_unique<search::EvolutionSearch>(
      spec.space, spec.seed,
      search::EvolutionOptions{.population_size = options.whole("population_size"),
                               .sample_size = options.whole("sample_size")});
}

std::vector<OptionSpec> evolution_options() {
  const search::EvolutionOptions defaults;
  return {{"population_size",
           defaults.population_size,
           1,
           100'000,
           {},
           "trials that ended last, from which parents are drawn; Sobol points until then"},
          {"sample_size",
           defaults.sample_size,
           1,
           100'000,
           {},
           "drawn from them for each trial; the best is its parent"}};
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
      {.info = {"auto",
                "",
                "chooses among the others by space, budget and speed, and says why",
                {},
                {.several = true, .learns = true}},
       .make = make_auto,
       .explain = explain_auto},
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
                {.several = true, .learns = true}},
       .make = make_tpe},
      {.info = {"bohb",
                "",
                "tpe at the highest rung of hyperband, or asha, that enough trials came to",
                bohb_options(),
                {.by_rungs = true}},
       .make = make_bohb},
      {.info = {"gp",
                "",
                "Gaussian process: the most out of few trials",
                gp_options(),
                {.learns = true}},
       .make = make_gp},
      {.info = {"cmaes",
                "",
                "covariance matrix adaptation: for numbers, and many trials",
                cmaes_options(),
                {.learns = true}},
       .make = make_cmaes},
      {.info = {"evolution",
                "",
                "regularised evolution: changes good trials of late, one step at a time",
                evolution_options(),
                {.learns = true}},
       .make = make_evolution},
      {.info = {"nsga2",
                "",
                "genetic algorithm: for several metrics, and many trials",
                nsga2_options(),
                {.several = true, .learns = true}},
       .make = make_nsga2},
  };
  return all;
}

}  // namespace clavier::app::registry
