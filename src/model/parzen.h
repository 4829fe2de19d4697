#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/rng.h"

namespace clavier::model {

/// One coordinate of points in the unit cube.
struct Axis {
  enum class Kind {
    kReal,    ///< Any number in [0, 1).
    kLevels,  ///< One of several in order; each owns a cell of [0, 1).
    kChoice,  ///< One of several without order; each owns a cell.
  };
  Kind kind = Kind::kReal;
  std::vector<double> edges = {};  ///< Of the cells in order, 0 first and 1 last; none if real.

  std::size_t cells() const { return edges.empty() ? 0 : edges.size() - 1; }
  /// The cell that holds `unit`. REQUIRES: not real.
  std::size_t cell(double unit) const;
  double middle(std::size_t cell) const { return (edges[cell] + edges[cell + 1]) / 2; }
};

/// A density in the unit cube (Parzen, 1962): a mixture of the uniform one, of weight
/// `prior_weight`, and a kernel of weight 1 around each point. A kernel is a product over the axes:
/// of normal densities cut off at 0 and 1, of the same integrated over the cells, or of choices,
/// where another one than the point's stands for what few points have not shown. A kernel is as
/// wide as the gap to its farther neighbour on the axis, so it is narrow where points crowd, but
/// not narrower than `least_width`.
///
/// A coordinate that is NaN does not exist in its point: its kernel knows nothing about that axis
/// and is uniform there. A density asked for at such a point leaves the axis out. Immutable.
class Parzen {
 public:
  /// As many coordinates each as there are axes. `axes` must outlive this object.
  Parzen(const std::vector<Axis>& axes, const std::vector<std::span<const double>>& points,
         double prior_weight, double least_width);
  Parzen(Parzen&&) noexcept;
  ~Parzen();

  /// A point drawn from the density, every coordinate filled; cells by their middles.
  std::vector<double> draw(Rng& rng) const;
  /// The logarithm of the density at each of `points`.
  std::vector<double> log_density(const std::vector<std::vector<double>>& points) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace clavier::model
