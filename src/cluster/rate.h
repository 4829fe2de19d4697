#pragma once

#include <vector>

namespace clavier::cluster {

/// How fast a slot works as time goes on, in units of work per second: piecewise constant, each
/// piece valid from its start until the next. Times are seconds.
class Rate {
 public:
  struct Piece {
    double start = 0;
    double rate = 0;
  };

  Rate(double rate) : pieces_{{0, rate}} {}  // NOLINT: a number is a constant rate
  /// REQUIRES: not empty, the first piece starts at 0, starts ascend, no rate is negative.
  explicit Rate(std::vector<Piece> pieces);

  double at(double time) const;
  /// Done between two times.
  double work(double from, double to) const;
  /// When `work` begun at `start` is done; infinite if never.
  double finish(double start, double work) const;
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  std::vector<Piece> pieces_;
};

}  // namespace clavier::cluster
