#include <fmt/format.h>

#include <cmath>

#include "base/rng.h"
#include "exec/sim/sim_executor.h"

/// Nodes and slots that come and go, as told or by chance.
namespace clavier::exec {
namespace {

/// Purposes of keyed draws; the others are in sim_executor.cc.
constexpr std::uint64_t kNodeFailure = 3;
constexpr std::uint64_t kSlotFailure = 4;

/// Whoever hears that a trial was lost must know already that its slot is gone, or starts it there
/// again: at the same instant this sorts before every launch.
constexpr LaunchId kBeforeAll{};

}  // namespace

void SimExecutor::node_joins(std::uint32_t index, std::uint64_t change) {
  const bool here = changes_[index] % 2 == 1;
  if (here || (change != 0 && change != changes_[index])) return;
  const std::uint64_t now = ++changes_[index];
  for (std::uint32_t i = 0; i < options_.nodes[index].slots.size(); ++i) {
    Place& place = places_[first_slot_[index] + i];
    place.alive = !place.away;
  }
  // What comes back must not be heard of before it was heard to be lost.
  if (now == 1)
    ready_.emplace_back(NodeJoined{node(index)});
  else
    deliver(kBeforeAll, NodeJoined{node(index)});
  if (options_.mtbf_seconds <= 0) return;
  Rng rng = Rng::keyed(options_.seed, kNodeFailure, index, now);
  push(now_ + span(-std::log1p(-rng.uniform()) * options_.mtbf_seconds), Kind::kNodeLost, index,
       LaunchId{}, now);
}

void SimExecutor::node_lost(std::uint32_t index, std::uint64_t change) {
  const bool here = changes_[index] % 2 == 1;
  if (!here || (change != 0 && change != changes_[index])) return;
  const std::uint64_t now = ++changes_[index];
  const SimNode& node = options_.nodes[index];
  deliver(kBeforeAll, NodeLost{NodeId{index}});
  for (std::uint32_t i = 0; i < node.slots.size(); ++i) {
    const std::uint32_t slot = first_slot_[index] + i;
    if (places_[slot].run)
      leave_all(slot, ExitKind::kLost, fmt::format("the simulated node {} was lost", index));
    places_[slot].alive = false;
  }
  if (change != 0)
    push(now_ + span(options_.repair_seconds), Kind::kNodeJoins, index, LaunchId{}, now);
}

void SimExecutor::foresee_slot_failure(std::uint32_t slot, StudyTime from) {
  const std::uint64_t now = places_[slot].changes;
  Rng rng = Rng::keyed(options_.seed, kSlotFailure, slot, now);
  push(from + span(-std::log1p(-rng.uniform()) * options_.slot_mtbf_seconds), Kind::kSlotLost, slot,
       LaunchId{}, now + 1);
}

/// The detail of a random event is the number of changes that it makes.
void SimExecutor::slot_lost(std::uint32_t slot, std::uint64_t change) {
  Place& place = places_[slot];
  if (place.away || (change != 0 && change != place.changes + 1)) return;
  ++place.changes;
  place.away = true;
  if (place.alive) {
    deliver(kBeforeAll, NodeJoined{node(place.node)});
    if (const auto at = runner(slot))
      leave_all(*at, ExitKind::kLost, fmt::format("the simulated slot {} was lost", slot));
    place.alive = false;
  }
  if (change != 0)
    push(now_ + span(options_.repair_seconds), Kind::kSlotJoins, slot, LaunchId{},
         place.changes + 1);
}

void SimExecutor::slot_joins(std::uint32_t slot, std::uint64_t change) {
  Place& place = places_[slot];
  if (!place.away || (change != 0 && change != place.changes + 1)) return;
  ++place.changes;
  place.away = false;
  if (changes_[place.node] % 2 == 1) {
    place.alive = true;
    deliver(kBeforeAll, NodeJoined{node(place.node)});
  }
  if (options_.slot_mtbf_seconds > 0) foresee_slot_failure(slot, now_);
}

}  // namespace clavier::exec
