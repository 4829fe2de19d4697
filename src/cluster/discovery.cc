#include "cluster/discovery.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string_view>
#include <tuple>

#include "cluster/nvml.h"

namespace clavier::cluster {
namespace {

// For slots that ask for no core at all.
constexpr int kMaxSlotsPerCore = 4;
constexpr double kRounding = 1e-9;  // 3 × 0.1 cores fit into 0.3.

std::string first_line(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

// The value of "KEY : value" or KEY="value", trimmed.
std::string value_of(const std::string& file, std::string_view key, char separator) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const auto at = line.find(separator);
    if (at == std::string::npos) continue;
    const auto from = line.find_first_not_of(" \t\"", at + 1);
    const auto to = line.find_last_not_of(" \t\"");
    return from == std::string::npos ? "" : line.substr(from, to + 1 - from);
  }
  return {};
}

struct GroupLimits {
  double cpus = std::numeric_limits<double>::infinity();
  std::int64_t memory_bytes = std::numeric_limits<std::int64_t>::max();

  void take_quota(std::optional<std::int64_t> quota, std::optional<std::int64_t> period) {
    if (quota && period && *quota > 0 && *period > 0)
      cpus = std::min(cpus, static_cast<double>(*quota) / static_cast<double>(*period));
  }
  void take_memory(std::optional<std::int64_t> bytes) {
    if (bytes && *bytes > 0) memory_bytes = std::min(memory_bytes, *bytes);
  }
};

void read_group(const std::string& directory, GroupLimits& limits) {
  const std::string max = first_line(directory + "/cpu.max");  // "200000 100000" or "max 100000"
  if (const auto space = max.find(' '); space != std::string::npos)
    limits.take_quota(whole(max), whole(std::string_view(max).substr(space + 1)));
  limits.take_quota(whole(first_line(directory + "/cpu.cfs_quota_us")),
                    whole(first_line(directory + "/cpu.cfs_period_us")));
  limits.take_memory(whole(first_line(directory + "/memory.max")));
  limits.take_memory(whole(first_line(directory + "/memory.limit_in_bytes")));
}

// A limit may be set anywhere between this process's group and the root.
GroupLimits group_limits(const std::string& root) {
  GroupLimits limits;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string mount =
        root + "/sys/fs/cgroup" + (controllers.empty() ? "" : "/" + controllers);
    std::string path = line.substr(second + 1);
    while (!path.empty() && path != "/") {
      read_group(mount + path, limits);
      path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
    read_group(mount, limits);
  }
  return limits;
}

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

// Threads of one core and cores of one socket next to each other, so that a slot has them whole.
void sort_by_place(std::vector<int>& cpus, const std::string& root) {
  const auto place = [&](int cpu) {
    const std::string at = fmt::format("{}/sys/devices/system/cpu/cpu{}/topology/", root, cpu);
    return std::tuple(whole(first_line(at + "physical_package_id")).value_or(0),
                      whole(first_line(at + "core_id")).value_or(cpu), cpu);
  };
  std::vector<std::tuple<std::int64_t, std::int64_t, int>> places;
  for (int cpu : cpus) places.push_back(place(cpu));
  std::ranges::sort(places);
  std::ranges::transform(places, cpus.begin(), [](const auto& p) { return std::get<2>(p); });
}

// As CUDA reads it: numbers or beginnings of UUIDs, up to the first that names no device.
std::vector<int> visible_gpus(const NvidiaFacts& facts, const std::optional<std::string>& visible) {
  std::vector<int> ids;
  const int count = static_cast<int>(facts.gpus.size());
  if (!visible) {
    for (int i = 0; i < count; ++i) ids.push_back(i);
    return ids;
  }
  for (std::string_view rest = *visible; !rest.empty();) {
    const auto comma = rest.find(',');
    const std::string_view entry = rest.substr(0, comma);
    int id = -1;
    if (const auto number = whole(entry))
      id = static_cast<int>(*number);
    else if (entry.starts_with("GPU-"))
      for (int i = count - 1; i >= 0; --i)
        if (facts.gpus[static_cast<std::size_t>(i)].uuid.starts_with(entry)) id = i;
    if (id < 0 || id >= count || std::ranges::find(ids, id) != ids.end()) break;
    ids.push_back(id);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return ids;
}

std::vector<std::pair<std::string, std::string>> facts_of(const std::string& root,
                                                          const NvidiaFacts& nvidia) {
  std::vector<std::pair<std::string, std::string>> facts;
  const auto add = [&](const char* name, std::string value) {
    if (!value.empty()) facts.emplace_back(name, std::move(value));
  };
  utsname system{};
  ::uname(&system);
  add("cpu", value_of(root + "/proc/cpuinfo", "model name", ':'));
  add("gpu_driver", nvidia.driver);
  add("kernel", fmt::format("{} {}", system.sysname, system.release));
  add("machine", system.machine);
  add("os", value_of(root + "/etc/os-release", "PRETTY_NAME=", '='));
  return facts;
}

// How many slots each resource carries; the smallest counts.
struct Capacity {
  int slots = std::numeric_limits<int>::max();
  std::string scarce = {};

  void limit(double available, double wanted, std::string what) {
    if (wanted <= 0) return;
    const int fit = static_cast<int>(std::floor(available / wanted + kRounding));
    if (fit >= slots) return;
    slots = fit;
    scarce = std::move(what);
  }
};

int slots_per_gpu(double gpus, int most) {
  const int fit = static_cast<int>(std::floor(1 / gpus + kRounding));
  return most > 0 ? std::min(fit, most) : fit;
}

Capacity capacity_of(const Machine& machine, const Resources& trial, int max_per_gpu) {
  const Node& node = machine.node;
  Capacity capacity;
  capacity.limit(node.cpus, trial.cpus,
                 fmt::format("it needs {:g} CPUs, {} may be used", trial.cpus, node.cpus));
  if (node.memory_mb > 0)
    capacity.limit(
        static_cast<double>(node.memory_mb), static_cast<double>(trial.memory_mb),
        fmt::format("it needs {} MB of memory, there are {}", trial.memory_mb, node.memory_mb));
  const auto devices = static_cast<double>(machine.gpu_ids.size());
  const std::string gpus =
      fmt::format("it needs {:g} GPUs, {} may be used", trial.gpus, machine.gpu_ids.size());
  if (trial.gpus > 0 && trial.gpus < 1)
    capacity.limit(devices * slots_per_gpu(trial.gpus, max_per_gpu), 1, gpus);
  else
    capacity.limit(devices, trial.gpus, gpus);
  if (trial.cpus <= 0) capacity.limit(std::max(node.cpus, 1) * kMaxSlotsPerCore, 1, "");
  return capacity;
}

std::vector<int> share(const std::vector<int>& all, std::size_t slot, std::size_t each) {
  const auto from = all.begin() + static_cast<std::ptrdiff_t>(slot * each);
  return {from, from + static_cast<std::ptrdiff_t>(each)};
}

bool is_whole(double value) { return value == std::floor(value); }

}  // namespace

DiscoveryOptions discovery_options() {
  DiscoveryOptions options;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) options.visible_devices = visible;
  return options;
}

