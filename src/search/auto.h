#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "search/searcher.h"
#include "study/space.h"

namespace clavier::search {

/// What `auto` goes by besides space and state; the same in all runs of a study.
struct AutoFacts {
  bool population = false;   ///< Trials take over each other's configurations.
  bool stops_early = false;  ///< The scheduler ends trials that look bad.
  bool several = false;      ///< Several metrics.
};

/// Which searcher `auto` asks, and why: a function of these facts and of what the state knows of
/// the study's budget (its limit on trials), of how far it is (trials that have ended) and of how
/// fast they end, all slots together. None of it changes within a step, so a log can be told at any
/// time which searcher suggested what. What the rules rest on was measured by bench/search
/// (docs/search.md). Immutable.
class AutoRule {
 public:
  enum class Kind { kSobol, kTpe, kGp, kCmaes };
  struct Pick {
    Kind searcher;
    std::string why;
  };

  /// Of trials that have ended, before the model changes.
  static constexpr std::int64_t kGpTrials = 300, kTpeTrials = 200;
  /// Parameters that vary, and options of all choices among them, at most.
  static constexpr std::size_t kGpAxes = 20, kGpOptions = 128;
  static constexpr std::size_t kCmaesAxes = 100, kTpeAxes = 500;
  /// Trials that may end in a second while a Gaussian process suggests the next ones.
  static constexpr double kGpRate = 5;

  AutoRule(const Space& space, AutoFacts facts);

  Pick pick(const State& state) const;
  /// "gp (6 parameters, …)".
  std::string words(const State& state) const;
  /// Whether `pick` can ever name it.
  bool ever(Kind searcher) const;
  /// Whether it is out of the question from now on, unless hundreds of trials run again.
  bool past(Kind searcher, const State& state) const;

 private:
  Pick model(const State& state) const;

  AutoFacts facts_;
  std::size_t axes_ = 0;     ///< Parameters that vary.
  std::size_t options_ = 0;  ///< Of all choices.
  bool cmaes_fits_ = false;  ///< All of them numbers that exist in every trial.
  bool gp_fits_ = false;
  std::optional<std::int64_t> cardinality_;  ///< Of the space.
};

/// Asks the searcher that `AutoRule` names; those that it may name later see what it sees, so that
/// each can take over. What a long study has left behind keeps nothing.
class AutoSearch final : public Searcher {
 public:
  /// REQUIRES: validate(space).ok().
  AutoSearch(const Space& space, std::uint64_t seed, AutoFacts facts = {});

  Suggestion suggest(const State& state, TrialId trial) const override;
  void prepare(const State& state) const override;
  void observe(const Turn& turn, const State& state) override;

 private:
  const Searcher& asked(const State& state) const;

  AutoRule rule_;
  std::unique_ptr<Searcher> sobol_, tpe_, gp_, cmaes_;  ///< Null: not asked, or no more.
};

}  // namespace clavier::search
