#include "sched/ranking.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace clavier::sched {

bool Ranking::precedes(double a, double b) {
  if (std::isnan(a)) return false;
  return std::isnan(b) || a < b;
}

bool Ranking::precedes(Entry a, Entry b) {
  if (precedes(a.key, b.key)) return true;
  if (precedes(b.key, a.key)) return false;
  return a.trial < b.trial;
}

void Ranking::insert(Entry entry) {
  ++size_;
  if (blocks_.empty()) blocks_.emplace_back().reserve(8);
  const auto after = std::partition_point(blocks_.begin(), blocks_.end(), [&](const Block& block) {
    ++visits_;
    return precedes(block.front(), entry);
  });
  const auto block = after == blocks_.begin() ? after : after - 1;
  const auto place = std::ranges::partition_point(*block, [&](const Entry& other) {
    ++visits_;
    return precedes(other, entry);
  });
  block->insert(place, entry);
  if (block->size() <= kBlock) return;
  Block upper(block->begin() + kBlock / 2, block->end());
  block->resize(kBlock / 2);
  blocks_.insert(block + 1, std::move(upper));
}

/// How many entries, counted from the best, satisfy a predicate that holds for a prefix.
template <typename Precedes>
std::size_t Ranking::count(const Precedes& precedes) const {
  std::size_t before = 0;
  for (const Block& block : blocks_) {
    ++visits_;
    if (precedes(block.back())) {
      before += block.size();
      continue;
    }
    const auto end = std::ranges::partition_point(block, [&](const Entry& entry) {
      ++visits_;
      return precedes(entry);
    });
    return before + static_cast<std::size_t>(end - block.begin());
  }
  return before;
}

std::size_t Ranking::better(double key) const {
  return count([&](const Entry& entry) { return precedes(entry.key, key); });
}

std::size_t Ranking::index(Entry wanted) const {
  return count([&](const Entry& entry) { return precedes(entry, wanted); });
}

Ranking::Entry Ranking::at(std::size_t index) const {
  CHECK(index < size_);
  for (const Block& block : blocks_) {
    ++visits_;
    if (index < block.size()) return block[index];
    index -= block.size();
  }
  check_failed("blocks hold fewer entries than size()", std::source_location::current());
}

double key_at(const Ranking& ranking, std::span<const double> extra, std::size_t index) {
  std::size_t before = 0;  // extras that come before the place
  for (; before < extra.size(); ++before) {
    const std::size_t place = ranking.better(extra[before]) + before;
    if (place == index) return extra[before];
    if (place > index) break;
  }
  return ranking.at(index - before).key;
}

}  // namespace clavier::sched