Machine discover_node(const DiscoveryOptions& options) {
  Machine machine;
  const GroupLimits limits = group_limits(options.root);
  machine.cpu_ids = allowed_cpus();
  sort_by_place(machine.cpu_ids, options.root);
  const double cores = static_cast<double>(machine.cpu_ids.size());
  Node& node = machine.node;
  node.id = NodeId{0};
  node.cpus = std::max(1, static_cast<int>(std::ceil(std::min(cores, limits.cpus) - kRounding)));
  // Which cores are ours changes from moment to moment: pinning would only get in the way.
  if (limits.cpus < cores) machine.cpu_ids.clear();

  const auto total_kb = whole(value_of(options.root + "/proc/meminfo", "MemTotal", ':'));
  const std::int64_t total_mb = total_kb.value_or(0) / 1024;
  node.memory_mb =
      std::min(total_mb > 0 ? total_mb : limits.memory_bytes >> 20, limits.memory_bytes >> 20);

  const NvidiaFacts nvidia = nvidia_facts(options.nvml);
  for (const GpuFacts& gpu : nvidia.gpus) node.gpus.push_back(gpu.name);
  machine.gpu_ids = visible_gpus(nvidia, options.visible_devices);
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) node.host = host.data();
  node.facts = facts_of(options.root, nvidia);
  return machine;
}

Result<std::vector<Slot>> make_slots(const Machine& machine, const Resources& trial, int workers,
                                     int max_per_gpu) {
  if (trial.gpus > 1 && !is_whole(trial.gpus))
    return invalid(fmt::format("{:g} GPUs for a trial: above one, they must be whole", trial.gpus));
  const Capacity capacity = capacity_of(machine, trial, max_per_gpu);
  if (capacity.slots < 1)
    return unavailable(fmt::format("no trial fits on {}: {}; lower [trial] cpus, gpus or memory_mb",
                                   machine.node.host, capacity.scarce));
  const auto count =
      static_cast<std::size_t>(workers > 0 ? std::min(workers, capacity.slots) : capacity.slots);
  const bool pin = trial.cpus >= 1 && is_whole(trial.cpus) && !machine.cpu_ids.empty();
  std::vector<Slot> slots;
  for (std::size_t i = 0; i < count; ++i) {
    Slot slot{.id = SlotId{static_cast<std::int64_t>(i)}, .node = machine.node.id};
    slot.resources = trial;
    if (pin) slot.cpu_ids = share(machine.cpu_ids, i, static_cast<std::size_t>(trial.cpus));
    if (trial.gpus >= 1)
      slot.gpu_ids = share(machine.gpu_ids, i, static_cast<std::size_t>(trial.gpus));
    else if (trial.gpus > 0)
      slot.gpu_ids = {machine.gpu_ids[i % machine.gpu_ids.size()]};
    slots.push_back(std::move(slot));
  }
  return slots;
}

