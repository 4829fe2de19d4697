#include "search/auto.h"

// Measured (docs/search.md): a Gaussian process needs a third of the trials that TPE needs on all
// kinds of spaces, and CMA-ES overtakes both where everything is a number and trials are many. What
// speaks against the process is time alone: some ten milliseconds for a suggestion, which matters
// where trials take less than a second. It counts how far trials came only by rank: where many are
// stopped early, TPE is asked.

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "search/cmaes.h"
#include "search/encoding.h"
#include "search/gp.h"
#include "search/sobol.h"
#include "search/tpe.h"
#include "study/domain.h"

namespace clavier::search {
namespace {

using Kind = AutoRule::Kind;

std::string_view name_of(Kind searcher) {
  switch (searcher) {
    case Kind::kSobol: return "sobol";
    case Kind::kTpe: return "tpe";
    case Kind::kGp: return "gp";
    case Kind::kCmaes: break;
  }
  return "cmaes";
}

std::int64_t ended_trials(const State& state) {
  return static_cast<std::int64_t>(state.trials().size() - state.unfinished());
}

}  // namespace

AutoRule::AutoRule(const Space& space, AutoFacts facts)
    : facts_(facts), cardinality_(cardinality(space)) {
  const Encoding encoding(space);
  axes_ = encoding.axes().size();
  for (const model::Axis& axis : encoding.axes())
    if (axis.kind == model::Axis::Kind::kChoice) options_ += axis.cells();
  gp_fits_ = axes_ <= kGpAxes && options_ <= kGpOptions;
  cmaes_fits_ = axes_ <= kCmaesAxes && options_ == 0;
  for (std::size_t i = 0; i < space.parameters.size(); ++i)
    if (!space.parameters[i].when.empty() && encoding.axis_of(i) != Encoding::kNoAxis)
      cmaes_fits_ = false;
}

bool AutoRule::ever(Kind searcher) const {
  const bool models = !facts_.population && axes_ > 0 && axes_ <= kTpeAxes;
  switch (searcher) {
    case Kind::kSobol: return !models || cardinality_;
    case Kind::kTpe: return models;
    case Kind::kGp: return models && !facts_.stops_early && !facts_.several && gp_fits_;
    case Kind::kCmaes: break;
  }
  return models && cmaes_fits_ && !facts_.stops_early && !facts_.several;
}

bool AutoRule::past(Kind searcher, const State& state) const {
  if (ended_trials(state) < 2 * kGpTrials) return false;
  return searcher == Kind::kGp || (searcher == Kind::kTpe && ever(Kind::kCmaes));
}

AutoRule::Pick AutoRule::pick(const State& state) const {
  if (facts_.population)
    return {Kind::kSobol, "only the first trials are drawn, later ones take over from them"};
  if (axes_ == 0) return {Kind::kSobol, "no parameter is drawn from several values"};
  if (axes_ > kTpeAxes)
    return {Kind::kSobol, fmt::format("{} parameters are more than trials can teach", axes_)};
  const std::int64_t limit = state.trial_limit();
  if (cardinality_ && limit != kForever && *cardinality_ <= limit)
    return {Kind::kSobol,
            fmt::format("all {} configurations fit into {} trials", *cardinality_, limit)};
  return model(state);
}

AutoRule::Pick AutoRule::model(const State& state) const {
  if (facts_.several) return {Kind::kTpe, "of the models it is the one that knows several metrics"};
  const std::int64_t ended = ended_trials(state);
  const double seconds = clavier::seconds(state.now());
  if (facts_.stops_early)
    return {Kind::kTpe, "the scheduler stops trials early, which it learns from as well"};
  const bool fast = static_cast<double>(ended) > kGpRate * seconds;
  const bool gp = gp_fits_ && !fast;
  const std::int64_t most = gp ? kGpTrials : kTpeTrials;
  if (cmaes_fits_ && ended >= most)
    return {Kind::kCmaes,
            fmt::format("{} trials have ended, and every parameter is a number", most)};
  if (!gp_fits_)
    return {Kind::kTpe,
            fmt::format("{} parameters with {} options of choices are more than a Gaussian process "
                        "is asked about, {} and {}",
                        axes_, options_, kGpAxes, kGpOptions)};
  if (fast)
    return {Kind::kTpe, fmt::format("more than {} trials end in a second: a Gaussian process would "
                                    "hold them up",
                                    kGpRate)};
  if (ended >= most)
    return {Kind::kTpe,
            fmt::format("{} trials have ended, and not every parameter is a number that "
                        "always exists",
                        most)};
  return {Kind::kGp, fmt::format("{} {}, and fewer than {} trials have ended", axes_,
                                 axes_ == 1 ? "parameter" : "parameters", kGpTrials)};
}

std::string AutoRule::words(const State& state) const {
  const Pick now = pick(state);
  const bool starting = (now.searcher == Kind::kGp || now.searcher == Kind::kTpe) &&
                        ended_trials(state) < GpOptions().n_startup_trials;
  return fmt::format("{} ({}{})", name_of(now.searcher), now.why,
                     starting ? "; the first are Sobol points" : "");
}

AutoSearch::AutoSearch(const Space& space, std::uint64_t seed, AutoFacts facts)
    : rule_(space, facts) {
  if (rule_.ever(Kind::kSobol)) sobol_ = std::make_unique<SobolSearch>(space, seed);
  if (rule_.ever(Kind::kTpe)) tpe_ = std::make_unique<TpeSearch>(space, seed);
  if (rule_.ever(Kind::kGp)) gp_ = std::make_unique<GpSearch>(space, seed);
  if (rule_.ever(Kind::kCmaes)) cmaes_ = std::make_unique<CmaesSearch>(space, seed);
}

const Searcher& AutoSearch::asked(const State& state) const {
  const Searcher* searcher = nullptr;
  switch (rule_.pick(state).searcher) {
    case Kind::kSobol: searcher = sobol_.get(); break;
    case Kind::kTpe: searcher = tpe_.get(); break;
    case Kind::kGp: searcher = gp_.get(); break;
    case Kind::kCmaes: searcher = cmaes_.get(); break;
  }
  if (!searcher) searcher = cmaes_ ? cmaes_.get() : tpe_.get();  // left behind
  CHECK(searcher != nullptr);
  return *searcher;
}

Suggestion AutoSearch::suggest(const State& state, TrialId trial) const {
  return asked(state).suggest(state, trial);
}

void AutoSearch::prepare(const State& state) const { asked(state).prepare(state); }

void AutoSearch::observe(const Turn& turn, const State& state) {
  for (Searcher* const each : {sobol_.get(), tpe_.get(), gp_.get(), cmaes_.get()})
    if (each) each->observe(turn, state);
  if (rule_.past(Kind::kGp, state)) gp_.reset();
  if (rule_.past(Kind::kTpe, state)) tpe_.reset();
}

}  // namespace clavier::search
