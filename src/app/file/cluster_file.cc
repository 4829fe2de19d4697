#include "app/file/cluster_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/nearest.h"

namespace clavier::app {
namespace {

/// What a slot lacks for a trial; empty if it carries one. With `pack`, each of its places.
std::string lack(const Resources& slot, const Resources& trial, int pack) {
  const std::string whose =
      pack > 1 ? fmt::format("each of the slot's {} places", pack) : "the slot";
  const auto short_of = [&](double has, double wants, std::string_view what) {
    return fmt::format("a trial asks for {:g} {}, {} has {:g}", wants, what, whose, has);
  };
  if (slot.cpus < trial.cpus) return short_of(slot.cpus, trial.cpus, "CPUs");
  if (slot.gpus < trial.gpus) return short_of(slot.gpus, trial.gpus, "GPUs");
  if (slot.memory_mb > 0 && slot.memory_mb < trial.memory_mb)
    return short_of(static_cast<double>(slot.memory_mb), static_cast<double>(trial.memory_mb),
                    "MB of memory");
  for (const auto& [name, amount] : trial.custom) {
    const auto has = slot.custom.find(name);
    const double there = has == slot.custom.end() ? 0 : has->second;
    if (there < amount) return short_of(there, amount, name);
  }
  return {};
}

void check_packing(const StudySpec& spec, std::size_t index, Place place, Problems& problems) {
  const SlotSpec& slot = spec.cluster.slots[index];
  const double gpus = resources_of(slot, spec.trial.resources).gpus;
  const auto places = static_cast<std::size_t>(slot.pack);
  if (slot.pack == 1) {
    if (!slot.sharing.empty())
      problems.add(place, "sharing says what trials do that share a GPU: set pack as well");
    return;
  }
  if (gpus == 0)
    problems.add(place, "pack lets trials share a GPU, and this slot has none: set gpus = 1");
  else if (gpus != std::floor(gpus))
    problems.add(place, fmt::format("pack shares whole GPUs, and this slot has {:g}: a fraction "
                                    "already says how many trials share one",
                                    gpus));
  if (slot.price_per_hour > 0)
    problems.add(place,
                 "a slot with pack cannot have a price_per_hour: what a trial costs would depend "
                 "on how many others share its GPU");
  if (spec.cluster.max_per_gpu > 0 && slot.pack > spec.cluster.max_per_gpu)
    problems.add(place, fmt::format("pack = {} is more than cluster.max_per_gpu = {}", slot.pack,
                                    spec.cluster.max_per_gpu));
  if (slot.sharing.empty()) return;
  if (slot.sharing.size() < places)
    problems.add(place, fmt::format("sharing says what up to {} trials do, and pack = {}: give {} "
                                    "numbers",
                                    slot.sharing.size(), slot.pack, slot.pack));
  if (slot.sharing.front() != 1)
    problems.add(place, fmt::format("sharing is relative to one trial: it begins with 1, not {:g}",
                                    slot.sharing.front()));
}

void check_slots(const StudySpec& spec, const ClusterPlaces& places, Problems& problems) {
  const Resources& trial = spec.trial.resources;
  for (std::size_t i = 0; i < spec.cluster.slots.size(); ++i) {
    const Resources has = resources_of(spec.cluster.slots[i], trial);
    if (const std::string why = lack(has, trial, spec.cluster.slots[i].pack); !why.empty())
      problems.add(places.slots[i], fmt::format("no trial fits in this slot: {}", why));
    if (has.gpus > 1 && has.gpus != std::floor(has.gpus))
      problems.add(places.slots[i],
                   fmt::format("{:g} GPUs in a slot: above one, they must be whole", has.gpus));
    check_packing(spec, i, places.slots[i], problems);
  }
  if (spec.cluster.slots.empty() && !trial.custom.empty())
    problems.add(places.cluster,
                 fmt::format("no slot fits a trial: it asks for {}, which only declared slots can "
                             "have; add [[cluster.slots]] with resources",
                             trial.custom.begin()->first));
}

void check_effects(const StudySpec& spec, const ClusterPlaces& places, Problems& problems) {
  const ClusterSpec& cluster = spec.cluster;
  if (!cluster.discovers() && cluster.slots.empty())
    problems.add(places.cluster,
                 "no slots: nothing is discovered (discover = false) and none are declared "
                 "([[cluster.slots]])");
  if (cluster.workers > 0 && !cluster.discovers() && !cluster.slots.empty())
    problems.add(places.workers,
                 "cluster.workers counts discovered slots, and only the declared ones are used: "
                 "set discover = true, or leave it out");
  const bool priced =
      (cluster.discovers() && cluster.price_per_hour > 0) ||
      std::ranges::any_of(cluster.slots, [](const SlotSpec& s) { return s.price_per_hour > 0; });
  if (spec.stop.cost && !priced)
    problems.add(places.stop, "stop.cost can never be reached: no slot has a price_per_hour");
}

void check_event(const StudySpec& spec, const SimulateEvent& event, Place place,
                 Problems& problems) {
  if (event.node.empty() == !event.slot)
    return problems.add(place, "an event concerns a node or a slot: give one of them");
  if (!event.speed && !event.here)
    return problems.add(place, "an event changes something: give speed, or here");
  std::vector<std::string> nodes{"local"};
  for (const SlotSpec& slot : spec.cluster.slots)
    if (!slot.node.empty()) nodes.push_back(slot.node);
  if (!event.node.empty() && std::ranges::find(nodes, event.node) == nodes.end())
    return problems.add(place, fmt::format("no slot is on a node \"{}\"{}", event.node,
                                           suggestion(event.node, nodes)));
  std::int64_t slots = 0;
  for (const SlotSpec& slot : spec.cluster.slots) slots += std::int64_t{slot.count} * slot.pack;
  if (event.slot && !spec.cluster.discovers() && *event.slot >= slots)
    problems.add(place, fmt::format("there is no slot {}: {} are declared, counted from 0",
                                    *event.slot, slots));
}

void check_simulation(const StudySpec& spec, const ClusterPlaces& places, Problems& problems) {
  if (!spec.simulate) return;
  const SimulateSpec& simulate = *spec.simulate;
  const std::vector<std::string> curves{"power-law", "table", "study"};
  if (std::ranges::find(curves, simulate.curve) == curves.end())
    problems.add(places.simulate, fmt::format("simulate.curve: unknown \"{}\"{}", simulate.curve,
                                              suggestion(simulate.curve, curves)));
  else if (simulate.curve != "power-law" && simulate.from.empty())
    problems.add(
        places.simulate,
        fmt::format("simulate.curve = \"{}\" needs from: {}", simulate.curve,
                    simulate.curve == "table" ? "a CSV file" : "the name or folder of a study"));
  for (std::size_t i = 0; i < simulate.events.size(); ++i)
    check_event(spec, simulate.events[i], places.events[i], problems);
}

}  // namespace

Resources resources_of(const SlotSpec& slot, const Resources& trial) {
  Resources each{.cpus = slot.cpus ? *slot.cpus / slot.pack : trial.cpus,
                 .gpus = slot.gpus.value_or(trial.gpus),
                 .memory_mb = slot.memory_mb ? *slot.memory_mb / slot.pack : trial.memory_mb,
                 .custom = slot.custom.value_or(trial.custom)};
  if (slot.custom)
    for (auto& [name, amount] : each.custom) amount /= slot.pack;
  return each;
}

void check_cluster(const StudySpec& spec, const ClusterPlaces& places, Problems& problems) {
  check_slots(spec, places, problems);
  check_effects(spec, places, problems);
  check_simulation(spec, places, problems);
}

}  // namespace clavier::app