SlotCutter::SlotCutter(Machine machine, int max_per_gpu)
    : machine_(std::move(machine)), max_per_gpu_(max_per_gpu) {
  for (const int id : machine_.gpu_ids) devices_.push_back({.id = id});
}

/// Whole devices that nobody has, or a fraction of the fullest that still has room.
bool SlotCutter::cut_gpus(double wanted, Slot& slot) {
  if (wanted <= 0) return true;
  std::vector<Device*> takes;
  if (wanted >= 1) {
    for (Device& device : devices_)
      if (device.slots == 0 && static_cast<double>(takes.size()) < wanted) takes.push_back(&device);
    if (static_cast<double>(takes.size()) < wanted) return false;
  } else {
    for (Device& device : devices_) {
      const bool full = device.used + wanted > 1 + kRounding ||
                        (max_per_gpu_ > 0 && device.slots >= max_per_gpu_);
      if (!full && (takes.empty() || device.used > takes.front()->used)) takes = {&device};
    }
    if (takes.empty()) return false;
  }
  for (Device* device : takes) {
    device->used += std::min(wanted, 1.0);
    ++device->slots;
    slot.gpu_ids.push_back(device->id);
  }
  return true;
}

Result<Slot> SlotCutter::cut(const Resources& wanted) {
  const Node& node = machine_.node;
  const auto short_of = [&](std::string_view what, auto needs, auto left) {
    return unavailable(fmt::format("{} has no room for this slot: it needs {} {}, {} are left",
                                   node.host, needs, what, left));
  };
  const double cpus_left = node.cpus - cpus_used_;
  if (wanted.cpus > cpus_left + kRounding)
    return short_of("CPUs", fmt::format("{:g}", wanted.cpus), fmt::format("{:g}", cpus_left));
  if (node.memory_mb > 0 && wanted.memory_mb > node.memory_mb - memory_used_)
    return short_of("MB of memory", wanted.memory_mb, node.memory_mb - memory_used_);
  Slot slot{.id = SlotId{slots_}, .node = node.id};
  slot.resources = wanted;
  if (!cut_gpus(wanted.gpus, slot))
    return unavailable(fmt::format(
        "{} has no room for this slot: it needs {:g} GPUs, and of {} too little is left", node.host,
        wanted.gpus, devices_.size()));
  cpus_used_ += wanted.cpus;
  memory_used_ += wanted.memory_mb;
  ++slots_;
  if (wanted.cpus >= 1 && is_whole(wanted.cpus)) {
    const auto cores = static_cast<std::size_t>(wanted.cpus);
    if (cores_used_ + cores <= machine_.cpu_ids.size()) {
      const auto from = machine_.cpu_ids.begin() + static_cast<std::ptrdiff_t>(cores_used_);
      slot.cpu_ids.assign(from, from + static_cast<std::ptrdiff_t>(cores));
      cores_used_ += cores;
    }
  }
  return slot;
}

Machine SlotCutter::rest() const {
  Machine rest = machine_;
  rest.node.cpus = static_cast<int>(std::floor(machine_.node.cpus - cpus_used_ + kRounding));
  if (rest.node.memory_mb > 0)
    rest.node.memory_mb = std::max<std::int64_t>(1, rest.node.memory_mb - memory_used_);
  const auto free = rest.cpu_ids.begin() + static_cast<std::ptrdiff_t>(cores_used_);
  rest.cpu_ids.erase(rest.cpu_ids.begin(), free);
  // Fractions of cores are not pinned; the cores left must carry those, too.
  const auto keep = static_cast<std::size_t>(std::max(0, rest.node.cpus));
  if (rest.cpu_ids.size() > keep) rest.cpu_ids.resize(keep);
  rest.gpu_ids.clear();
  for (const Device& device : devices_)
    if (device.slots == 0) rest.gpu_ids.push_back(device.id);
  return rest;
}

}  // namespace clavier::cluster
