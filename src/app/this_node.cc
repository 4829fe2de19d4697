#include "app/this_node.h"

#include <fmt/format.h>
#include <gnu/libc-version.h>

#include <algorithm>
#include <set>

#include "app/gang_file.h"
#include "app/study_file_document.h"
#include "app/version.h"
#include "cluster/packing.h"
#include "report/wording.h"
#include "store/sqlite.h"
#include "train/spec/trainer_spec.h"

namespace clavier::app {
namespace {

/// A slot with all its places.
Resources whole_of(const SlotSpec& slot, const Resources& trial) {
  Resources whole = resources_of(slot, trial);
  whole.cpus *= slot.pack;
  whole.memory_mb *= slot.pack;
  for (auto& [name, amount] : whole.custom) amount *= slot.pack;
  return whole;
}

/// Versions of what a result may depend on besides our own.
void add_libraries(const StudySpec& spec, Node& node) {
  node.facts.emplace_back("libc", gnu_get_libc_version());
  if (spec.trainer && !kLibTorch.empty()) node.facts.emplace_back("libtorch", kLibTorch);
  node.facts.emplace_back("sqlite", store::sqlite_version());
  std::ranges::sort(node.facts);
}

/// The machine with its declared and discovered slots.
Result<Node> cut_slots(cluster::Machine machine, const StudySpec& spec) {
  Node node = machine.node;
  cluster::SlotCutter cutter(std::move(machine), spec.cluster.max_per_gpu);
  for (const SlotSpec& declared : spec.cluster.slots) {
    const auto at = [&](const std::string& why) {
      return invalid(declared.where.empty() ? why : declared.where + ": " + why);
    };
    if (!declared.node.empty())
      return at(
          fmt::format("this slot is on another machine, \"{}\": clavier simulate and "
                      "clavier plan may use it, clavier run only slots of this one",
                      declared.node));
    for (int i = 0; i < declared.count; ++i) {
      auto slot = cutter.cut(whole_of(declared, spec.trial.resources));
      if (!slot) return at(slot.error().message);
      slot->speed = declared.speed.value_or(1);
      slot->emulated = declared.speed.has_value();
      slot->price_per_hour = declared.price_per_hour;
      for (Slot& place : cluster::places_of(*slot, declared.pack)) {
        place.id = SlotId{static_cast<std::int64_t>(node.slots.size())};
        node.slots.push_back(std::move(place));
      }
    }
  }
  if (!spec.cluster.discovers()) return node;
  auto found = cluster::make_slots(cutter.rest(), spec.trial.resources, spec.cluster.workers,
                                   spec.cluster.max_per_gpu);
  // Where slots are declared as well, they may have used up everything.
  if (!found) return node.slots.empty() ? Result<Node>(found.error()) : node;
  for (Slot& slot : *found) {
    slot.id = SlotId{static_cast<std::int64_t>(node.slots.size())};
    slot.price_per_hour = spec.cluster.price_per_hour;
    node.slots.push_back(std::move(slot));
  }
  return node;
}

/// On which the largest trial fits as well.
Result<Node> with_slots(cluster::Machine machine, const StudySpec& spec) {
  Node node = TRY(cut_slots(std::move(machine), spec));
  TRY(check_gang_fits(spec, node.slots.size()));
  return node;
}

cluster::Machine this_machine(const StudySpec& spec) {
  cluster::Machine machine = cluster::discover_node(cluster::discovery_options());
  add_libraries(spec, machine.node);
  return machine;
}

using Ids = std::vector<int> Slot::*;

/// Those of `all` that some slot has, in that order.
std::vector<int> used_of(const std::vector<int>& all, const Node& node, Ids ids) {
  std::set<int> used;
  for (const Slot& slot : node.slots) used.insert((slot.*ids).begin(), (slot.*ids).end());
  std::vector<int> ordered = all;
  std::erase_if(ordered, [&](int id) { return !used.contains(id); });
  return ordered;
}

/// `0-3, 7`.
std::string ranges(const std::vector<int>& ids) {
  std::string out;
  for (std::size_t i = 0; i < ids.size();) {
    std::size_t last = i;
    while (last + 1 < ids.size() && ids[last + 1] == ids[last] + 1) ++last;
    out += fmt::format("{}{}", out.empty() ? "" : ", ", ids[i]);
    if (last > i) out += fmt::format("-{}", ids[last]);
    i = last + 1;
  }
  return out;
}

/// What of one kind (cores, devices) could be had.
struct Taken {
  std::vector<int> free = {};
  std::vector<HostLock> locks = {};
  std::vector<int> elsewhere = {};  ///< Held by others.
  std::string by = {};              ///< Who holds the first of those.

