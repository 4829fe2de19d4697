#include "cluster/array_sizes.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "cluster/cluster_state.h"

namespace clavier::cluster {
namespace {

std::size_t index_of(std::size_t members) {
  return static_cast<std::size_t>(std::bit_width(members) - 1);
}

}  // namespace

void ArraySizes::begin(const Launch& launch, std::string kind, double speed) {
  Running& running = running_[launch.id];
  running = {.kind = std::move(kind), .began_with = launch.members.size(), .speed = speed};
  for (const Member& member : launch.members) running.last[member.trial] = kForever;
}

void ArraySizes::apply(const Turn& turn) {
  if (const auto* opened = input_as<Opened>(turn); opened && !opened->rebuilt) running_.clear();
  if (const auto* reported = input_as<Reported>(turn))
    for (const Report& each : reported->reports) report(each);
  if (const auto* exited = input_as<Exited>(turn)) exit(*exited);
  if (const auto* ended = input_as<LaunchEnded>(turn)) running_.erase(ended->launch);
}

void ArraySizes::report(const Report& report) {
  const auto running = running_.find(report.launch);
  if (running == running_.end()) return;
  auto& last = running->second.last;
  const auto trial = last.find(report.trial);
  if (trial == last.end()) return;
  const Steps before = std::exchange(trial->second, report.step);
  // Who took over others' weights may be back where it was.
  if (report.step <= before || !(report.seconds > 0)) return;
  std::vector<Measured>& sizes = kinds_[running->second.kind].sizes;
  const std::size_t index = index_of(last.size());
  if (sizes.size() <= index) sizes.resize(index + 1);
  sizes[index].steps +=
      static_cast<double>(last.size()) * static_cast<double>(report.step - before);
  sizes[index].seconds += report.seconds * running->second.speed;
}

void ArraySizes::exit(const Exited& exited) {
  const auto running = running_.find(exited.launch);
  if (running == running_.end()) return;
  running->second.last.erase(exited.trial);
  if (running->second.began_with < 2 || !ran_out_of_memory(exited)) return;
  Kind& kind = kinds_[running->second.kind];
  const auto half = static_cast<std::int64_t>(running->second.began_with / 2);
  kind.limit = kind.limit == 0 ? half : std::min(kind.limit, half);
}

std::size_t ArraySizes::began_with(LaunchId launch) const {
  const auto running = running_.find(launch);
  return running == running_.end() ? 0 : running->second.began_with;
}

double ArraySizes::rate(const std::string& kind, std::int64_t members) const {
  const auto known = kinds_.find(kind);
  const std::size_t index = index_of(static_cast<std::size_t>(members));
  if (known == kinds_.end() || known->second.sizes.size() <= index) return 0;
  const Measured& size = known->second.sizes[index];
  return size.seconds > 0 ? size.steps / size.seconds : 0;
}

std::int64_t ArraySizes::members(const std::string& kind, std::int64_t most, bool learned) const {
  const auto known = kinds_.find(kind);
  if (known != kinds_.end() && known->second.limit > 0) most = std::min(most, known->second.limit);
  if (!learned) return most;
  std::int64_t size = 1;
  while (2 * size <= most && rate(kind, size) > 0) {
    const double twice = rate(kind, 2 * size);
    if (twice > 0 && twice < kGain * rate(kind, size)) break;
    size *= 2;
  }
  return size;
}

std::int64_t ArraySizes::largest(std::int64_t most, bool learned) const {
  if (!learned) return most;
  std::int64_t largest = 1;
  for (const auto& [kind, ignored] : kinds_)
    largest = std::max(largest, members(kind, most, learned));
  return largest;
}

}  // namespace clavier::cluster
