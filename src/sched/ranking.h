#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "study/ids.h"
#include "study/objective.h"

namespace clavier::sched {

/// The values that trials had at one rung, best first: less is better, NaN after everything,
/// ties by trial. Blocks of bounded size keep an insertion and a question about ranks at a few
/// hundred touched entries whatever the number of trials. Single-threaded.
class Ranking {
 public:
  struct Entry {
    double key = 0;
    TrialId trial;
  };

  /// REQUIRES: the same pair is not in it.
  void insert(Entry entry);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// How many are strictly better than `key`.
  std::size_t better(double key) const;
  /// The place of this entry, from 0: how many precede it.
  std::size_t index(Entry entry) const;
  /// REQUIRES: index < size().
  Entry at(std::size_t index) const;

  /// Blocks and entries touched so far: what the tests hold against the number of trials.
  std::int64_t visits() const { return visits_; }

  /// NaN last.
  static bool precedes(double a, double b);
  static bool precedes(Entry a, Entry b);

 private:
  using Block = std::vector<Entry>;
  template <typename Precedes>
  std::size_t count(const Precedes& precedes) const;

  static constexpr std::size_t kBlock = 512;
  std::vector<Block> blocks_;  ///< None is empty.
  std::size_t size_ = 0;
  mutable std::int64_t visits_ = 0;
};

/// The key at `index` of the ranking together with `extra` keys (in order, best first) that are not
/// in it yet. REQUIRES: index < ranking.size() + extra.size().
double key_at(const Ranking& ranking, std::span<const double> extra, std::size_t index);

}  // namespace clavier::sched
