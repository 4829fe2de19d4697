#include "search/cells.h"

#include <algorithm>
#include <limits>
#include <variant>

#include "base/check.h"

namespace clavier::search {

Cells::Cells(const Space& space) : space_(space), stride_(space.parameters.size(), 0) {
  for (std::size_t index = space.parameters.size(); index-- > 0;) {
    const auto* const grid = std::get_if<Grid>(&space.parameters[index].domain);
    if (!grid) continue;
    any_grid_ = true;
    stride_[index] = count_;
    if (__builtin_mul_overflow(count_, static_cast<std::int64_t>(grid->values.size()), &count_))
      count_ = std::numeric_limits<std::int64_t>::max();
  }
}

const Value& Cells::value(std::size_t parameter, std::int64_t cell) const {
  const auto* const grid = std::get_if<Grid>(&space_.parameters[parameter].domain);
  CHECK(grid != nullptr);
  return grid->values[static_cast<std::size_t>(cell / stride_[parameter]) % grid->values.size()];
}

Config Cells::config(std::int64_t cell) const {
  Config config;
  std::vector<std::string_view> absent;  // known to be inactive here
  for (std::size_t index = 0; index < space_.parameters.size(); ++index) {
    const Parameter& parameter = space_.parameters[index];
    const auto met = [&](const Condition& condition) {
      if (const Value* const parent = config.find(condition.parent))
        return std::ranges::any_of(condition.values,
                                   [&](const Value& value) { return same_value(value, *parent); });
      return std::ranges::find(absent, condition.parent) == absent.end();
    };
    const auto* const constant = std::get_if<Constant>(&parameter.domain);
    if (!std::ranges::all_of(parameter.when, met))
      absent.push_back(parameter.name);
    else if (constant)
      config.set(parameter.name, constant->value);
    else if (stride_[index] > 0)
      config.set(parameter.name, value(index, cell));
  }
  return config;
}

}  // namespace clavier::search
