#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "study/step.h"

namespace clavier::cluster {

/// How many trials an array should have, of each kind of trials: part of the fold of the log, so
/// that a resumed study goes on as the uninterrupted one.
///
/// One is measured first. Twice as many are tried as soon as a size was measured, and kept if they
/// do at least kGain times as much in total. What does not is not tried again, and nothing is tried
/// beyond half of what ran out of memory. A trial's first report in a launch does not count: it
/// holds the start.
class ArraySizes {
 public:
  /// `kind`: of its trials (`Fusion::alike`, whatever the step). `speed`: of its slot, so that
  /// slots of unequal speed learn together.
  void begin(const Launch& launch, std::string kind, double speed = 1);
  void apply(const Turn& turn);

  /// With how many it began; 0 if it is not known.
  std::size_t began_with(LaunchId launch) const;
  /// For the next array of that kind: at most `most`, unless memory has shown to be short; that
  /// many at once if they are not to be `learned`.
  std::int64_t members(const std::string& kind, std::int64_t most, bool learned) const;
  /// The largest of these over all kinds.
  std::int64_t largest(std::int64_t most, bool learned) const;
  /// What so many do in total, in steps per second at speed 1; 0 if that was not measured. Sizes
  /// between two powers of two count as the lower one.
  double rate(const std::string& kind, std::int64_t members) const;

  static constexpr double kGain = 1.02;

 private:
  void report(const Report& report);
  void exit(const Exited& exited);

  struct Measured {
    double steps = 0, seconds = 0;
  };
  struct Kind {
    std::vector<Measured> sizes = {};  ///< By the logarithm of the number of members.
    std::int64_t limit = 0;            ///< By memory; 0: none is known.
  };
  struct Running {
    std::string kind;
    std::size_t began_with = 0;
    double speed = 1;
    std::map<TrialId, Steps> last = {};  ///< Of those that have not left; kForever: no report yet.
  };

  std::map<std::string, Kind> kinds_;
  std::map<LaunchId, Running> running_;
};

}  // namespace clavier::cluster
