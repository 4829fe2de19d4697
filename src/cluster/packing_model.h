#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace clavier::cluster {

/// Mean and variance of what was measured, in which older values fade once there are many.
struct Moments {
  std::int64_t count = 0;
  double mean = 0;
  double variance = 0;

  void add(double value);
};

/// How much alike devices do with k trials at once, compared with k - 1: the *gain* of k.
///
/// Trials differ, so the total of whatever happens to run says little. What counts first are pairs:
/// one and the same trial, measured among k and among k - 1. Only where no trial lives long enough
/// for that are different trials compared, and then by their means and variances.
///
/// Assumes that trials which share a device suffer alike. Times are logarithms of seconds per step.
class PackingModel {
 public:
  enum class Verdict {
    kUnknown,
    kPays,  ///< The device does more with k trials than with k - 1, by over 3 %.
    kLoses,
  };

  /// A trial took `log_ratio` longer per step among `level` than among one fewer.
  void add_pair(int level, double log_ratio) { levels_[level].pairs.add(log_ratio); }
  /// The first such measurement of a trial among `level`.
  void add_steady(int level, double log_seconds) { levels_[level].steady.add(log_seconds); }
  /// The same of a trial's first report, what it takes to start included.
  void add_first(int level, double log_seconds) { levels_[level].first.add(log_seconds); }
  /// A trial ran out of memory where `level` shared a device: so many never will again.
  void add_out_of_memory(int level);

  /// REQUIRES: level >= 2.
  Verdict verdict(int level) const;
  /// It not only fails to pay: trials should leave, even if they must be interrupted.
  bool harms(int level) const;
  /// The most trials that are known to pay, each level up to it.
  int pays() const;
  /// Total throughput of `level` trials relative to one fewer, as believed just now; 1 if unknown.
  double gain(int level) const;
  /// Speed of a trial among `level` relative to the same trial alone; what is unknown gains
  /// nothing.
  double part(int level) const;
  /// Different trials tell enough about this level to compare the next one with it.
  bool sampled(int level) const;
  bool ran_out_of_memory(int level) const { return memory_limit_ && level > *memory_limit_; }

 private:
  struct Level {
    Moments pairs, steady, first;
  };
  struct Evidence {
    double log_gain = 0;
    double error = 0;   ///< Of its mean.
    bool much = false;  ///< So much that it decides, however close.
  };
  std::optional<Evidence> evidence(int level) const;

  std::map<int, Level> levels_;
  std::optional<int> memory_limit_;
};

}  // namespace clavier::cluster
