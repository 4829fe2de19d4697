#include "cluster/packing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

/// Only times between two reports count during which the number of trials stayed the same and
/// nobody was starting: a mean over a change would blame one number of trials for what another did.
/// First reports, which hold the start, are compared with first reports. One more trial than is
/// known to pay is tried on one device of a kind at a time. What it teaches holds for all of them,
/// and if it was wrong one device has paid. What is open follows from the models alone and is
/// settled after every change, so nothing else has to remember to close a device again. A node that
/// joins anew, as it does when one of its slots comes or goes, may be at work: its devices keep
/// what they are doing.
namespace clavier::cluster {
namespace {

/// How far from constant the number of trials may be from one report to the next, and for which
/// part of that time one of them may have been starting.
constexpr double kTolerance = 0.1;
/// So often a trial is measured before another joins it: a single time may be far off.
constexpr std::int64_t kBaseline = 2;

bool share(const Slot& a, const Slot& b) {
  return !a.gpu_ids.empty() && a.gpu_ids == b.gpu_ids && a.resources.gpus >= 1 &&
         b.resources.gpus >= 1;
}

/// Product names where they are known; devices of unknown make learn with those of their node only.
std::string kind_of(const Node& node, const Slot& slot) {
  std::string kind = fmt::format("{:g}", slot.speed);
  for (const int id : slot.gpu_ids) {
    const bool known = static_cast<std::size_t>(id) < node.gpus.size();
    kind += known ? "/" + node.gpus[static_cast<std::size_t>(id)]
                  : fmt::format("/of node {}", node.id.value);
  }
  return kind;
}

}  // namespace

void Packing::join(const Node& node) {
  // What stays may be at work: a slot that comes or goes makes its node join anew.
  std::vector<Shared> before, others;
  for (Shared& each : devices_)
    (each.device.node == node.id ? before : others).push_back(std::move(each));
  devices_ = std::move(others);
  for (const Slot& slot : node.slots) {
    const auto mate = std::ranges::find_if(
        node.slots, [&](const Slot& other) { return other.id != slot.id && share(slot, other); });
    if (mate == node.slots.end()) continue;
    const auto same = [&](const Shared& each) {
      return each.device.node == node.id && each.device.gpu_ids == slot.gpu_ids;
    };
    auto known = std::ranges::find_if(devices_, same);
    if (known == devices_.end()) {
      const auto old = std::ranges::find_if(before, same);
      devices_.push_back(old == before.end() ? Shared{} : std::move(*old));
      known = devices_.end() - 1;
      known->device = {.node = node.id, .gpu_ids = slot.gpu_ids};
      known->device.busy = static_cast<int>(known->runs.size());
      known->kind = kind_of(node, slot);
    }
    known->device.places.push_back(slot.id);
  }
  device_of_.clear();
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    std::ranges::sort(devices_[i].device.places);
    for (const SlotId place : devices_[i].device.places) device_of_[place] = i;
  }
  settle();
}

const Packing::Shared* Packing::shared(SlotId slot) const {
  const auto found = device_of_.find(slot);
  return found == device_of_.end() ? nullptr : &devices_[found->second];
}

Packing::Shared* Packing::shared(LaunchId launch) {
  const auto place = place_of_.find(launch);
  if (place == place_of_.end()) return nullptr;
  const auto found = device_of_.find(place->second);
  return found == device_of_.end() ? nullptr : &devices_[found->second];
}

void Packing::advance(Shared& shared, StudyTime time) {
  const double passed = seconds(time - std::exchange(shared.seen, time));
  shared.busy_time += passed * static_cast<double>(shared.runs.size());
  const bool starting =
      std::ranges::any_of(shared.runs, [](const auto& each) { return !each.second.started; });
  if (starting) shared.starting_time += passed;
}

void Packing::begin(LaunchId launch, SlotId slot, StudyTime time) {
  if (!device_of_.contains(slot) || !place_of_.emplace(launch, slot).second) return;
  Shared* const on = shared(launch);
  advance(*on, time);
  on->runs[launch] = {.last = time, .busy_then = on->busy_time, .starting_then = on->starting_time};
  on->device.busy = static_cast<int>(on->runs.size());
  settle();
}

void Packing::end(LaunchId launch, StudyTime time) {
  Shared* const on = shared(launch);
  place_of_.erase(launch);
  if (!on) return;
  advance(*on, time);
  on->runs.erase(launch);
  on->device.busy = static_cast<int>(on->runs.size());
  settle();
}

void Packing::exploit(LaunchId launch) {
  Shared* const on = shared(launch);
  if (!on || !on->runs.contains(launch)) return;
  on->runs.at(launch).times = {};
  on->runs.at(launch).fresh = true;
}

void Packing::out_of_memory(LaunchId launch) {
  Shared* const on = shared(launch);
  if (!on) return;
  models_[on->kind].add_out_of_memory(on->device.busy);
  settle();
}

