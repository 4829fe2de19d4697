#include <fmt/format.h>

#include <algorithm>

#include "exec/sim/sim_executor.h"

/// Launches over several slots: the first one's place has the run, the others are held by it.
namespace clavier::exec {

std::string SimExecutor::obstacle(const Order& order) const {
  if (order.launch.members.size() != 1 || order.launch.shares.empty())
    return "the simulator runs one trial in a launch";
  std::optional<std::uint32_t> first;
  for (const Share& share : order.launch.shares) {
    if (share.slot.value < 0 || static_cast<std::size_t>(share.slot.value) >= places_.size())
      return fmt::format("there is no slot {}", share.slot.value);
    const auto slot = static_cast<std::uint32_t>(share.slot.value);
    if (std::string why = obstacle(slot); !why.empty()) return why;
    if (places_[slot].node != places_[first.value_or(slot)].node)
      return fmt::format("slots {} and {} are not on one node", *first, slot);
    if (order.launch.shares.size() > 1 && places_[slot].shares != 0)
      return fmt::format("slot {} shares its devices: it takes no part of a trial", slot);
    if (!first) first = slot;
  }
  return {};
}

std::string SimExecutor::obstacle(std::uint32_t slot) const {
  const Place& place = places_[slot];
  if (place.away) return fmt::format("slot {} is not there", slot);
  if (!place.alive) return fmt::format("the node of slot {} is not there", slot);
  if (const auto at = runner(slot))
    return fmt::format("slot {} runs launch {}", slot, places_[*at].run->launch.value);
  return {};
}

std::optional<std::uint32_t> SimExecutor::runner(std::uint32_t slot) const {
  return places_[slot].run ? slot : places_[slot].held_by;
}

double SimExecutor::rate(std::uint32_t slot) const {
  double slowest = places_[slot].rate();
  if (const auto& run = places_[slot].run)
    for (const std::uint32_t further : run->further)
      slowest = std::min(slowest, places_[further].rate());
  return slowest;
}

}  // namespace clavier::exec
