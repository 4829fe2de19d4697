#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "search/cells.h"
#include "search/history.h"
#include "search/searcher.h"
#include "study/domain.h"

namespace clavier::search {

/// What every searcher has in common. In this order a trial gets
///  1. what the user requested (`State::requested`), the rest of it drawn;
///  2. the space's points to be evaluated first, in order, the rest drawn; then what its priors
///     say, the rest drawn, if that fulfils the constraints and is new;
///  3. a configuration that is drawn: of the grid's cells the first one that fewest trials have,
///     with the other parameters drawn for it.
///
/// Drawn configurations satisfy the constraints and repeat no configuration of a trial with a
/// lower id. A draw that does not is repeated with the next `attempt`. Exhausted when
///  - the space is finite and lower trials have all of it, or
///  - a grid without drawn parameters has no cell left, or
///  - kMaxDraws draws in a row were of no use; a space of at most kMaxScan combinations is gone
///    through from end to end instead, so nothing is missed in it. Where constraints were what
///    failed, `Exhausted::why` names the worst of them.
/// Requests and points are evaluated even if they repeat, and even if kMaxDraws completions of a
/// partial one all violate a constraint. Parameters that one sets exist in it: what they are
/// conditional on is set or drawn accordingly. One with an unknown name or
/// value is passed over: its trial is drawn.
///
/// A suggestion is a function of (seed, trial, configurations of lower trials, open requests).
/// Single-threaded; `suggest` is const but moves caches on.
class Proposals {
 public:
  /// A number in [0, 1) for a parameter of the trial asked about.
  using Draw = std::function<double(std::size_t parameter, std::uint64_t attempt)>;

  static constexpr std::uint64_t kMaxDraws = 10'000;
  static constexpr std::uint64_t kDrawsPerCell = 100;
  static constexpr std::int64_t kMaxScan = 1 << 16;
  static constexpr std::int64_t kMaxCells = 1 << 20;  ///< Looked at for one suggestion.

  /// REQUIRES: validate(space).ok().
  Proposals(Space space, std::uint64_t seed);
  Proposals(const Proposals&) = delete;
  Proposals& operator=(const Proposals&) = delete;

  const Space& space() const { return space_; }
  /// The draw of independent, keyed searchers: by (seed, trial, parameter's name, attempt).
  double keyed(TrialId trial, std::size_t parameter, std::uint64_t attempt) const;

  Suggestion suggest(const State& state, TrialId trial, const Draw& draw) const;
  void observe(const Turn& turn, const State& state) { history_.follow(turn, state); }

 private:
  /// What became of the draws for one suggestion.
  struct Tally {
    std::int64_t draws = 0;
    std::int64_t refused = 0;           ///< By constraints, or not to be computed.
    std::vector<std::int64_t> by = {};  ///< By constraint, each the first that a draw violates.
    std::string uncomputable = {};      ///< The first error.
  };

  Suggestion find(const State& state, TrialId trial, const Draw& draw, Purpose& purpose) const;
  std::optional<Config> completed(const Config& wanted, const Draw& draw) const;
  std::optional<Config> believed(TrialId trial, const Draw& draw) const;
  std::optional<Config> fresh(TrialId trial, const Draw& draw, Tally& tally) const;
  std::optional<Config> in_cell(TrialId trial, std::int64_t cell, const Draw& draw,
                                std::uint64_t& attempt, Tally& tally) const;
  std::optional<Config> scanned(TrialId trial, std::int64_t cell, Tally& tally) const;
  std::optional<Config> usable(Result<Config> config, TrialId trial, Tally& tally) const;
  std::string why(const Tally& tally) const;
  std::int64_t first_position(TrialId trial) const;
  bool used_up(std::int64_t position, TrialId trial) const;
  bool beyond_grid(std::int64_t position) const {
    return !draws_anything_ && position >= cells_.count();
  }

  Space space_;
  std::uint64_t seed_;
  std::vector<std::uint64_t> name_hash_;  ///< By parameter.
  Constraints constraints_;
  Cells cells_;
  bool draws_anything_ = false;               ///< Some parameter is neither Grid nor fixed.
  std::optional<std::int64_t> combinations_;  ///< Of the drawn parameters; only if few enough.
  std::optional<std::int64_t> cardinality_;   ///< Of the whole space.

  mutable History history_;
  /// All positions (cell + pass · cells) below `position` are used up for trials from `trial` on.
  struct Cursor {
    TrialId trial{0};
    std::int64_t position = 0;
  };
  mutable Cursor cursor_;
};

}  // namespace clavier::search
