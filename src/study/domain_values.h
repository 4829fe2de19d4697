#pragma once

#include <cstdint>
#include <optional>

#include "study/space.h"

namespace clavier {

/// `value` as the domain itself writes it (a whole number for an Integer, a real for a Real, the
/// option for a Choice), so that equal configurations are equal text; nothing if it is not in the
/// domain. Computed and Function accept anything.
std::optional<Value> accepted(const Domain& domain, const Value& value);

/// The values of a finite domain in order, from index 0. REQUIRES: index < cardinality(domain).
Value nth_value(const Domain& domain, std::int64_t index);

}  // namespace clavier
