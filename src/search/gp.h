#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/rng.h"
#include "model/matern_gp.h"
#include "search/observations.h"
#include "search/proposals.h"
#include "search/searcher.h"
#include "search/sobol.h"

namespace clavier::search {

struct GpOptions {
  std::int64_t n_startup_trials = 10;  ///< That have ended with a value before any is modelled.
};

/// A Gaussian process (`model::MaternGp`) over all parameters, and of all configurations the one
/// of which the greatest improvement is expected, in logarithms: the best of many drawn ones,
/// improved by L-BFGS over the reals and by single moves over the others. Choices count as equal or
/// not. What a configuration does not have counts as in the middle of its range, and as a choice of
/// its own: what it is conditional on tells the branches apart. Pending trials count as if they had
/// ended as expected (the kriging believer), so that others lie apart.
///
/// Values worse than the median, failed trials (the worst) and stopped ones count by their rank in
/// `Observations`, as if they were normal, so that none drowns the differences that matter. The
/// first trials are Sobol points. `Proposals` has the rules about points, constraints and
/// repetition. Draws are keyed by (seed, trial).
///
/// Settings are fitted on a thread of its own while trials run (`prepare`): new ones count from the
/// next trial that ends, so that nobody has to wait for them.
class GpSearch final : public Searcher {
 public:
  /// Of more trials the best quarter of as many stand for all, and evenly many of all ages: the
  /// time of a suggestion is bounded.
  static constexpr std::size_t kMostPoints = 500;

  /// REQUIRES: validate(space).ok().
  GpSearch(Space space, std::uint64_t seed, GpOptions options = {});

  Suggestion suggest(const State& state, TrialId trial) const override;
  void prepare(const State& state) const override;
  void observe(const Turn& turn, const State& state) override;

  /// How many fits were begun only when a suggestion needed them.
  std::int64_t late_fits() const { return late_fits_; }

 private:
  /// The settings for what was known at some turn, once they are fitted.
  struct Fit {
    std::shared_ptr<const model::MaternData> sample;
    std::shared_future<model::MaternSettings> settings = {};

    void begin(std::launch how);
  };
  using Point = std::vector<double>;  ///< One number in [0, 1) for each axis, also for absent ones.
  struct Candidate {
    Point point;
    double value = 0;  ///< The logarithm of the improvement expected of it.
  };
  /// What is to be made as great as can be.
  struct Goal {
    model::MaternGp gp;
    double best;
    std::int64_t ended;  ///< So many trials; priors fade by it.
  };

  model::MaternData known(std::size_t most) const;
  Goal goal(TrialId trial) const;
  Point seen(std::span<const double> point) const;
  Point anywhere(Rng& rng) const;
  Point near(std::span<const double> point, Rng& rng) const;
  std::vector<double> values(const Goal& goal, const std::vector<Point>& points) const;
  std::vector<Point> moves(const Point& from) const;
  bool climb(const Goal& goal, Candidate& candidate) const;
  bool move(const Goal& goal, Candidate& candidate) const;
  std::vector<Candidate> candidates(TrialId trial) const;

  Proposals proposals_;
  SobolPoints startup_;
  std::uint64_t seed_;
  GpOptions options_;
  mutable Observations observations_;
  std::vector<bool> unordered_;  ///< By axis.
  bool any_real_ = false;
  std::size_t next_fit_ = 0;                         ///< At so many trials that have ended.
  std::size_t known_at_ = 0;                         ///< So many had ended at the last one.
  mutable std::optional<Fit> fit_ = {}, next_ = {};  ///< In use; to be used from the next end on.
  mutable std::int64_t late_fits_ = 0;
};

}  // namespace clavier::search