void Packing::report(LaunchId launch, double steps, double seconds, StudyTime time) {
  Shared* const on = shared(launch);
  if (!on || !on->runs.contains(launch)) return;
  Run& run = on->runs.at(launch);
  advance(*on, time);
  if (steps > 0 && seconds > 0 && time > run.last)
    measure(*on, run, std::log(seconds / steps), time);
  run.started = true;
  run.fresh = false;
  run.last = time;
  run.busy_then = on->busy_time;
  run.starting_then = on->starting_time;
  settle();
}

void Packing::measure(Shared& on, Run& run, double log_seconds, StudyTime time) {
  const double passed = seconds(time - run.last);
  const double trials = (on.busy_time - run.busy_then) / passed;
  const int level = static_cast<int>(std::lround(trials));
  if (level < 1 || std::abs(trials - level) > kTolerance) return;
  PackingModel& model = models_[on.kind];
  if (!run.started) return model.add_first(level, log_seconds);
  if (run.fresh || (on.starting_time - run.starting_then) / passed > kTolerance) return;
  model.add_steady(run.times, level, log_seconds);
}

/// What is measured among one more on this device can be compared with something.
bool Packing::comparable(const Shared& on, int level) const {
  return models_.at(on.kind).sampled(level) || std::ranges::any_of(on.runs, [&](const auto& each) {
           const auto& among = each.second.times.among;
           const auto found = among.find(level);
           return found != among.end() && found->second.moments.count >= kBaseline;
         });
}

void Packing::settle() {
  for (const Shared& each : devices_) models_.try_emplace(each.kind);
  for (const auto& [kind, model] : models_) {
    const int pays = model.pays();
    const bool unknown = model.verdict(pays + 1) == PackingModel::Verdict::kUnknown;
    Shared* tries = nullptr;
    for (Shared& each : devices_) {
      if (each.kind != kind) continue;
      const int places = static_cast<int>(each.device.places.size());
      each.device.open = std::min(pays, places);
      if (!unknown || places <= pays || (tries && tries->device.busy > pays)) continue;
      const bool at_it = each.device.busy > pays;
      if (at_it || (!tries && each.device.busy == pays && comparable(each, pays))) tries = &each;
    }
    if (tries) tries->device.open = pays + 1;
  }
}

bool Packing::same_device(SlotId a, SlotId b) const {
  const Shared* const on = shared(a);
  return on && on == shared(b);
}

int Packing::company(SlotId slot) const {
  const Shared* const on = shared(slot);
  return on ? on->device.busy : 0;
}

double Packing::part(SlotId slot, int company) const {
  const Shared* const on = shared(slot);
  return on && company > 1 ? models_.at(on->kind).part(company) : 1;
}

std::vector<Packing::Crowd> Packing::crowds() const {
  std::vector<Crowd> all;
  for (const Shared& each : devices_) {
    if (each.device.busy <= each.device.open || !models_.at(each.kind).harms(each.device.busy))
      continue;
    Crowd& crowd = all.emplace_back();
    crowd.open = static_cast<std::size_t>(each.device.open);
    crowd.place = each.device.places.front();
    for (auto run = each.runs.rbegin(); run != each.runs.rend(); ++run)
      crowd.busy.push_back(run->first);
  }
  return all;
}

std::string Packing::why_closed(SlotId slot) const {
  const Shared* const on = shared(slot);
  if (!on || on->device.open >= static_cast<int>(on->device.places.size())) return {};
  const PackingModel& model = models_.at(on->kind);
  const int more = on->device.open + 1;
  const std::string gpu =
      fmt::format("GPU {} takes {} at a time", fmt::join(on->device.gpu_ids, ","), more - 1);
  if (model.ran_out_of_memory(more)) return fmt::format("{}: memory ran out with {}", gpu, more);
  if (model.verdict(more) == PackingModel::Verdict::kLoses)
    return fmt::format("{}: with {} it is predicted to do {:.2f} times the work", gpu, more,
                       model.gain(more));
  return fmt::format("{} until it is known how much they slow down each other", gpu);
}

std::vector<Slot> places_of(const Slot& slot, int places) {
  std::vector<Slot> all;
  const auto share = static_cast<double>(places);
  const std::size_t cores = slot.cpu_ids.size() / static_cast<std::size_t>(places);
  for (int i = 0; i < places; ++i) {
    Slot& place = all.emplace_back(slot);
    place.resources.cpus /= share;
    place.resources.memory_mb /= places;
    for (auto& [name, amount] : place.resources.custom) amount /= share;
    const auto first = slot.cpu_ids.begin() + static_cast<std::ptrdiff_t>(cores) * i;
    place.cpu_ids.assign(first, first + static_cast<std::ptrdiff_t>(cores));
  }
  return all;
}

}  // namespace clavier::cluster
