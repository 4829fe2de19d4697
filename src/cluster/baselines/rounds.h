#pragma once

#include <deque>
#include <vector>

#include "cluster/rollout.h"

namespace clavier::cluster::rules {

/// What rules in rounds share: all slots are given out together, for about the same time, and given
/// out anew when the last of them is back. A round lasts an interval on the fastest slot, but at
/// least four iterations of the dearest trial on the slowest.
class Rounds : public RolloutRule {
 public:
  Habits habits() const override { return {}; }
  void observe(const RolloutView&, const Happening&) override {}
  std::optional<Dispatch> next(const RolloutView& view) override;

 protected:
  struct Match {
    int trial = 0;
    int slot = 0;
  };
  /// `slots` are idle, fastest first as far as is known; `trials` could start.
  virtual std::vector<Match> match(const RolloutView& view, std::vector<int> trials,
                                   const std::vector<int>& slots, double round_seconds) = 0;

 private:
  void begin_round(const RolloutView& view);

  std::deque<Dispatch> round_ = {};
};

/// Gavel's max-min fairness (Narayanan et al., OSDI 2020) where every trial takes one slot and
/// slots differ by a factor that is the same for all trials. Then the normalised throughputs are
/// equal if the work received is: the trial that has received least takes the fastest slot.
class MaxMin : public Rounds {
 protected:
  std::vector<Match> match(const RolloutView& view, std::vector<int> trials,
                           const std::vector<int>& slots, double round_seconds) override;
};

/// The most total goodput, as Pollux (Qiao et al., OSDI 2021) and Sia (Jayaram Subramanya et al.,
/// SOSP 2023) have it, for trials of one slot each whose batch does not adapt: the fastest slots
/// are filled first, and a trial that would change its slot counts as much less as fetching its
/// checkpoint costs of a round. Trials stay where they are among equals, then come first come
/// first.
class Goodput : public Rounds {
 protected:
  std::vector<Match> match(const RolloutView& view, std::vector<int> trials,
                           const std::vector<int>& slots, double round_seconds) override;
};

}  // namespace clavier::cluster::rules
