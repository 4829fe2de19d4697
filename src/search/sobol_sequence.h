#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace clavier::search {

/// Sobol's low-discrepancy sequence (direction numbers of Joe and Kuo, by way of Boost) with
/// Owen's nested uniform scrambling, one independent scrambling per seed and dimension
/// (A. B. Owen, Randomly permuted (t,m,s)-nets and (t,s)-sequences, 1995). Every point is computed
/// from its index alone. Immutable.
class SobolSequence {
 public:
  static constexpr std::size_t kMaxDimensions = 3000;
  static constexpr unsigned kIndexBits = 40;

  /// REQUIRES: dimensions <= kMaxDimensions.
  SobolSequence(std::size_t dimensions, std::uint64_t seed);

  /// In [0, 1). REQUIRES: dimension < dimensions, index < 2^kIndexBits.
  double at(std::size_t dimension, std::uint64_t index) const;

 private:
  std::vector<std::array<std::uint64_t, kIndexBits>> directions_;  ///< By dimension.
  std::vector<std::uint64_t> keys_;                                ///< By dimension.
};

}  // namespace clavier::search
