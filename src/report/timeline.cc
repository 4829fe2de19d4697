#include "report/timeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/csv.h"

namespace clavier::report {

void Timeline::apply(const Step& step) {
  now_ = step.turn.time;
  if (const auto* opened = input_as<Opened>(step.turn); opened && !opened->rebuilt)
    while (!live_.empty()) end(live_.begin()->first);
  if (const auto* reported = input_as<Reported>(step.turn); reported && !step.turn.late)
    for (const Report& each : reported->reports) report(each);
  if (const auto* ended = input_as<LaunchEnded>(step.turn)) end(ended->launch);
  if (const auto* joined = input_as<NodeJoined>(step.turn)) {
    auto& slots = slots_of_[joined->node.id];
    // One that is no longer among its node's slots has left by itself.
    for (const SlotId slot : slots)
      if (std::ranges::find(joined->node.slots, slot, &Slot::id) == joined->node.slots.end() &&
          !lanes_[slot].gone_since)
        lanes_[slot].gone_since = now_;
    slots.clear();
    for (const Slot& slot : joined->node.slots) {
      Lane& lane = lanes_[slot.id];
      lane.host = joined->node.host;
      lane.speed = slot.speed;
      lane.price_per_hour = slot.price_per_hour;
      if (lane.gone_since) lane.gone.emplace_back(*lane.gone_since, now_);
      lane.gone_since.reset();
      slots.push_back(slot.id);
    }
  }
  if (const auto* lost = input_as<NodeLost>(step.turn))
    for (const SlotId slot : slots_of_[lost->node])
      if (!lanes_[slot].gone_since) lanes_[slot].gone_since = now_;
  for (const Decision& decision : step.turn.decisions)
    if (const auto* each = std::get_if<Exploit>(&decision.action)) exploit(*each);
  for (const Launch& launch : step.fill.launches)
    for (const Member& member : launch.members) begin(launch, member);
}

bool Timeline::elsewhere(const Checkpoint& checkpoint, SlotId slot) const {
  const auto launch = static_cast<std::size_t>(checkpoint.launch.value);
  return launch >= wrote_in_.size() || wrote_in_[launch] != slot;
}

std::size_t Timeline::open_leg(Leg leg) {
  moves_ += leg.moved;
  legs_.push_back(leg);
  return legs_.size() - 1;
}

void Timeline::close_leg(Leg& leg) const {
  leg.end = now_;
  const auto lane = lanes_.find(leg.slot);
  if (lane != lanes_.end())
    leg.cost = lane->second.price_per_hour * seconds(leg.end - leg.start) / 3600;
}

void Timeline::begin(const Launch& launch, const Member& member) {
  const SlotId slot = launch.shares.front().slot;
  const auto index = static_cast<std::size_t>(launch.id.value);
  const bool moved = member.from && elsewhere(*member.from, slot);
  if (index >= wrote_in_.size()) wrote_in_.resize(index + 1);
  wrote_in_[index] = slot;
  ++launches_;
  Progress& progress = progress_[member.trial];
  progress.at = member.from ? member.from->step : 0;
  progress.leg = open_leg({.launch = launch.id,
                           .trial = member.trial,
                           .slot = slot,
                           .from = progress.at,
                           .to = progress.at,
                           .start = now_,
                           .end = now_,
                           .moved = moved});
  live_[launch.id].push_back(*progress.leg);
  for (std::size_t i = 1; i < launch.shares.size(); ++i) {
    Leg further = legs_[*progress.leg];
    further.slot = launch.shares[i].slot;
    further.moved = false;
    further.further = true;
    live_[launch.id].push_back(open_leg(further));
  }
}

void Timeline::report(const Report& report) {
  const auto found = progress_.find(report.trial);
  if (found == progress_.end() || !found->second.leg) return;
  Progress& progress = found->second;
  Leg& leg = legs_[*progress.leg];
  if (leg.launch != report.launch) return;
  leg.to = report.step;
  if (const auto live = live_.find(report.launch); live != live_.end())
    for (const std::size_t each : live->second)
      if (legs_[each].trial == report.trial) legs_[each].to = report.step;
  progress.at = report.step;
  if (report.step <= progress.reached) return;
  progress.trained.steps += report.step - std::max(progress.reached, leg.from);
  ++progress.trained.reports;
  progress.reached = report.step;
}

/// The same launch goes on with other weights: what it did before and does from now on are two.
void Timeline::exploit(const Exploit& exploit) {
  const auto found = progress_.find(exploit.trial);
  if (found == progress_.end()) return;
  Progress& progress = found->second;
  progress.at = progress.reached = exploit.donor.step;
  if (!progress.leg) return;
  const std::size_t index = *progress.leg;
  const Leg& before = legs_[index];
  const auto live = live_.find(before.launch);
  if (live == live_.end()) return;
  const bool moves = elsewhere(exploit.donor, before.slot);
  for (std::size_t& leg : live->second) {
    if (legs_[leg].trial != exploit.trial) continue;
    close_leg(legs_[leg]);
    Leg next = legs_[leg];
    next.from = next.to = exploit.donor.step;
    next.start = now_;
    next.cost = 0;
    next.moved = moves && !next.further;
    leg = open_leg(next);
    if (!next.further) progress.leg = leg;
  }
}

void Timeline::end(LaunchId launch) {
  const auto live = live_.find(launch);
  if (live == live_.end()) return;
  for (const std::size_t leg : live->second) close_leg(legs_[leg]);
  live_.erase(live);
}

std::vector<Leg> Timeline::legs() const {
  std::vector<Leg> legs = legs_;
  for (const auto& [launch, open] : live_)
    for (const std::size_t leg : open) close_leg(legs[leg]);
  return legs;
}

double Timeline::cost() const {
  double sum = 0;
  for (const Leg& leg : legs()) sum += leg.cost;
  return sum;
}

Trained Timeline::trained(TrialId trial) const {
  const auto found = progress_.find(trial);
  return found == progress_.end() ? Trained{} : found->second.trained;
}

double Timeline::utilisation() const {
  double busy = 0, speed = 0;
  for (const Leg& leg : legs())
    if (const auto lane = lanes_.find(leg.slot); lane != lanes_.end())
      busy += lane->second.speed * seconds(leg.end - leg.start);
  for (const auto& [slot, lane] : lanes_) speed += lane.speed;
  const double all = speed * seconds(now_);
  return all > 0 ? busy / all : 0;
}

std::string Timeline::csv() const {
  std::string out = "launch,trial,slot,node,from_step,to_step,start,end,moved,cost\n";
  for (const Leg& leg : legs()) {
    const auto lane = lanes_.find(leg.slot);
    std::string host;
    if (lane != lanes_.end()) append_csv(host, lane->second.host);
    out += fmt::format("{},{},{},{},{},{},{:.6f},{:.6f},{},{:.10g}\n", leg.launch.value,
                       leg.trial.value, leg.slot.value, host, leg.from, leg.to, seconds(leg.start),
                       seconds(leg.end), leg.moved ? 1 : 0, leg.cost);
  }
  return out;
}

}  // namespace clavier::report
