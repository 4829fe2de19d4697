#include "search/proposals.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/rng.h"
#include "fmt/format.h"
#include "search/priors.h"
#include "study/domain.h"
#include "study/domain_values.h"

namespace clavier::search {
namespace {

constexpr std::int64_t kMaxSkips = 1 << 24;  ///< Of used-up cells, for one suggestion.

bool is_grid(const Domain& domain) { return std::holds_alternative<Grid>(domain); }
bool is_drawn(const Domain& domain) {
  return std::holds_alternative<Real>(domain) || std::holds_alternative<Integer>(domain) ||
         std::holds_alternative<Normal>(domain) || std::holds_alternative<Choice>(domain);
}

Value drawn(const Domain& domain, double unit) {
  auto value = value_at(domain, unit);
  CHECK(value.has_value());
  return *std::move(value);
}

}  // namespace

Proposals::Proposals(Space space, std::uint64_t seed)
    : space_(std::move(space)),
      seed_(seed),
      constraints_(space_),
      cells_(space_),
      combinations_(1),
      cardinality_(cardinality(space_)),
      history_(space_) {
  for (const Parameter& parameter : space_.parameters) {
    name_hash_.push_back(stable_hash(parameter.name));
    if (!is_drawn(parameter.domain)) continue;
    draws_anything_ = true;
    const auto values = cardinality(parameter.domain);
    if (!values || *values > kMaxScan)
      combinations_.reset();
    else if (combinations_ && (*combinations_ *= *values) > kMaxScan)
      combinations_.reset();
  }
  if (combinations_ && *combinations_ > kMaxScan / cells_.count()) combinations_.reset();
}

double Proposals::keyed(TrialId trial, std::size_t parameter, std::uint64_t attempt) const {
  return Rng::keyed(seed_, trial.value, name_hash_[parameter], attempt).uniform();
}

Suggestion Proposals::suggest(const State& state, TrialId trial, const Draw& draw) const {
  history_.follow(state);
  Purpose purpose = Purpose::kDraw;
  Suggestion suggestion = find(state, trial, draw, purpose);
  if (const auto* config = std::get_if<Config>(&suggestion))
    history_.suggested(trial, *config, purpose);
  return suggestion;
}

Suggestion Proposals::find(const State& state, TrialId trial, const Draw& draw,
                           Purpose& purpose) const {
  const Config* wanted = state.known(trial) ? nullptr : history_.open_request(state, trial);
  if (wanted) {
    purpose = Purpose::kRequest;
  } else if (const std::size_t served = history_.points_served(trial);
             served < space_.points.size()) {
    purpose = Purpose::kPoint;
    wanted = &space_.points[served];
  } else if (served == space_.points.size() && has_prior_point(space_)) {
    purpose = Purpose::kPoint;
    if (auto config = believed(trial, draw)) return *std::move(config);
  }
  if (wanted)
    if (auto config = completed(*wanted, draw)) return *std::move(config);
  if (cardinality_ && history_.distinct(trial) >= *cardinality_) return Exhausted{};
  Tally tally;
  auto config = fresh(trial, draw, tally);
  if (config && !state.exhausted()) return *std::move(config);
  // Few combinations, or a grid alone, are gone through: then nothing is left.
  const bool used_up = (combinations_ || !draws_anything_) && history_.distinct(trial) > 0;
  return Exhausted{used_up ? std::string() : why(tally)};
}

/// Nothing only if `wanted` does not belong to the space.
std::optional<Config> Proposals::completed(const Config& wanted, const Draw& draw) const {
  // What cannot be is refused before it comes here; an old log may hold it.
  const bool possible = check_part(space_, wanted).ok();
  const Config fixed = possible ? implied(space_, wanted) : wanted;
  const auto has_all = [&](const Config& config) {
    return !possible || std::ranges::all_of(fixed.entries(), [&](auto& entry) {
      return config.find(entry.name) != nullptr;
    });
  };
  std::optional<Config> first;
  for (std::uint64_t attempt = 0; attempt < kMaxDraws; ++attempt) {
    bool drew = false;
    auto config = complete(space_, fixed, [&](std::size_t parameter) {
      drew = true;
      const Domain& domain = space_.parameters[parameter].domain;
      const double unit = draw(parameter, attempt);
      const auto* const grid = std::get_if<Grid>(&domain);
      if (!grid) return drawn(domain, unit);
      const auto count = static_cast<double>(grid->values.size());
      return grid->values[static_cast<std::size_t>(unit * count)];
    });
    if (config.ok() && has_all(*config)) {
      if (constraints_.hold(*config)) return *std::move(config);
      if (!first) first = *std::move(config);
    }
    if (!drew) break;
  }
  return first;
}

std::optional<Config> Proposals::believed(TrialId trial, const Draw& draw) const {
  Tally tally;
  for (std::uint64_t attempt = 0; attempt < kMaxDraws; ++attempt) {
    bool drew = false;
    auto config = complete(space_, {}, [&](std::size_t parameter) {
      const Parameter& each = space_.parameters[parameter];
      if (each.prior) return *accepted(each.domain, each.prior->value);
      drew = true;
      return drawn(each.domain, draw(parameter, attempt));
    });
    if (auto found = usable(std::move(config), trial, tally)) return found;
    if (!drew) break;
  }
  return {};
}

std::optional<Config> Proposals::usable(Result<Config> config, TrialId trial, Tally& tally) const {
  ++tally.draws;
  if (!config.ok()) {
    ++tally.refused;
    if (tally.uncomputable.empty()) tally.uncomputable = config.error().message;
    return {};
  }
  const std::size_t violated = constraints_.first_violated(*config);
  if (violated == constraints_.size()) {
    if (history_.taken(*config, trial)) return {};
    return *std::move(config);
  }
  ++tally.refused;
  tally.by.resize(constraints_.size());
  ++tally.by[violated];
  return {};
}

std::string Proposals::why(const Tally& tally) const {
  if (tally.refused == 0) return {};
  std::string what = tally.uncomputable;
  if (const auto worst = std::ranges::max_element(tally.by); worst != tally.by.end())
    what =
        fmt::format("the constraint \"{}\" refused {} of them",
                    space_.constraints[static_cast<std::size_t>(worst - tally.by.begin())], *worst);
  return fmt::format("no new configuration was found in {} draws: {} fulfilled the constraints, {}",
                     tally.draws, tally.draws - tally.refused, what);
}

std::optional<Config> Proposals::in_cell(TrialId trial, std::int64_t cell, const Draw& draw,
                                         std::uint64_t& attempt, Tally& tally) const {
  const bool bounded = cells_.any_grid() || combinations_;
  const std::uint64_t end = std::min(kMaxDraws, attempt + (bounded ? kDrawsPerCell : kMaxDraws));
  while (attempt < end) {
    bool drew = false;
    auto config = complete(space_, {}, [&](std::size_t parameter) {
      const Domain& domain = space_.parameters[parameter].domain;
      if (is_grid(domain)) return cells_.value(parameter, cell);
      drew = true;
      return drawn(domain, draw(parameter, attempt));
    });
    if (auto found = usable(std::move(config), trial, tally)) return found;
    if (!drew) return {};
    ++attempt;
  }
  return combinations_ ? scanned(trial, cell, tally) : std::nullopt;
}

/// The first usable combination of the drawn parameters from a keyed one on.
std::optional<Config> Proposals::scanned(TrialId trial, std::int64_t cell, Tally& tally) const {
  const auto offset = static_cast<std::int64_t>(
      Rng::keyed(seed_, trial.value, cell).below(static_cast<std::uint64_t>(*combinations_)));
  for (std::int64_t step = 0; step < *combinations_; ++step) {
    const std::int64_t combination = (offset + step) % *combinations_;
    auto config = complete(space_, {}, [&](std::size_t parameter) {
      const Domain& domain = space_.parameters[parameter].domain;
      if (is_grid(domain)) return cells_.value(parameter, cell);
      std::int64_t stride = 1;
      for (std::size_t before = 0; before < parameter; ++before)
        if (is_drawn(space_.parameters[before].domain))
          stride *= *cardinality(space_.parameters[before].domain);
      return nth_value(domain, combination / stride % *cardinality(domain));
    });
    if (auto found = usable(std::move(config), trial, tally)) return found;
  }
  return {};
}

/// Every trial that has the cell uses up one pass over it.
bool Proposals::used_up(std::int64_t position, TrialId trial) const {
  const std::int64_t pass = position / cells_.count();
  const Config cell = cells_.config(position % cells_.count());
  // What a constraint says about the grid alone holds for every draw.
  return history_.trials_in_cell(history_.cell_of(cell), trial) > pass || !constraints_.hold(cell);
}

std::int64_t Proposals::first_position(TrialId trial) const {
  if (trial < cursor_.trial) cursor_ = {};
  cursor_.trial = trial;
  // Enough for every trial to have used up the whole grid.
  std::int64_t steps = 0;
  if (__builtin_mul_overflow(trial.value + 2, cells_.count(), &steps)) steps = kMaxSkips;
  steps = std::min(steps, kMaxSkips);
  while (steps-- > 0 && !beyond_grid(cursor_.position) && used_up(cursor_.position, trial))
    ++cursor_.position;
  return cursor_.position;
}

std::optional<Config> Proposals::fresh(TrialId trial, const Draw& draw, Tally& tally) const {
  std::uint64_t attempt = 0;
  if (!cells_.any_grid()) return in_cell(trial, 0, draw, attempt, tally);
  // Two rounds: one may pass by cells that this pass has used up but the next has not.
  const std::int64_t looks = 2 * std::min(cells_.count(), kMaxCells);
  std::int64_t position = first_position(trial);
  for (std::int64_t look = 0; look < looks && !beyond_grid(position); ++look, ++position) {
    if (used_up(position, trial)) continue;
    if (attempt >= kMaxDraws && !combinations_) return {};
    if (auto config = in_cell(trial, position % cells_.count(), draw, attempt, tally))
      return config;
  }
  return {};
}

}  // namespace clavier::search
