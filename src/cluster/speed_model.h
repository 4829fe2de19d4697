#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace clavier::cluster {

/// Learns what trials cost and how fast slots are from what steps took: seconds per step = cost of
/// the trial × seconds per unit of the slot.
///
/// A least squares fit of the logarithms over every pair of trial and slot that was measured, with
/// weak beliefs that costs are alike, and slots too (or in the proportion that was declared). What
/// a pair takes longer than before is the slot's doing: all its pairs move along. Trials are
/// believed alike until two of them, and one in ten, were not: a study whose trials are takes no
/// harm from noise, or from a slot whose speed changes. Single-threaded; numbers are the caller's,
/// from 0.
class SpeedModel {
 public:
  /// What the slot is believed to take for a unit, relative to the other declared ones.
  void declare(int slot, double seconds);

  /// A step of `trial` on `slot` took so many seconds in the mean of so many intervals. `believed`:
  /// what the slot takes for a unit as far as is known, if it has been measured.
  void add(int trial, int slot, double seconds, double intervals, std::optional<double> believed);

  /// Trials do not cost the same. Until then the rest of this class has nothing to say.
  bool varies() const { return varies_; }
  /// Units per step; the mean of the measured where it was not.
  double cost(int trial) const;
  /// Seconds per unit; none if it was neither measured nor declared.
  std::optional<double> seconds(int slot) const;

 private:
  struct Pair {
    double log_seconds = 0;
    double intervals = 0;
  };
  struct Estimate {
    double log = 0;
    double weight = 0;  ///< 0: never measured.
  };

  void fit(int sweeps);
  void fit_slot(int slot);
  void fit_trial(int trial);
  void find_scale();

  std::map<std::pair<int, int>, Pair> pairs_ = {};  ///< By slot and trial.
  std::vector<std::vector<int>> measured_on_ = {};  ///< By trial: slots.
  std::vector<Estimate> trials_ = {};
  std::vector<Estimate> slots_ = {};
  std::vector<std::optional<double>> declared_ = {};  ///< By slot: logarithms.
  double scale_ = 0;                                  ///< Of what was declared.
  bool scaled_ = false;
  double mean_cost_ = 1;
  int compared_ = 0;  ///< Trials that came to a slot known from others, and
  int unlike_ = 0;    ///< those that were no ordinary trials there.
  std::size_t since_fit_ = 0;
  bool varies_ = false;
};

}  // namespace clavier::cluster
