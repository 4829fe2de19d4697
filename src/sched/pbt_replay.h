#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sched/scheduler.h"
#include "study/space.h"

/// The policy that a trial of population-based training went through: a schedule of
/// hyperparameters, recorded as Ray Tune does and used again for one trial.
namespace clavier::sched {

/// One takeover. Tags are names of trials; any text that tells them apart.
struct Takeover {
  std::string target;
  std::string donor;
  Steps target_step = 0;
  Steps donor_step = 0;
  Config donor_config = {};
  Config config = {};  ///< The target's new one.
  friend bool operator==(const Takeover&, const Takeover&) = default;
};

/// A line of Ray's pbt_policy_*.txt and pbt_global.txt: a JSON array of the six, tables nested.
/// Without a line end.
std::string to_line(const Takeover& takeover);
/// All lines of such a file; empty lines are skipped. Fails with "NAME:LINE: why".
Result<std::vector<Takeover>> read_takeovers(std::string_view text, std::string_view name);

/// Starts with `initial`; from `step` on uses `config`.
struct RecordedPolicy {
  struct Change {
    Steps step = 0;
    Config config = {};
  };
  Config initial = {};
  std::vector<Change> changes = {};  ///< Oldest first.
};

/// The policy behind the weights that the last takeover made: walks backwards from it, from target
/// to donor, and leaves out what is of others or was overwritten, as Ray does. REQUIRES: not empty.
RecordedPolicy policy_of(const std::vector<Takeover>& takeovers);

/// The policy that such a file holds for a study of this space: of `trial`, by its number, if one
/// is given (pbt_global.txt has those of all trials), else of the last line. Every configuration
/// must have the parameters of the space, and the first one lie within it; later ones need not,
/// since Ray does not clip. Fails with "NAME:LINE: why".
Result<RecordedPolicy> read_policy(std::string_view text, std::string_view name, const Space& space,
                                   std::optional<TrialId> trial = {});

/// Trains one trial, whose first configuration is the policy's `initial` (the searcher sees to
/// that), and changes its configuration at the recorded steps: the trial takes over its own
/// checkpoint of that step. Without one it goes on with the old configuration to its next report,
/// and the reason says so. Needs checkpoints at the steps of the policy.
class PbtReplay final : public Scheduler {
 public:
  PbtReplay(RecordedPolicy policy, Steps max_steps);

  std::vector<Runnable> next(const State& state, std::size_t appetite) const override;
  std::vector<Decision> decide(const Turn& turn, const State& state) const override;
  void observe(const Turn&, const State&) override {}
  bool finished(const State& state) const override;

 private:
  /// Where a trial at `step` waits next.
  Steps after(Steps step) const;

  RecordedPolicy policy_;
  Steps max_steps_;
};

}  // namespace clavier::sched
