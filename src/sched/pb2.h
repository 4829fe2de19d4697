#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/bandit.h"
#include "sched/pbt.h"

namespace clavier::sched {

/// Names of the parameters that PB2 chooses: real numbers between bounds, without a quantum; only
/// those of `options.explore.parameters`, if it names any.
std::vector<std::string> continuous_parameters(const Space& space, const PbtOptions& options);

/// As `check` of PbtOptions, of which `explore` only says which parameters may change; also fails
/// if none of them is continuous.
Status check_pb2(const Space& space, const PbtOptions& options);

/// Population-based bandits (Parker-Holder et al., 2020): trials exchange weights exactly as `Pbt`
/// has them do, but the configuration that goes with a donor's weights is chosen by `worth_trying`
/// from what all trials have gained between their boundaries. Continuous parameters are chosen;
/// everything else is the donor's. Before there is enough to learn from, they are drawn.
///
/// A trial's gain counts from its second boundary with the same configuration; after it took over a
/// donor's weights, from the donor's value. `pending` are the configurations that others took over
/// and have not come to a boundary with.
///
/// A takeover costs milliseconds while fewer than a hundred gains are known, fifty with two
/// hundred, and a quarter of a second with the thousand that are kept.
class Pb2 final : public Scheduler {
 public:
  /// REQUIRES: check_pb2(space, options).
  Pb2(Objective objective, Space space, PbtOptions options, std::uint64_t seed);

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn& turn, const State& state) override;
  bool finished(const State& state) const override;

 private:
  /// Where a trial was last heard of, and with which configuration.
  struct Mark {
    model::Level at;
    std::vector<double> x;
    bool pending = false;  ///< It took these over, and has not been heard of since.
  };
  struct Memory {
    std::vector<std::optional<Mark>> marks;  ///< By trial.
    std::vector<model::Gain> gains;          ///< Oldest first, ties by trial.
  };

  Mark& mark(Memory& memory, TrialId trial, Mark mark) const;
  double reward(double value) const;
  std::vector<double> scaled(const Config& config) const;
  /// A boundary lies between the trial's mark and this report, or at it.
  bool at_or_past_boundary(const Report& report) const;
  void learn(Memory& memory, std::vector<const Report*> reports, const Turn& turn,
             const State& state) const;
  void take_over(Memory& memory, const Exploit& exploit) const;
  /// Replaces the configuration of `exploit`, and says how.
  std::string choose(const Memory& memory, Exploit& exploit, const State& state) const;

  Objective objective_;
  Space space_;
  std::uint64_t seed_;
  std::vector<std::size_t> places_;  ///< In the space, of the continuous parameters.
  PbtOptions options_;
  Pbt pbt_;
  Memory memory_;
};

}  // namespace clavier::sched
