#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "model/parzen.h"
#include "study/space.h"

namespace clavier::search {

/// A space's configurations as points in the unit cube, one axis for each parameter that is drawn
/// and has more than one value: the number that the domain's own `value_at` maps to the value, so
/// scales and distributions are already in it. Integers, multiples and ordered choices of at most
/// kMostLevels values are levels, with more of them real. A parameter that does not exist in a
/// configuration is NaN there. Grid parameters, which are crossed and not drawn, are no axis.
class Encoding {
 public:
  static constexpr std::int64_t kMostLevels = 64;
  static constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();
  static constexpr std::size_t kNoAxis = std::numeric_limits<std::size_t>::max();

  explicit Encoding(const Space& space);

  const std::vector<model::Axis>& axes() const { return axes_; }
  /// kNoAxis if it has none.
  std::size_t axis_of(std::size_t parameter) const { return axis_of_[parameter]; }

  /// One number for each axis. What lies outside its domain is absent.
  std::vector<double> encode(const Config& config) const;
  /// Makes NaN what does not exist beside the rest. Only conditions on choices and levels are
  /// known; a parameter with another condition counts as existing.
  void drop_absent(std::span<double> point) const;

 private:
  struct Condition {
    std::size_t axis, parent;
    std::vector<bool> holds;  ///< By the parent's cell.
  };

  std::vector<Parameter> parameters_;  ///< By axis.
  std::vector<model::Axis> axes_;
  std::vector<std::size_t> axis_of_;
  std::vector<Condition> conditions_;  ///< Parents first.
};

}  // namespace clavier::search
