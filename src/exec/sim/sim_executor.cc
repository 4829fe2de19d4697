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
  for (const double total : options.arrays)
    if (!std::isfinite(total) || total <= 0)
      return invalid(fmt::format("an array does more than nothing, not {}", total));
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
    leave_all(event.place, ExitKind::kCompleted);
}

void SimExecutor::deliver(LaunchId launch, Signal signal) {
  if (options_.report_seconds == 0)
    ready_.push_back(std::move(signal));
  else
    push(now_ + span(options_.report_seconds), Kind::kDelivery, 0, launch,
         signals_.put(std::move(signal)));
}

/// Where the trial comes next that anybody hears of.
Steps SimExecutor::next_report(const Part& part) const {
  const Steps every = options_.report_every;
  return std::min(part.last, (part.step / every + 1) * every);
}

Steps SimExecutor::last_step(const Config& config) const {
  return curve_.steps ? curve_.steps(config) : kForever;
}

/// To its next report, on a slot of speed 1.
double SimExecutor::step_seconds(const Part& part) const {
  const Steps to = next_report(part);
  double steps = static_cast<double>(to - part.step);
  if (curve_.cost) {
    steps = 0;
    for (Steps step = part.step + 1; step <= to; ++step) steps += curve_.cost(part.config, step);
  }
  return steps * options_.seconds_per_step + options_.evaluation_seconds;
}

/// How many times longer a step of the launch takes because of those that still train.
double SimExecutor::slowdown(const Run& run) const {
  const auto training =
      std::ranges::count_if(run.parts, [](const Part& part) { return part.step < part.last; });
  if (options_.arrays.empty() || training == 0) return 1;
  const auto known = std::min(static_cast<std::size_t>(training), options_.arrays.size());
  return static_cast<double>(training) / options_.arrays[known - 1];
}

StudyDuration SimExecutor::duration(std::uint32_t slot) const {
  const double factor = slowdown(*places_[slot].run);
  double longest = 0;
  for (const Part& part : places_[slot].run->parts) {
    if (part.step >= part.last) continue;
    const Steps to = next_report(part);
    double seconds = factor * step_seconds(part) / rate(slot);
    if (options_.noise > 0) {
      Rng rng = Rng::keyed(options_.seed, kNoise, part.trial.value, part.attempt, to);
      seconds *= std::exp(options_.noise * rng.normal());
    }
    if (wants_checkpoint(part, to)) seconds += options_.save_seconds;
    longest = std::max(longest, seconds);
  }
  return span(longest);
}

/// The next step, or the end if there is none, `delay` from now.
void SimExecutor::schedule(std::uint32_t slot, StudyDuration delay) {
  Run& run = *places_[slot].run;
  const bool ends = run.over();
  run.due = now_ + delay + (ends ? StudyDuration::zero() : duration(slot));
  push(run.due, ends ? Kind::kEnd : Kind::kStep, slot, run.launch, run.generation);
}

/// Why the trial fails on its way to a step; empty: it does not.
std::string SimExecutor::failure(const Part& part, Steps to) const {
  for (Steps step = part.step + 1; curve_.error && step <= to; ++step)
    if (std::string error = curve_.error(part.config, part.trial, step); !error.empty())
      return error;
  if (options_.failure_probability <= 0) return {};
  const double survives =
      std::pow(1 - options_.failure_probability, static_cast<double>(to - part.step));
  if (Rng::keyed(options_.seed, kFailure, part.trial.value, part.attempt, to).uniform() <
      1 - survives)
    return fmt::format("simulated failure at step {}", to);
  return {};
}

/// All trials of the launch have come to their next report; those that fail on the way, and those
/// that had nothing left to do, leave. What is reported together comes together.
void SimExecutor::finish_step(std::uint32_t slot) {
  Run& run = *places_[slot].run;
  const LaunchId launch = run.launch;
  std::vector<std::pair<TrialId, std::string>> leaving;  // With why they fail; empty: completed.
  Reported reported;
  for (Part& part : run.parts) {
    if (part.step >= part.last) {
      leaving.emplace_back(part.trial, "");
    } else if (std::string error = failure(part, next_report(part)); !error.empty()) {
      leaving.emplace_back(part.trial, std::move(error));
    } else {
      advance(part, run, reported.reports);
      if (!part.waiting && part.step >= part.last) leaving.emplace_back(part.trial, "");
    }
  }
  if (!reported.reports.empty()) {
    run.since = now_;
    deliver(launch, std::move(reported));
  }
  for (auto& [trial, error] : leaving) {
    const ExitKind kind = error.empty() ? ExitKind::kCompleted : ExitKind::kFailed;
    leave(slot, trial, kind, std::move(error));
  }
  go_on(slot);
}

/// To the next step, if the launch is there and nobody in it waits.
void SimExecutor::go_on(std::uint32_t slot) {
  const auto& run = places_[slot].run;
  if (run && !run->waiting()) schedule(slot, StudyDuration::zero());
}

/// One step on; what it reports of it, if anything, comes behind `reports`.
void SimExecutor::advance(Part& part, const Run& run, std::vector<Report>& reports) {
  const Steps before = std::exchange(part.step, next_report(part));
  for (Steps each = before + 1; curve_.learn && each <= part.step; ++each)
    curve_.learn(part.weights, part.config, part.trial, each, options_.seed);
  auto metrics = curve_.learn ? curve_.evaluate(part.weights, part.trial, part.step, options_.seed)
                              : curve_.metrics(part.config, part.trial, part.step, options_.seed);
  if (metrics.empty()) return;
  part.waiting = part.step >= part.until;
  Report& report = reports.emplace_back();
  report.trial = part.trial;
  report.launch = run.launch;
  report.step = part.step;
  report.seconds = seconds(now_ - run.since);
  const auto value = std::ranges::find(metrics, options_.metric, &Metric::name);
  if (value != metrics.end()) report.value = value->value;
  report.metrics = std::move(metrics);
  if (wants_checkpoint(part, part.step)) report.checkpoint = checkpoint(part, run.launch);
}

/// With the report of that step.
bool SimExecutor::wants_checkpoint(const Part& part, Steps step) const {
  const auto& rules = options_.checkpoints;
  return (rules.every > 0 && step % rules.every == 0) || (rules.at_end && step == part.last) ||
         (options_.checkpoint_at_until && step >= part.until);
}

Checkpoint SimExecutor::checkpoint(const Part& part, LaunchId launch) {
  Checkpoint saved{part.trial, launch, part.step,
                   part.directory + "/" + worker::checkpoint_name(part.step, launch)};
  if (curve_.learn) saved_[saved.path] = part.weights;
  return saved;
}

Weights SimExecutor::weights_of(const std::string& path) const {
  const auto saved = saved_.find(path);
  return saved == saved_.end() ? Weights{} : saved->second;
}

}  // namespace clavier::exec
