#include "cluster/cluster_state.h"

#include <algorithm>
#include <utility>

#include "base/match.h"

// A fold that planners read: it may use what the log says and nothing else, so durations are those
// that workers measured and times those of the steps. A launch holds its slots from the fill that
// began it until its LaunchEnded, whoever of its trials has exited, for until then its process is
// there; the order matters where a trial starts again elsewhere before its old launch has ended.
// The first report of a launch holds what it took to start. That is told from the steps in it only
// once the slot's usual pace is known: at the second report, or at once where the slot has worked
// before. Until then it waits in `first_steps`.
namespace clavier::cluster {
namespace {

/// Of a new measurement in a slot's usual time per step.
constexpr double kWeight = 0.5;

}  // namespace

bool ran_out_of_memory(const Exited& exited) {
  const bool failed = exited.kind == ExitKind::kFailed || exited.kind == ExitKind::kLost;
  return failed && exited.error.starts_with(kOutOfMemory);
}

void ClusterState::apply(const Step& step) {
  apply(step.turn);
  apply(step.fill, step.turn.time);
}

void ClusterState::apply_input(const Turn& turn) {
  if (const auto* opened = input_as<Opened>(turn); opened && !opened->rebuilt) {
    for (auto& [id, slot] : slots_) set_alive(slot, false);
    while (!running_.empty()) free(running_.begin()->first, turn.time);
  }
  if (const auto* signal = input_as<Signal>(turn)) take(*signal, turn.time);
  open_places();
}

void ClusterState::take(const Signal& signal, StudyTime time) {
  if (const auto* reported = std::get_if<Reported>(&signal))
    for (const Report& report : reported->reports) measure(report, time);
  if (const auto* exited = std::get_if<Exited>(&signal)) leave(*exited);
  if (const auto* ended = std::get_if<LaunchEnded>(&signal)) free(ended->launch, time);
  if (const auto* joined = std::get_if<NodeJoined>(&signal)) join(joined->node);
  if (const auto* lost = std::get_if<NodeLost>(&signal))
    for (auto& [id, slot] : slots_)
      if (slot.slot.node == lost->node) set_alive(slot, false);
}

void ClusterState::apply_decisions(const Turn& turn) {
  for (const Decision& decision : turn.decisions)
    if (const auto* exploit = std::get_if<Exploit>(&decision.action))
      if (Running::At* const member = at(exploit->trial)) {
        member->step = exploit->donor.step;
        packing_.exploit(launch_of_.at(exploit->trial));
      }
}

ClusterState::Running::At* ClusterState::at(TrialId trial) {
  const auto launch = launch_of_.find(trial);
  if (launch == launch_of_.end()) return nullptr;
  return &*std::ranges::find(running_.at(launch->second).members, trial, &Running::At::trial);
}

void ClusterState::leave(const Exited& exited) {
  const auto launch = launch_of_.find(exited.trial);
  if (launch == launch_of_.end()) return;
  if (ran_out_of_memory(exited)) packing_.out_of_memory(launch->second);
  std::erase_if(running_.at(launch->second).members,
                [&](const Running::At& each) { return each.trial == exited.trial; });
  launch_of_.erase(launch);
}

void ClusterState::apply(const Fill& fill, StudyTime time) {
  for (const Launch& launch : fill.launches) {
    Running& running = running_[launch.id];
    for (const Member& each : launch.members) {
      running.members.push_back({each.trial, each.from ? each.from->step : 0});
      launch_of_[each.trial] = launch.id;
    }
    for (const Share& share : launch.shares) {
      free_.erase(share.slot);
      running.slots.push_back(share.slot);
      begin(launch, slots_[share.slot], time);
      packing_.begin(launch.id, share.slot, time);
    }
  }
  if (!fill.launches.empty()) open_places();
}

void ClusterState::begin(const Launch& launch, SlotState& slot, StudyTime time) {
  slot.busy = launch.id;
  slot.busy_since = time;
  slot.moved = launch.members.front().from.has_value();
  slot.first = true;
  slot.steps = slot.step_seconds = slot.first_steps = 0;
}

/// A launch's first report also holds what it took to start: whatever the steps do not usually take
/// there.
void ClusterState::measure(const Report& report, StudyTime time) {
  const auto launch = running_.find(report.launch);
  if (launch == running_.end()) return;
  Running& running = launch->second;
  const auto member = std::ranges::find(running.members, report.trial, &Running::At::trial);
  if (member == running.members.end() || report.step <= member->step) return;
  const auto steps = static_cast<double>(report.step - member->step);
  member->step = report.step;
  if (member != running.members.begin()) return;
  packing_.report(report.launch, steps, report.seconds, time);
  SlotState& slot = slots_.at(running.slots.front());
  slot.steps += steps;
  slot.step_seconds += report.seconds;
  if (std::exchange(slot.first, false)) {
    slot.first_wait = seconds(time - slot.busy_since);
    if (slot.usual_seconds > 0) return took_to_start(slot, slot.first_wait, steps);
    slot.first_steps = steps;
    slot.first_seconds = report.seconds;
    return;
  }
  const double each = report.seconds / steps;
  slot.usual_seconds += (slot.usual_seconds > 0 ? kWeight : 1) * (each - slot.usual_seconds);
  if (std::exchange(slot.first_steps, 0) > 0)
    took_to_start(slot, slot.first_seconds, slot.steps - steps);
}

void ClusterState::took_to_start(SlotState& slot, double took, double steps) {
  const double working = slot.usual_seconds * steps;
  const double start = std::max(0.0, took - working);
  slot.step_seconds = std::max(slot.step_seconds - start, 0.1 * slot.usual_seconds * steps);
  if (std::exchange(slot.moved, false)) {
    moving_seconds_ += start;
    ++moves_;
  } else {
    starting_seconds_ += std::max(0.0, slot.first_wait - working);
    ++starts_;
  }
}

void ClusterState::join(const Node& node) {
  nodes_[node.id] = node;
  for (auto& [id, slot] : slots_)
    if (slot.slot.node == node.id) set_alive(slot, false);
  for (const Slot& slot : node.slots) {
    SlotState& known = slots_[slot.id];
    known.slot = slot;
    set_alive(known, true);
    if (slot.price_per_hour > 0) priced_.insert(slot.id);
  }
  packing_.join(node);
}

/// Of the idle places of a device, those with the lowest ids.
void ClusterState::open_places() {
  for (std::size_t i = 0; i < packing_.size(); ++i) {
    const Packing::Device& device = packing_.device(i);
    int room = device.open - device.busy;
    for (const SlotId place : device.places) {
      const SlotState& slot = slots_.at(place);
      if (!slot.alive || slot.busy) continue;
      if (room-- > 0)
        free_.insert(place);
      else
        free_.erase(place);
    }
  }
}

void ClusterState::set_alive(SlotState& slot, bool alive) {
  if (slot.alive != alive) alive ? ++alive_ : --alive_;
  slot.alive = alive;
  if (alive && !slot.busy)
    free_.insert(slot.slot.id);
  else
    free_.erase(slot.slot.id);
}

void ClusterState::free(LaunchId launch, StudyTime time) {
  const auto ended = running_.find(launch);
  if (ended == running_.end()) return;
  for (const Running::At& each : ended->second.members)
    if (const auto known = launch_of_.find(each.trial);
        known != launch_of_.end() && known->second == launch)
      launch_of_.erase(known);
  packing_.end(launch, time);
  for (const SlotId id : ended->second.slots) release(slots_.at(id), time);
  running_.erase(ended);
}

void ClusterState::release(SlotState& slot, StudyTime time) {
  slot.busy.reset();
  slot.worked += time - slot.busy_since;
  slot.cost += slot.slot.price_per_hour * seconds(time - slot.busy_since) / 3600;
  if (slot.alive) free_.insert(slot.slot.id);
}

double ClusterState::cost(StudyTime now) const {
  double sum = 0;
  for (const SlotId id : priced_) {
    const SlotState& slot = slots_.at(id);
    sum += slot.cost;
    if (slot.busy) sum += slot.slot.price_per_hour * seconds(now - slot.busy_since) / 3600;
  }
  return sum;
}

double ClusterState::price_per_hour() const {
  double sum = 0;
  for (const SlotId id : priced_)
    if (const SlotState& slot = slots_.at(id); slot.busy) sum += slot.slot.price_per_hour;
  return sum;
}

}  // namespace clavier::cluster
