#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "study/space.h"

namespace clavier::search {

/// The cross product of a space's Grid parameters; the last one varies fastest. A space without
/// any has one cell.
class Cells {
 public:
  /// `space` must outlive this object.
  explicit Cells(const Space& space);

  bool any_grid() const { return any_grid_; }
  /// Combinations, saturated; those that no configuration can have are included.
  std::int64_t count() const { return count_; }
  /// The value of a Grid parameter in a cell. REQUIRES: `parameter` is one.
  const Value& value(std::size_t parameter, std::int64_t cell) const;
  /// What a cell settles of its configurations without a draw (`settled`).
  Config config(std::int64_t cell) const;

 private:
  const Space& space_;
  bool any_grid_ = false;
  std::int64_t count_ = 1;
  std::vector<std::int64_t> stride_;  ///< By parameter; 0 if it is no Grid.
};

}  // namespace clavier::search
