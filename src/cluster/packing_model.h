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
/// one and the same trial, measured among k and among k - 1. Where few trials live long enough for
/// that, different trials are compared, by their means and variances; of the two the more certain
/// is believed.
///
/// Assumes that trials which share a device suffer alike. Times are logarithms of seconds per step.
class PackingModel {
 public:
  enum class Verdict {
    kUnknown,
    kPays,  ///< The device does more with k trials than with k - 1, by over 3 %.
    kLoses,
  };
  /// What was measured of one trial, by how many shared the device.
  struct Times {
    struct Among {
      Moments moments = {};
      double age = 0;  ///< What the pair with one fewer counts relative to the first ever.
    };
    std::map<int, Among> among = {};
  };

  PackingModel();

  /// A trial among `level`, besides its earlier `times`.
  void add_steady(Times& times, int level, double log_seconds);
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
  /// Differences of trials' means, each weighted by how certain it is and how new.
  struct Pairs {
    double sum = 0, weight = 0, trials = 0;
    double age = 1;  ///< Weight of a new one.
  };
  struct Level {
    Pairs pairs;
    Moments steady, first;
  };
  struct Evidence {
    double log_gain = 0;
    double error = 0;   ///< Of its mean.
    bool much = false;  ///< So much that it decides, however close.
  };
  void count_pair(Times& times, int level, double sign);
  std::optional<Evidence> evidence(int level) const;
  std::optional<Evidence> paired(const Level& level) const;

  std::map<int, Level> levels_;
  double squares_, freedom_;  ///< Of one trial's times about their mean, all trials together.
  std::optional<int> memory_limit_;
};

}  // namespace clavier::cluster