  /// As many as wanted, the first that are free; every one is tried if there are too few.
  Taken(const std::vector<int>& all, std::size_t wanted, const std::string& name) {
    for (const int id : all) {
      if (free.size() == wanted) return;
      const std::string lock = fmt::format("{}{}", name, id);
      if (auto held = HostLock::take(lock)) {
        free.push_back(id);
        locks.push_back(*std::move(held));
        continue;
      }
      elsewhere.push_back(id);
      if (!by.empty()) continue;
      const auto process = HostLock::holder(lock);
      by = process ? fmt::format("another study (process {})", *process) : "another study";
    }
  }
  /// What others hold, for a remark: `cores 0-2 are held by …: `.
  std::string held_elsewhere(std::string_view noun) const {
    const bool one = elsewhere.size() == 1;
    return fmt::format("{}{} {} {} held by {}: ", noun, one ? "" : "s", ranges(elsewhere),
                       one ? "is" : "are", by);
  }
  void keep(std::vector<HostLock>& held) {
    std::ranges::move(locks, std::back_inserter(held));
    locks.clear();
  }
};

/// Puts the slots onto `free` instead of `used`, one for one.
void move_slots(Node& node, Ids ids, const std::vector<int>& used, const std::vector<int>& free) {
  for (Slot& slot : node.slots)
    for (int& id : slot.*ids)
      id = free[static_cast<std::size_t>(std::ranges::find(used, id) - used.begin())];
}

void share_gpus(const cluster::Machine& machine, const StudySpec& spec, std::string_view names,
                HostShare& share) {
  const auto used = used_of(machine.gpu_ids, share.node, &Slot::gpu_ids);
  Taken taken(machine.gpu_ids, used.size(), fmt::format("{}/gpu/", names));
  if (taken.free.size() < used.size()) {
    cluster::Machine rest = machine;
    rest.gpu_ids = taken.free;
    auto fewer = taken.free.empty() ? Result<Node>(unavailable("")) : with_slots(rest, spec);
    const std::string held = taken.held_elsewhere("GPU");
    if (!fewer) {
      share.remarks.push_back(held + "sharing them");
      return;
    }
    share.remarks.push_back(
        held + fmt::format("{} of {} slots", fewer->slots.size(), share.node.slots.size()));
    share.node = *std::move(fewer);
  } else {
    move_slots(share.node, &Slot::gpu_ids, used, taken.free);
  }
  taken.keep(share.held);
}

void share_cores(const cluster::Machine& machine, const StudySpec& spec, std::string_view names,
                 HostShare& share) {
  if (spec.cluster.pin == false)
    for (Slot& slot : share.node.slots) slot.cpu_ids.clear();
  const auto used = used_of(machine.cpu_ids, share.node, &Slot::cpu_ids);
  Taken taken(machine.cpu_ids, used.size(), fmt::format("{}/core/", names));
  if (taken.free.size() == used.size()) {
    move_slots(share.node, &Slot::cpu_ids, used, taken.free);
    return taken.keep(share.held);
  }
  const std::string held = taken.held_elsewhere("core");
  if (spec.cluster.pin == true) {
    share.remarks.push_back(held + "trials are pinned to some of them all the same");
    return taken.keep(share.held);
  }
  share.remarks.push_back(held + "trials are not pinned to cores ([cluster] pin)");
  for (Slot& slot : share.node.slots) slot.cpu_ids.clear();
}

/// Whether the study file says how many GPUs a trial or a slot has.
bool says_gpus(const StudySpec& spec) {
  if (spec.trial.resources.gpus > 0 ||
      std::ranges::any_of(spec.cluster.slots,
                          [](const SlotSpec& slot) { return slot.gpus.has_value(); }))
    return true;
  const auto parsed = parse_toml(spec.text);
  const auto* root = std::get_if<TomlNode>(&parsed);
  const auto* trial = root ? root->find("trial") : nullptr;
  return trial && trial->find("gpus");
}

}  // namespace

std::size_t gpus_of_this_host() {
  return cluster::discover_node(cluster::discovery_options()).gpu_ids.size();
}

std::optional<double> gpus_by_itself(const StudySpec& spec,
                                     const std::function<std::size_t()>& gpus) {
  if (!kTrainerHasCuda || !spec.trainer || !spec.cluster.slots.empty() || !spec.trial.gang.one() ||
      says_gpus(spec))
    return {};
  const auto trainer = train::read_trainer(*spec.trainer);
  if (!trainer || trainer->device != "auto") return {};
  const auto there = static_cast<int>(gpus());
  if (there == 0) return {};
  return 1.0 / std::max(1, (spec.cluster.workers + there - 1) / there);
}

std::string unused_gpus(const StudySpec& spec, const std::function<std::size_t()>& gpus) {
  if (says_gpus(spec)) return {};
  const auto there = static_cast<std::int64_t>(gpus());
  if (there == 0) return {};
  return fmt::format(
      "this machine has {} and trials use none: [trial] gpus = 1 gives each trial one, gpus = 0 "
      "says that none is meant",
      report::count(there, "GPU"));
}

Result<Node> this_node(const StudySpec& spec) { return with_slots(this_machine(spec), spec); }

Result<HostShare> share_of(cluster::Machine machine, const StudySpec& spec,
                           std::string_view names) {
  HostShare share{.node = TRY(with_slots(machine, spec))};
  share_gpus(machine, spec, names, share);
  share_cores(machine, spec, names, share);
  return share;
}

Result<HostShare> share_of_this_host(const StudySpec& spec) {
  return share_of(this_machine(spec), spec, "clavier");
}

}  // namespace clavier::app
