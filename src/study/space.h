#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "study/config.h"

namespace clavier {

enum class Scale { kLinear, kLog, kReverseLog };

/// A real number in [low, high]; with a quantum, rounded to its nearest multiple.
/// Reverse log: 1 − x is log-uniform (both bounds in [0, 1)).
struct Real {
  double low = 0;
  double high = 1;
  Scale scale = Scale::kLinear;
  double quantum = 0;
  friend bool operator==(const Real&, const Real&) = default;
};

/// A whole number in [low, high], **both ends included**; low + k·step when step > 1.
struct Integer {
  std::int64_t low = 0;
  std::int64_t high = 1;
  Scale scale = Scale::kLinear;
  std::int64_t step = 1;
  friend bool operator==(const Integer&, const Integer&) = default;
};

/// Normal, or log-normal (the logarithm is normal); unbounded.
struct Normal {
  double mean = 0;
  double deviation = 1;
  Scale scale = Scale::kLinear;
  double quantum = 0;
  friend bool operator==(const Normal&, const Normal&) = default;
};

/// One of several; `ordered` says that neighbours are alike (ordinals, powers of two).
struct Choice {
  std::vector<Value> options;
  bool ordered = false;
  friend bool operator==(const Choice&, const Choice&) = default;
};

/// Every value in turn: the grid of all such parameters is crossed; others are drawn per cell.
struct Grid {
  std::vector<Value> values;
  friend bool operator==(const Grid&, const Grid&) = default;
};

struct Constant {
  Value value;
  friend bool operator==(const Constant&, const Constant&) = default;
};

/// Computed from parameters named before it: `"2 * hidden"` (`study/expression.h`).
struct Computed {
  std::string expression;
  friend bool operator==(const Computed&, const Computed&) = default;
};

/// Computed by the C++ user's own function of the parameters before it. Must be pure.
struct Function {
  std::function<Value(const Config&)> compute;
  friend bool operator==(const Function&, const Function&) { return true; }
};

using Domain = std::variant<Real, Integer, Normal, Choice, Grid, Constant, Computed, Function>;

/// Active only while `parent` is active and has one of `values`.
struct Condition {
  std::string parent;
  std::vector<Value> values;
  friend bool operator==(const Condition&, const Condition&) = default;
};

/// A value thought good before anything is known, and how firmly: 1 is usual.
struct Prior {
  Value value;
  double strength = 1;
  friend bool operator==(const Prior&, const Prior&) = default;
};

struct Parameter {
  std::string name;
  Domain domain;
  std::vector<Condition> when = {};  ///< All must hold.
  std::optional<Prior> prior = {};   ///< Only of what is drawn.
  friend bool operator==(const Parameter&, const Parameter&) = default;
};

/// An evaluation that was made elsewhere, for models to begin with.
struct Known {
  Config config;                     ///< Of the space. What it lacks it says nothing about.
  std::optional<double> value = {};  ///< The best, of the study's metric; none: it failed.
  std::int64_t stopped_at = 0;       ///< The step at which it was ended early; 0: it was not.
  friend bool operator==(const Known&, const Known&) = default;
};

/// What may be varied. Parents come before their children (see `validate`).
struct Space {
  std::vector<Parameter> parameters;
  std::vector<std::string> constraints = {};  ///< Expressions that must hold: `"l1 >= l2"`.
  std::vector<Config> points = {};            ///< To be evaluated first; may be partial.
  std::vector<Known> known = {};              ///< Oldest first. No trials of the study.
  friend bool operator==(const Space&, const Space&) = default;
};

}  // namespace clavier
