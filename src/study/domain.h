#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "study/expression.h"
#include "study/space.h"

/// Arithmetic of one search space: what is allowed, what is active, how [0, 1) maps to values.
namespace clavier {

/// Everything that can be wrong with a space is found here, before the first trial: empty or
/// reversed ranges, logarithms of what is not positive, duplicate or unknown names, cycles,
/// expressions that do not parse, points outside the space. The message names the parameter.
/// kWorkable leaves out what only cannot be meant (a point with a parameter that does not exist in
/// it): a study that an earlier version began with it can still be read.
enum class Checks { kAll, kWorkable };
Status validate(const Space& space, Checks checks = Checks::kAll);

/// One thing that is wrong with a space, and with which of its parameters, constraints or points.
struct SpaceProblem {
  enum class Part { kParameter, kConstraint, kPoint };
  Part part = Part::kParameter;
  std::size_t index = 0;
  std::string message;
};
/// The same one by one.
std::vector<SpaceProblem> problems_of(const Space& space, Checks checks = Checks::kAll);

/// The value at `unit` in [0, 1) of the domain's distribution (its inverse cumulative
/// distribution function). Nothing for Constant, Grid, Computed and Function.
std::optional<Value> value_at(const Domain& domain, double unit);
/// What stands for the whole domain where one value must do: its middle, of a grid the first.
/// Nothing for Constant, Computed and Function.
std::optional<Value> middle_of(const Domain& domain);
/// All powers of two from `low` to `high`, in order.
Choice powers_of_two(std::int64_t low, std::int64_t high);
/// The middle of the part of [0, 1) that maps to `value`; nothing if the value is not in the
/// domain.
std::optional<double> unit_of(const Domain& domain, const Value& value);
bool contains(const Domain& domain, const Value& value);

/// The number of different values; nothing if infinite.
std::optional<std::int64_t> cardinality(const Domain& domain);
/// All values a trial could have if every free parameter is discrete; nothing if infinite.
std::optional<std::int64_t> cardinality(const Space& space);

/// All conditions of `parameter` hold in `config` (whose earlier entries are complete).
bool is_active(const Parameter& parameter, const Config& config);

/// Goes through the space in order: keeps what `fixed` sets, asks `draw` for every active free
/// parameter that it does not set, computes the computed ones, and drops the inactive.
/// Fails if `fixed` names an unknown parameter or a value outside its domain.
Result<Config> complete(const Space& space, const Config& fixed,
                        const std::function<Value(std::size_t parameter)>& draw);

/// `partial` and what has to hold besides: where a parameter that it sets exists for one value of
/// another only, that value.
Config implied(const Space& space, Config partial);
/// What `fixed` settles without a draw: itself, constants, what is computed from these. A condition
/// on what stays open counts as met. What exists in no completion of `fixed` is not there.
Config settled(const Space& space, const Config& fixed);
/// Whether a configuration can have all that `partial` sets. If not, the message says why: an
/// unknown name, a value outside its domain, a parameter that does not exist beside the others, a
/// constraint that is violated whatever the rest is.
Status check_part(const Space& space, const Config& partial);

/// One constraint holds. An expression that cannot be evaluated on this configuration (it names an
/// inactive parameter) counts as fulfilled.
bool fulfils(const std::string& constraint, const Config& config);
/// All of them hold.
bool satisfies(const Space& space, const Config& config);

/// A space's constraints, parsed once for whoever asks of many configurations. Immutable.
class Constraints {
 public:
  /// REQUIRES: validate(space).ok().
  explicit Constraints(const Space& space);
  std::size_t size() const { return all_.size(); }
  /// Its index in the space; `size()` if all hold.
  std::size_t first_violated(const Config& config) const;
  bool hold(const Config& config) const { return first_violated(config) == size(); }

 private:
  std::vector<Expression> all_;
};

/// A domain as a study file writes it, `loguniform = [1e-05, 0.1]`: the distribution and what it
/// takes. "constant", with its value, for a constant; empty for a function, which no file can hold.
struct Distribution {
  std::string name;
  Value takes;
};
Distribution distribution_of(const Domain& domain);
/// The same for messages: `loguniform(1e-05, 0.1)`.
std::string describe(const Domain& domain);

}  // namespace clavier
