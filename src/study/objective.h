#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "study/report.h"

namespace clavier {

enum class Mode { kMin, kMax };

/// A metric and its direction.
struct Objective {
  std::string metric;
  Mode mode = Mode::kMin;

  /// `a` is strictly better than `b`. NaN and both infinities are worse than every finite number,
  /// and none of them is better than another.
  bool better(double a, double b) const {
    if (!std::isfinite(a)) return false;
    if (!std::isfinite(b)) return true;
    return mode == Mode::kMin ? a < b : a > b;
  }
  /// The value as a number of which less is better; NaN, which comes last, where it is not finite.
  double rank_key(double value) const {
    if (!std::isfinite(value)) return std::nan("");
    return mode == Mode::kMin ? value : -value;
  }

  friend bool operator==(const Objective&, const Objective&) = default;
};

/// A number for each objective; less is better in each.
using Scores = std::vector<double>;

/// What the study optimises: in most studies one metric, which it then is, and seldom several, of
/// which it is the first. A report counts only if it has all of them.
struct Objectives : Objective {
  static constexpr std::size_t kMost = 6;  ///< Beyond, hardly a trial is ever dominated.

  Objectives() = default;
  Objectives(Objective first, std::vector<Objective> others = {})
      : Objective(std::move(first)), further(std::move(others)) {}
  Objectives(std::string name, Mode how) : Objective{std::move(name), how} {}

  bool several() const { return !further.empty(); }
  std::vector<Objective> all() const {
    std::vector<Objective> list{*this};
    list.insert(list.end(), further.begin(), further.end());
    return list;
  }
  /// Null if it is none of them.
  const Objective* find(std::string_view name) const {
    if (metric == name) return this;
    const auto found = std::ranges::find(further, name, &Objective::metric);
    return found == further.end() ? nullptr : &*found;
  }
  /// What is said of those beyond the first; nothing if one is missing.
  std::optional<std::vector<double>> further_in(const std::vector<Metric>& metrics) const {
    std::vector<double> values;
    for (const Objective& each : further) {
      const auto found = std::ranges::find(metrics, each.metric, &Metric::name);
      if (found == metrics.end()) return {};
      values.push_back(found->value);
    }
    return values;
  }
  /// NaN where one is not finite.
  Scores scores(double first, const std::vector<double>& others) const {
    Scores all{rank_key(first)};
    for (std::size_t i = 0; i < further.size(); ++i) all.push_back(further[i].rank_key(others[i]));
    return all;
  }

  std::vector<Objective> further = {};
  friend bool operator==(const Objectives&, const Objectives&) = default;
};

}  // namespace clavier
