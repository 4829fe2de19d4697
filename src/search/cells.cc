#include "search/cells.h"

#include <limits>
#include <variant>

#include "base/check.h"
#include "study/domain.h"

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
  Config grid;
  for (std::size_t index = 0; index < space_.parameters.size(); ++index)
    if (stride_[index] > 0) grid.set(space_.parameters[index].name, value(index, cell));
  return settled(space_, grid);
}

}  // namespace clavier::search
