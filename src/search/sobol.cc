#include "search/sobol.h"

#include <algorithm>

#include "base/rng.h"
#include "study/domain.h"

namespace clavier::search {
namespace {

constexpr std::uint64_t kBlocks =
    (std::uint64_t{1} << SobolSequence::kIndexBits) / SobolPoints::kBlock;
static_assert(Proposals::kMaxDraws <= kBlocks);

std::vector<std::size_t> dimensions_of(const Space& space) {
  std::vector<std::size_t> dimensions;
  std::size_t next = 0;
  for (const Parameter& parameter : space.parameters) {
    const bool drawn = value_at(parameter.domain, 0.5).has_value();
    dimensions.push_back(drawn ? std::min(next, SobolSequence::kMaxDimensions)
                               : SobolSequence::kMaxDimensions);
    if (drawn) ++next;
  }
  return dimensions;
}

std::size_t count(const std::vector<std::size_t>& dimensions) {
  return static_cast<std::size_t>(std::ranges::count_if(
      dimensions, [](std::size_t each) { return each < SobolSequence::kMaxDimensions; }));
}

}  // namespace

SobolPoints::SobolPoints(const Space& space, std::uint64_t seed)
    : seed_(seed),
      priors_(space),
      dimension_(dimensions_of(space)),
      sequence_(count(dimension_), seed) {}

double SobolPoints::at(const Proposals& proposals, TrialId trial, std::size_t parameter,
                       std::uint64_t attempt) const {
  const double unit = even(proposals, trial, parameter, attempt);
  if (!priors_.centre(parameter)) return unit;
  Rng coin = Rng::keyed(seed_, trial.value, stable_hash("prior"), attempt);
  return coin.uniform() < 0.5 ? unit : priors_.drawn(parameter, unit);
}

double SobolPoints::even(const Proposals& proposals, TrialId trial, std::size_t parameter,
                         std::uint64_t attempt) const {
  const std::size_t dimension = dimension_[parameter];
  if (dimension == SobolSequence::kMaxDimensions || trial.value >= kBlock)
    return proposals.keyed(trial, parameter, attempt);
  // Exclusive or maps a block onto itself, so no two trials ever share a point; of a net it makes
  // another net. The first block stands as it is.
  constexpr auto kSize = static_cast<std::uint64_t>(kBlock);
  const std::uint64_t order = attempt == 0 ? 0 : mix(stable_hash("block"), attempt) % kSize;
  return sequence_.at(dimension,
                      attempt * kSize + (static_cast<std::uint64_t>(trial.value) ^ order));
}

Suggestion SobolSearch::suggest(const State& state, TrialId trial) const {
  return proposals_.suggest(state, trial, [&](std::size_t parameter, std::uint64_t attempt) {
    return points_.at(proposals_, trial, parameter, attempt);
  });
}

}  // namespace clavier::search
