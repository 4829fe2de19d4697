#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "exec/sim/sim_executor.h"

/// Devices that slots share, and what becomes of a step whose slot becomes faster or slower.
namespace clavier::exec {

Status SimExecutor::check_sharing(const SimNode& node) {
  for (const SimSlot& slot : node.slots) {
    if (slot.sharing.empty()) continue;
    const auto sharing = std::ranges::count(node.slots, slot.gpu_ids, &SimSlot::gpu_ids);
    if (slot.gpu_ids.empty() || static_cast<std::ptrdiff_t>(slot.sharing.size()) < sharing)
      return invalid(
          fmt::format("{} simulated slots share devices, and what they do in total is said of {}",
                      sharing, slot.sharing.size()));
    for (const double total : slot.sharing)
      if (!std::isfinite(total) || total <= 0)
        return invalid(fmt::format("what slots that share do in total is above 0, not {}", total));
  }
  return ok_status();
}

void SimExecutor::share_devices() {
  for (std::uint32_t index = 0; index < options_.nodes.size(); ++index) {
    std::map<std::vector<int>, std::uint32_t> known;
    const auto& slots = options_.nodes[index].slots;
    for (std::uint32_t i = 0; i < slots.size(); ++i) {
      if (slots[i].sharing.empty()) continue;
      const auto next = static_cast<std::uint32_t>(shared_.size());
      const auto [found, is_new] = known.try_emplace(slots[i].gpu_ids, next);
      if (is_new) shared_.push_back({.curve = slots[i].sharing});
      shared_[found->second].slots.push_back(first_slot_[index] + i);
      places_[first_slot_[index] + i].shares = found->second;
    }
  }
}

/// What is left of the present step takes longer or shorter from now on.
void SimExecutor::change_speed(std::uint32_t slot, double speed, double share) {
  const std::uint32_t at = runner(slot).value_or(slot);
  const double before = rate(at);
  places_[slot].speed = speed;
  places_[slot].share = share;
  const double stretched = before / rate(at);
  if (!places_[at].run || places_[at].run->waiting() || stretched == 1) return;
  Run& run = *places_[at].run;
  ++run.generation;
  run.due = now_ + span(seconds(run.due - now_) * stretched);
  push(run.due, run.over() ? Kind::kEnd : Kind::kStep, at, run.launch, run.generation);
}

void SimExecutor::crowd(std::uint32_t slot, int more) {
  Shared& shared = shared_[places_[slot].shares];
  if (shared.slots.empty()) return;
  shared.busy += static_cast<std::size_t>(more);
  if (shared.busy == 0) return;
  const double share = shared.curve[shared.busy - 1] / static_cast<double>(shared.busy);
  for (const std::uint32_t each : shared.slots) change_speed(each, places_[each].speed, share);
}

}  // namespace clavier::exec
