#include "exec/sim/sim_executor.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/match.h"
#include "base/rng.h"

namespace clavier::exec {
namespace {

/// Purposes of keyed draws.
constexpr std::uint64_t kNoise = 1;
constexpr std::uint64_t kFailure = 2;

/// The slot of launches that this simulation has not seen.
constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

/// A busy simulation looks for interrupts now and then only: each look is a system call.
constexpr std::uint64_t kWaitsPerLook = 64;
constexpr int kEventsPerLook = 4096;

/// Three thousand years: sums of some of them still fit.
constexpr double kLongestSeconds = 1e11;

bool sensible(double seconds) { return std::isfinite(seconds) && seconds >= 0; }

Status check(const SimOptions& options, const Curve& curve) {
  std::size_t slots = 0;
  for (const SimNode& node : options.nodes) {
    slots += node.slots.size();
    for (const SimSlot& slot : node.slots) {
      if (!std::isfinite(slot.speed) || slot.speed <= 0)
        return invalid(fmt::format("a simulated slot needs a speed above 0, not {}", slot.speed));
      for (const SimDrift& drift : slot.drift)
        if (!std::isfinite(drift.factor) || drift.factor <= 0)
          return invalid(fmt::format("a speed drifts by a factor above 0, not {}", drift.factor));
    }
  }
  if (slots == 0 || slots > SimExecutor::kMaxSlots)
    return invalid(fmt::format("a simulation has between 1 and {} slots, not {}",
                               SimExecutor::kMaxSlots, slots));
  for (const double seconds :
       {options.seconds_per_step, options.start_seconds, options.report_seconds,
        options.command_seconds, options.move_seconds, options.evaluation_seconds,
        options.mtbf_seconds, options.slot_mtbf_seconds, options.repair_seconds,
        options.save_seconds})
    if (!sensible(seconds))
      return invalid(fmt::format("simulated seconds are 0 or more, not {}", seconds));
  if (!sensible(options.noise) || options.noise > 10)
    return invalid(
        fmt::format("the noise of durations is between 0 and 10, not {}", options.noise));
  if (!(options.failure_probability >= 0 && options.failure_probability <= 1))
    return invalid(fmt::format("a probability of failure is between 0 and 1, not {}",
                               options.failure_probability));
  if (options.report_every < 1)
    return invalid(
        fmt::format("trials report every 1 or more steps, not {}", options.report_every));
  if (!curve.metrics && !(curve.learn && curve.evaluate))
    return invalid("a simulation needs a curve");
  return ok_status();
}

}  // namespace

Result<std::unique_ptr<SimExecutor>> SimExecutor::create(SimOptions options, Curve curve,
                                                         const Waker* waker) {
  TRY(check(options, curve));
  for (const SimNode& node : options.nodes) TRY(check_sharing(node));
  return std::unique_ptr<SimExecutor>(new SimExecutor(std::move(options), std::move(curve), waker));
}

SimExecutor::SimExecutor(SimOptions options, Curve curve, const Waker* waker)
    : options_(std::move(options)), curve_(std::move(curve)), waker_(waker) {
  for (const SimNode& node : options_.nodes) {
    first_slot_.push_back(static_cast<std::uint32_t>(places_.size()));
    for (const SimSlot& slot : node.slots) {
      Place place;
      place.node = static_cast<std::uint32_t>(first_slot_.size() - 1);
      place.speed = slot.speed;
      places_.push_back(std::move(place));
    }
  }
  share_devices();
  reset(StudyTime{});
}

StudyDuration SimExecutor::span(double seconds) {
  return from_seconds(std::clamp(seconds, 0.0, kLongestSeconds));
}

/// Begins anew: nothing runs and the nodes are still to join.
void SimExecutor::reset(StudyTime epoch) {
  now_ = epoch;
  queue_ = {};
  ready_.clear();
  slot_of_.clear();
  changes_.assign(options_.nodes.size(), 0);
  for (Place& place : places_) {
    place.alive = false;
    place.share = 1;
    place.away = false;
    place.changes = 0;
    place.run.reset();
    place.held_by.reset();
  }
  for (Shared& shared : shared_) shared.busy = 0;
  for (std::uint32_t index = 0; index < options_.nodes.size(); ++index) {
    const SimNode& node = options_.nodes[index];
    push(epoch + node.joins.time_since_epoch(), Kind::kNodeJoins, index, LaunchId{}, 0);
    if (node.lost != kNever)
      push(epoch + node.lost.time_since_epoch(), Kind::kNodeLost, index, LaunchId{}, 0);
    for (const SimPresence& each : node.later)
      push(epoch + each.time.time_since_epoch(), each.here ? Kind::kNodeJoins : Kind::kNodeLost,
           index, LaunchId{}, 0);
    for (std::uint32_t i = 0; i < node.slots.size(); ++i) {
      const std::uint32_t slot = first_slot_[index] + i;
      places_[slot].speed = node.slots[i].speed;
      for (const SimPresence& each : node.slots[i].later)
        push(epoch + each.time.time_since_epoch(), each.here ? Kind::kSlotJoins : Kind::kSlotLost,
             slot, LaunchId{}, 0);
      if (options_.slot_mtbf_seconds > 0)
        foresee_slot_failure(slot, epoch + node.joins.time_since_epoch());
      for (std::size_t change = 0; change < node.slots[i].drift.size(); ++change)
        push(epoch + node.slots[i].drift[change].time.time_since_epoch(), Kind::kSpeed, slot,
             LaunchId{}, change);
    }
  }
}

Node SimExecutor::node(std::uint32_t index) const {
  const SimNode& simulated = options_.nodes[index];
  Node node;
  node.id = NodeId{index};
  node.host = simulated.host.empty() ? fmt::format("sim{}", index) : simulated.host;
  node.facts = {{"executor", "simulator"}};
  double cpus = 0;
  for (std::size_t i = 0; i < simulated.slots.size(); ++i) {
    Slot slot;
    slot.id = SlotId{static_cast<std::int64_t>(first_slot_[index] + i)};
    slot.node = node.id;
    slot.resources = simulated.slots[i].resources;
    slot.speed = simulated.slots[i].speed;
    slot.price_per_hour = simulated.slots[i].price_per_hour;
    slot.gpu_ids = simulated.slots[i].gpu_ids;
    for (const int id : slot.gpu_ids) {
      const auto device = static_cast<std::size_t>(id);
      node.gpus.resize(std::max(node.gpus.size(), device + 1), "simulated");
      // Devices of one name are alike.
      if (!simulated.slots[i].sharing.empty())
        node.gpus[device] =
            fmt::format("simulated, sharing {:g}", fmt::join(simulated.slots[i].sharing, " "));
    }
    cpus += slot.resources.cpus;
    node.memory_mb += slot.resources.memory_mb;
    if (!places_[first_slot_[index] + i].away) node.slots.push_back(std::move(slot));
  }
  node.cpus = static_cast<int>(std::ceil(cpus));
  return node;
}

void SimExecutor::push(StudyTime time, Kind kind, std::uint32_t place, LaunchId launch,
                       std::uint64_t detail) {
  queue_.push({time, launch, kind, place, ++sequence_, detail});
}

void SimExecutor::go_live() {
  if (live_) return;
  live_ = true;
  known_ = {};
  if (lost_) reset(now_);
}

void SimExecutor::start(Order order) {
  go_live();
  begin(order);
}

void SimExecutor::send(const Message& message) {
  go_live();
  pass_on(message);
}

void SimExecutor::discard(const std::string& path) { saved_.erase(path); }

std::vector<Signal> SimExecutor::wait(StudyTime deadline) {
  go_live();
  if (++waits_ % kWaitsPerLook == 0 && woken(0)) return {};
  std::vector<Signal> signals;
  if (next(deadline)) {
    do {
      signals.push_back(std::move(ready_.front()));
      ready_.pop_front();
    } while (signals.size() < kMaxSignals && std::holds_alternative<NodeJoined>(signals.back()) &&
             next(now_) && std::holds_alternative<NodeJoined>(ready_.front()));
    return signals;
  }
  if (woken(deadline == kNever ? -1 : 0) || deadline == kNever) return {};
  now_ = std::max(now_, deadline);
  signals.emplace_back(Deadline{});
  return signals;
}

bool SimExecutor::woken(int timeout_ms) const {
  if (!waker_) return false;
  pollfd waker{.fd = waker_->fd(), .events = POLLIN, .revents = 0};
  return ::poll(&waker, 1, timeout_ms) > 0;
}

bool SimExecutor::next(StudyTime limit) {
  int without_signal = 0;
  while (ready_.empty()) {
    if (queue_.empty() || queue_.top().time > limit) return false;
    if (++without_signal % kEventsPerLook == 0 && live_ && woken(0)) return false;
    const Event event = queue_.top();
    queue_.pop();
    now_ = std::max(now_, event.time);
    ++events_;
    process(event);
  }
  return true;
}

void SimExecutor::process(const Event& event) {
  switch (event.kind) {
    case Kind::kNodeJoins: return node_joins(event.place, event.detail);
    case Kind::kNodeLost: return node_lost(event.place, event.detail);
    case Kind::kSlotJoins: return slot_joins(event.place, event.detail);
    case Kind::kSlotLost: return slot_lost(event.place, event.detail);
    case Kind::kSpeed: {
      const std::uint32_t node = places_[event.place].node;
      const SimSlot& slot = options_.nodes[node].slots[event.place - first_slot_[node]];
      return change_speed(event.place, slot.speed * slot.drift[event.detail].factor,
                          places_[event.place].share);
    }
    case Kind::kDelivery: ready_.push_back(signals_.take(event.detail)); return;
    case Kind::kCommand: return obey(event.place, messages_.take(event.detail));
    case Kind::kStep:
    case Kind::kEnd: break;
  }
  const auto& run = places_[event.place].run;
  if (!run || run->launch != event.launch || run->generation != event.detail) return;
  if (event.kind == Kind::kStep)
    finish_step(event.place);
  else
    leave(event.place, ExitKind::kCompleted);
}

void SimExecutor::deliver(LaunchId launch, Signal signal) {
  if (options_.report_seconds == 0)
    ready_.push_back(std::move(signal));
  else
    push(now_ + span(options_.report_seconds), Kind::kDelivery, 0, launch,
         signals_.put(std::move(signal)));
}

void SimExecutor::begin(const Order& order) {
  if (const std::string why = obstacle(order); !why.empty()) {
    // A node that the tuner has not yet heard to be lost.
    const bool gone = std::ranges::any_of(order.launch.shares, [&](const Share& share) {
      const auto slot = static_cast<std::size_t>(share.slot.value);
      return share.slot.valid() && slot < places_.size() &&
             (changes_[places_[slot].node] > 1 || places_[slot].changes > 0);
    });
    for (const Member& member : order.launch.members)
      deliver(order.launch.id, Exited{.trial = member.trial,
                                      .launch = order.launch.id,
                                      .kind = gone ? ExitKind::kLost : ExitKind::kRefused,
                                      .error = why});
    deliver(order.launch.id, LaunchEnded{order.launch.id});
    return;
  }
  const Member& member = order.launch.members.front();
  const auto slot = static_cast<std::uint32_t>(order.launch.shares.front().slot.value);
  Run run;
  run.launch = order.launch.id;
  run.trial = member.trial;
  run.attempt = member.attempt;
  run.config = order.members.front().config;
  run.directory = order.members.front().directory;
  run.step = run.from = member.from ? member.from->step : 0;
  run.until = std::min(member.until, member.stretch);
  run.last = last_step(run.config);
  run.since = now_;
  if (member.from) run.weights = weights_of(member.from->path);
  const double fetching = member.from ? fetch(member.from->launch, slot) : 0;
  crowd(slot, +1);
  for (std::size_t i = 1; i < order.launch.shares.size(); ++i) {
    run.further.push_back(static_cast<std::uint32_t>(order.launch.shares[i].slot.value));
    places_[run.further.back()].held_by = slot;
  }
  places_[slot].run = std::move(run);
  slot_of_[order.launch.id] = slot;
  const auto launch = static_cast<std::size_t>(order.launch.id.value);
  if (launch >= wrote_in_.size()) wrote_in_.resize(launch + 1, kNowhere);
  wrote_in_[launch] = slot;
  schedule(slot, span(fetching + options_.start_seconds / rate(slot)));
}

double SimExecutor::fetch(LaunchId launch, std::uint32_t slot) {
  const auto index = static_cast<std::size_t>(launch.value);
  if (index < wrote_in_.size() && wrote_in_[index] == slot) return 0;
  ++moves_;
  return options_.move_seconds;
}

/// Where the trial comes next that anybody hears of.
Steps SimExecutor::next_report(const Run& run) const {
  const Steps every = options_.report_every;
  return std::min(run.last, (run.step / every + 1) * every);
}

Steps SimExecutor::last_step(const Config& config) const {
  return curve_.steps ? curve_.steps(config) : kForever;
}

StudyDuration SimExecutor::duration(std::uint32_t slot) const {
  const Run& run = *places_[slot].run;
  const Steps to = next_report(run);
  double steps = static_cast<double>(to - run.step);
  if (curve_.cost) {
    steps = 0;
    for (Steps step = run.step + 1; step <= to; ++step) steps += curve_.cost(run.config, step);
  }
  double seconds = (steps * options_.seconds_per_step + options_.evaluation_seconds) / rate(slot);
  if (options_.noise > 0) {
    Rng rng = Rng::keyed(options_.seed, kNoise, run.trial.value, run.attempt, to);
    seconds *= std::exp(options_.noise * rng.normal());
  }
  if (wants_checkpoint(run, to)) seconds += options_.save_seconds;
  return span(seconds);
}

/// The next step, or the end if there is none, `delay` from now.
void SimExecutor::schedule(std::uint32_t slot, StudyDuration delay) {
  Run& run = *places_[slot].run;
  const bool ends = run.step >= run.last;
  run.due = now_ + delay + (ends ? StudyDuration::zero() : duration(slot));
  push(run.due, ends ? Kind::kEnd : Kind::kStep, slot, run.launch, run.generation);
}

/// Why the trial fails on its way to a step; empty: it does not.
std::string SimExecutor::failure(const Run& run, Steps to) const {
  for (Steps step = run.step + 1; curve_.error && step <= to; ++step)
    if (std::string error = curve_.error(run.config, run.trial, step); !error.empty()) return error;
  const double survives =
      std::pow(1 - options_.failure_probability, static_cast<double>(to - run.step));
  if (options_.failure_probability > 0 &&
      Rng::keyed(options_.seed, kFailure, run.trial.value, run.attempt, to).uniform() <
          1 - survives)
    return fmt::format("simulated failure at step {}", to);
  return {};
}

void SimExecutor::finish_step(std::uint32_t slot) {
  Run& run = *places_[slot].run;
  const Steps before = run.step;
  const Steps step = next_report(run);
  if (std::string error = failure(run, step); !error.empty())
    return leave(slot, ExitKind::kFailed, std::move(error));

  run.step = step;
  for (Steps each = before + 1; curve_.learn && each <= step; ++each)
    curve_.learn(run.weights, run.config, run.trial, each, options_.seed);
  auto metrics = curve_.learn ? curve_.evaluate(run.weights, run.trial, step, options_.seed)
                              : curve_.metrics(run.config, run.trial, step, options_.seed);
  if (!metrics.empty()) {
    run.waiting = step >= run.until;
    Report report;
    report.trial = run.trial;
    report.launch = run.launch;
    report.step = step;
    report.seconds = seconds(now_ - run.since);
    const auto value = std::ranges::find(metrics, options_.metric, &Metric::name);
    if (value != metrics.end()) report.value = value->value;
    report.metrics = std::move(metrics);
    if (wants_checkpoint(run, step)) report.checkpoint = checkpoint(run);
    run.since = now_;
    Reported reported;
    reported.reports.push_back(std::move(report));
    deliver(run.launch, std::move(reported));
  }
  if (run.waiting) return;
  if (step >= run.last) return leave(slot, ExitKind::kCompleted);
  schedule(slot, StudyDuration::zero());
}

/// With the report of that step.
bool SimExecutor::wants_checkpoint(const Run& run, Steps step) const {
  const auto& rules = options_.checkpoints;
  return (rules.every > 0 && step % rules.every == 0) || (rules.at_end && step == run.last) ||
         (options_.checkpoint_at_until && step >= run.until);
}

Checkpoint SimExecutor::checkpoint(const Run& run) {
  Checkpoint saved{run.trial, run.launch, run.step,
                   run.directory + "/" + worker::checkpoint_name(run.step, run.launch)};
  if (curve_.learn) saved_[saved.path] = run.weights;
  return saved;
}

Weights SimExecutor::weights_of(const std::string& path) const {
  const auto saved = saved_.find(path);
  return saved == saved_.end() ? Weights{} : saved->second;
}

void SimExecutor::leave(std::uint32_t slot, ExitKind kind, std::string error) {
  const Run& run = *places_[slot].run;
  const LaunchId launch = run.launch;
  deliver(launch,
          Exited{.trial = run.trial, .launch = launch, .kind = kind, .error = std::move(error)});
  deliver(launch, LaunchEnded{launch});
  slot_of_.erase(launch);
  for (const std::uint32_t further : run.further) places_[further].held_by.reset();
  places_[slot].run.reset();
  crowd(slot, -1);
}

void SimExecutor::pass_on(const Message& message) {
  const auto slot = slot_of_.find(message.launch);
  if (slot == slot_of_.end()) return;
  push(now_ + span(options_.command_seconds), Kind::kCommand, slot->second, message.launch,
       messages_.put(message));
}

void SimExecutor::obey(std::uint32_t slot, const Message& message) {
  auto& place = places_[slot];
  if (!place.run || place.run->launch != message.launch || place.run->trial != message.trial)
    return;
  Run& run = *place.run;
  match(
      message.content,
      [&](const ContinueTo& go_on) {
        run.until = go_on.until;
        if (!run.waiting || run.step >= run.until) return;
        run.waiting = false;
        run.since = now_;
        schedule(slot, StudyDuration::zero());
      },
      [&](const StopNow&) { leave(slot, ExitKind::kStopped); },
      [&](const PauseNow&) {
        if (run.step > run.from) deliver(run.launch, CheckpointSaved{checkpoint(run)});
        leave(slot, ExitKind::kPaused);
      },
      [&](const ExploitFrom& exploit) {
        run.config = exploit.config;
        run.weights = weights_of(exploit.donor.path);
        run.step = run.from = exploit.donor.step;
        run.until = exploit.until;
        run.last = last_step(run.config);
        run.waiting = false;
        const StudyDuration fetching = span(fetch(exploit.donor.launch, slot));
        run.since = now_ + fetching;
        ++run.generation;
        schedule(slot, fetching);
      });
}

}  // namespace clavier::exec
