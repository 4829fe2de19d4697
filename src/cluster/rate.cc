#include "cluster/rate.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"

namespace clavier::cluster {

constexpr double kNever = std::numeric_limits<double>::infinity();

Rate::Rate(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
  CHECK(!pieces_.empty() && pieces_.front().start == 0);
  CHECK(std::ranges::is_sorted(pieces_, {}, &Piece::start));
}

double Rate::at(double time) const {
  double rate = pieces_.front().rate;
  for (const Piece& piece : pieces_)
    if (piece.start <= time) rate = piece.rate;
  return rate;
}

double Rate::work(double from, double to) const {
  double sum = 0;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const double end = i + 1 < pieces_.size() ? pieces_[i + 1].start : kNever;
    const double span = std::min(to, end) - std::max(from, pieces_[i].start);
    if (span > 0) sum += span * pieces_[i].rate;
  }
  return sum;
}

double Rate::finish(double start, double work) const {
  double time = start;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const double end = i + 1 < pieces_.size() ? pieces_[i + 1].start : kNever;
    if (time >= end) continue;
    const double rate = pieces_[i].rate;
    if (rate > 0 && time + work / rate <= end) return time + work / rate;
    work -= (end - time) * rate;
    time = end;
  }
  return work <= 0 ? time : kNever;
}

}  // namespace clavier::cluster
