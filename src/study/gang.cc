#include "study/gang.h"

#include <algorithm>

#include "base/check.h"

namespace clavier {

std::int64_t GangSize::of(const Config& config) const {
  const Value* value = differs() ? config.find(parameter) : nullptr;
  if (!value) return number;
  const auto* whole = value->as<std::int64_t>();
  return whole && *whole >= 1 ? *whole : 0;
}

Slot joined(const std::vector<Slot>& slots) {
  CHECK(!slots.empty());
  Slot all = slots.front();
  for (std::size_t i = 1; i < slots.size(); ++i) {
    const Slot& each = slots[i];
    CHECK(each.node == all.node, "the slots of a launch are of one machine");
    all.cpu_ids.insert(all.cpu_ids.end(), each.cpu_ids.begin(), each.cpu_ids.end());
    // Fractions of one device are one device.
    for (const int gpu : each.gpu_ids)
      if (std::ranges::find(all.gpu_ids, gpu) == all.gpu_ids.end()) all.gpu_ids.push_back(gpu);
    all.resources.cpus += each.resources.cpus;
    all.resources.gpus += each.resources.gpus;
    all.resources.memory_mb += each.resources.memory_mb;
    for (const auto& [name, amount] : each.resources.custom) all.resources.custom[name] += amount;
    all.speed = std::min(all.speed, each.speed);
    all.emulated = all.emulated || each.emulated;
    all.price_per_hour += each.price_per_hour;
  }
  // A group without cores of its own is not pinned.
  if (std::ranges::any_of(slots, [](const Slot& each) { return each.cpu_ids.empty(); }))
    all.cpu_ids.clear();
  return all;
}

}  // namespace clavier
