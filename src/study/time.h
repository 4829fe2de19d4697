#pragma once

#include <chrono>
#include <cstdint>

namespace clavier {

/// Study time: microseconds that run only while a run of the study is open and go on at the last
/// step's time on resume. The only time that policies and stop rules ever see.
struct StudyClock {
  using rep = std::int64_t;
  using period = std::micro;
  using duration = std::chrono::microseconds;
  using time_point = std::chrono::time_point<StudyClock>;
  static constexpr bool is_steady = true;
};

using StudyTime = StudyClock::time_point;
using StudyDuration = StudyClock::duration;

inline constexpr StudyTime kNever = StudyTime::max();

inline constexpr double seconds(StudyDuration duration) {
  return static_cast<double>(duration.count()) * 1e-6;
}
inline constexpr double seconds(StudyTime time) { return seconds(time.time_since_epoch()); }
inline constexpr StudyDuration from_seconds(double value) {
  return StudyDuration(static_cast<std::int64_t>(value * 1e6));
}
inline constexpr StudyTime study_time(std::int64_t microseconds) {
  return StudyTime(StudyDuration(microseconds));
}
inline constexpr std::int64_t microseconds(StudyTime time) {
  return time.time_since_epoch().count();
}

}  // namespace clavier
