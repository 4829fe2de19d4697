#include "app/run/plan_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "app/file/recorded_study.h"
#include "app/run/run_study.h"
#include "app/run/this_node.h"
#include "cluster/checkpoint_period.h"
#include "cluster/cluster_state.h"

namespace clavier::app {
namespace {

/// Seconds per step as a study's log tells them.
struct Measured {
  std::map<SlotId, double> by_slot;
  std::map<std::string, double> by_host;  ///< Of its slowest slot.
  /// By a device's first place: what 1, 2, … trials did on it in total, relative to one.
  std::map<SlotId, std::vector<double>> sharing;
  double slowest = 0;
  double move_seconds = 0;
  double start_seconds = 0;
  Steps report_every = 1;
  Steps longest = 0;  ///< Trial that completed.
};

double seconds_per_step(const cluster::SlotState& slot) {
  if (slot.usual_seconds > 0) return slot.usual_seconds;
  return slot.first_steps > 0 ? slot.first_seconds / slot.first_steps : 0;
}

Result<Measured> measured_in(const StudyFolder& folder) {
  cluster::ClusterState cluster;
  std::map<SlotId, double> first_reports;
  std::set<SlotId> shared;  // What was measured since says nothing of a trial by itself.
  const auto study =
      TRY(read_recorded(folder, store::Metrics::kSkip, [&](const Step& step, const State&) {
        cluster.apply(step);
        // A launch with a single report forgets it when the next begins.
        for (const auto& [id, slot] : cluster.slots()) {
          if (cluster.packing().company(id) > 1) shared.insert(id);
          if (const double each = seconds_per_step(slot); each > 0 && !shared.contains(id))
            first_reports[id] = each;
        }
      }));
  Measured found;
  found.by_slot = std::move(first_reports);
  for (const auto& [id, each] : found.by_slot) {
    const Slot& slot = cluster.slots().at(id).slot;
    double& host = found.by_host[cluster.nodes().at(slot.node).host];
    host = std::max(host, each);
    found.slowest = std::max(found.slowest, each);
  }
  if (found.slowest == 0)
    return not_found(
        fmt::format("{} has measured nothing: no trial has reported", folder.root.string()));
  for (std::size_t i = 0; i < cluster.packing().size(); ++i) {
    const std::vector<SlotId>& places = cluster.packing().device(i).places;
    std::vector<double>& totals = found.sharing[places.front()];
    for (int k = 1; k <= static_cast<int>(places.size()); ++k)
      totals.push_back(k * cluster.packing().part(places.front(), k));
  }
  found.start_seconds = cluster.start_seconds();
  // A move was measured until the trial worked: what any start takes is part of it.
  found.move_seconds = std::max(0.0, cluster.move_seconds() - found.start_seconds);
  Steps gap = kForever;
  for (const Trial& trial : study.state.trials()) {
    Steps before = 0;
    for (const Point& point : trial.history) {
      if (point.step > before) gap = std::min(gap, point.step - before);
      before = point.step;
    }
    if (trial.status == TrialStatus::kCompleted)
      found.longest = std::max(found.longest, trial.step);
  }
  if (gap != kForever) found.report_every = gap;
  return found;
}

/// Slots that are places of one device as one entry again, as fast as the first of them.
std::vector<SlotSpec> packed(const std::vector<SlotSpec>& places, const exec::SimOptions& cluster) {
  std::vector<SlotSpec> slots;
  std::size_t next = 0;
  for (const exec::SimNode& node : cluster.nodes) {
    const std::vector<int>* devices = nullptr;
    for (const exec::SimSlot& place : node.slots) {
      const SlotSpec& one = places[next++];
      if (devices && !place.sharing.empty() && *devices == place.gpu_ids) {
        SlotSpec& slot = slots.back();
        ++slot.pack;
        *slot.cpus += *one.cpus;
        *slot.memory_mb += *one.memory_mb;
        for (auto& [name, amount] : *slot.custom) amount += one.custom->at(name);
        continue;
      }
      slots.push_back(one);
      // Whoever takes turns was not declared to.
      if (std::ranges::any_of(place.sharing, [](double total) { return total != 1; }))
        slots.back().sharing = place.sharing;
      devices = &place.gpu_ids;
    }
  }
  return slots;
}

/// Each slot by itself, at the speed that `seconds_of` says of it (seconds per step), with launches
/// that take so long to start in the mean.
template <typename SecondsOf>
Result<StudySpec> at_speeds(const StudySpec& spec, double start_seconds, SecondsOf seconds_of) {
  const exec::SimOptions slots = TRY(simulated_cluster(spec, World::kCalm));
  StudySpec measured = spec;
  measured.cluster.slots.clear();
  measured.cluster.discover = false;
  measured.cluster.seconds_per_step = 1;
  if (measured.simulate) measured.simulate->seconds_per_step.reset();
  std::int64_t id = 0;
  double seconds_per_step = 0;
  for (const exec::SimNode& node : slots.nodes)
    for (const exec::SimSlot& slot : node.slots) {
      SlotSpec one{.node = node.host,
                   .cpus = slot.resources.cpus,
                   .gpus = slot.resources.gpus,
                   .memory_mb = slot.resources.memory_mb,
                   .custom = slot.resources.custom,
                   .price_per_hour = slot.price_per_hour};
      const double each = seconds_of(SlotId{id++}, node.host);
      one.speed = 1 / each;
      seconds_per_step += each;
      measured.cluster.slots.push_back(std::move(one));
    }
  if (start_seconds > 0) {
    if (!measured.simulate) measured.simulate.emplace();
    measured.simulate->start_seconds = start_seconds * static_cast<double>(id) / seconds_per_step;
  }
  measured.cluster.slots = packed(measured.cluster.slots, slots);
  return measured;
}

Result<StudySpec> as_measured(const StudySpec& spec, const Measured& found) {
  StudySpec measured =
      TRY(at_speeds(spec, found.start_seconds, [&](SlotId slot, const std::string& host) {
        if (const auto same = found.by_slot.find(slot); same != found.by_slot.end())
          return same->second;
        const auto there = found.by_host.find(host);
        return there == found.by_host.end() ? found.slowest : there->second;
      }));
  std::int64_t place = 0;
  for (SlotSpec& slot : measured.cluster.slots) {
    const auto learned = found.sharing.find(SlotId{place});
    if (slot.pack > 1 && slot.sharing.empty() && learned != found.sharing.end()) {
      slot.sharing = learned->second;
      slot.sharing.resize(static_cast<std::size_t>(slot.pack), slot.sharing.back());
    }
    place += slot.pack;
  }
  if (found.move_seconds > 0) {
    measured.cluster.move_seconds = found.move_seconds;
    if (measured.simulate) measured.simulate->move_seconds.reset();
  }
  if (!measured.simulate) measured.simulate.emplace();
  if (!spec.simulate) measured.simulate->report_every = found.report_every;
  if (measured.trial_length() == kForever && found.longest > 0)
    measured.trial.stop.steps = found.longest;
  return measured;
}

std::string declared_source(const StudySpec& spec, bool& measured) {
  const ClusterSpec& cluster = spec.cluster;
  const double each = (spec.simulate ? spec.simulate->seconds_per_step : std::nullopt)
                          .value_or(cluster.seconds_per_step);
  measured = std::ranges::any_of(cluster.slots,
                                 [](const SlotSpec& slot) { return slot.speed.has_value(); });
  if (measured)
    return fmt::format("the speeds of [[cluster.slots]], {:.6g} s per step at speed 1", each);
  return fmt::format(
      "assumed, {:.6g} s per step on every slot ([cluster] seconds_per_step); --from STUDY takes "
      "what an earlier study measured, --probe measures",
      each);
}

Status check_limits(const StudySpec& spec) {
  if (spec.trials == kForever)
    return invalid("nothing limits the number of trials: set [study] trials to plan them");
  if (spec.trial_length() == kForever && (!spec.simulate || spec.simulate->curve == "power-law"))
    return invalid("nothing says how long a trial is: set [trial.stop] steps");
  return {};
}

Result<std::string> starts(const StudySpec& spec, bool measured) {
  const double each = spec.simulate ? spec.simulate->start_seconds : 0;
  if (each <= 0)
    return std::string(
        measured ? "no launch took time to start"
                 : "the start of workers is not counted; --from STUDY and --probe measure it");
  const exec::SimOptions slots = TRY(simulated_cluster(spec, World::kCalm));
  double sum = 0, count = 0;
  for (const exec::SimNode& node : slots.nodes)
    for (const exec::SimSlot& slot : node.slots) {
      sum += each / slot.speed;
      ++count;
    }
  return fmt::format("a launch takes {:.4g} s to start in the mean of the slots, {}", sum / count,
                     measured ? "as measured" : "by [simulate] start_seconds");
}

/// Seconds per step in the mean of all steps, of the study without saves.
Result<double> step_seconds(StudySpec spec, const PlanOptions& options) {
  spec.simulate->save_seconds = spec.simulate->start_seconds = 0;
  const Simulated done = TRY(simulate_study(spec, {.home = options.home, .world = World::kCalm}));
  double busy = 0, steps = 0;
  for (const report::Leg& leg : done.timeline.legs())
    if (!leg.further) busy += seconds(leg.end - leg.start);
  for (const Trial& trial : done.state.trials())
    steps += static_cast<double>(done.timeline.trained(trial.id).steps);
  return steps > 0 ? busy / steps : 0;
}

/// None without saves that cost time and slots that fail.
Result<std::optional<CheckpointAdvice>> advice(const StudySpec& spec, const PlanOptions& options) {
  std::optional<CheckpointAdvice> best;
  if (!spec.simulate || spec.simulate->save_seconds <= 0) return best;
  double per_second = 0;
  for (const auto& mtbf : {spec.simulate->mtbf, spec.simulate->slot_mtbf})
    if (mtbf) per_second += 1 / seconds(*mtbf);
  if (per_second == 0) return best;
  const double each = TRY(step_seconds(spec, options));
  if (each <= 0) return best;
  const cluster::Failures failures{.save = spec.simulate->save_seconds,
                                   .mtbf = 1 / per_second,
                                   .restart = spec.simulate->start_seconds};
  const Steps length = spec.trial_length();
  const auto loss = [&](Steps every) {
    return cluster::checkpoint_loss(failures, static_cast<double>(every) * each);
  };
  const Steps every = std::min(cluster::checkpoint_steps(failures, each), length);
  best = CheckpointAdvice{
      .every = every,
      .loss = loss(every),
      .loss_now = loss(spec.checkpoint.every > 0 ? spec.checkpoint.every : length)};
  return best;
}

/// Coarser reports where there would be too many to simulate.
void coarsen(StudySpec& spec, std::int64_t most_events) {
  const Steps length = spec.trial_length();
  if (length == kForever || spec.trials == kForever) return;
  const double reports = static_cast<double>(length) * static_cast<double>(spec.trials);
  const auto every = static_cast<Steps>(std::ceil(reports / static_cast<double>(most_events)));
  if (every <= 1) return;
  if (!spec.simulate) spec.simulate.emplace();
  spec.simulate->report_every = std::max(spec.simulate->report_every, every);
}

}  // namespace

Result<Planned> plan_study(const StudySpec& spec, const PlanOptions& options) {
  StudySpec planned = spec;
  std::string source;
  bool measured = true;
  if (options.from) {
    const auto folder = TRY(find_study(options.home, *options.from));
    planned = TRY(as_measured(planned, TRY(measured_in(folder))));
    source = fmt::format("measured by the study {}", folder.name());
  } else if (options.probed) {
    source = "measured here, an interval on each kind of slot (--probe)";
  } else {
    source = declared_source(spec, measured);
  }
  TRY(check_limits(planned));
  coarsen(planned, options.most_events);
  if (sharing_unknown(planned))
    source +=
        "; as if packing gained nothing: no slot says what trials do that share its GPU "
        "([[cluster.slots]] sharing)";
  std::string start = TRY(starts(planned, options.from || options.probed));
  Planned result{TRY(simulate_study(planned, {.home = options.home, .world = World::kCalm})),
                 std::move(source), measured, std::move(start)};
  result.advice = TRY(advice(planned, options));
  return result;
}

Result<StudySpec> probe_speeds(const StudySpec& spec, const ProbeOptions& options) {
  const Node node = TRY(this_node(spec));
  const Steps length = spec.trial_length();
  const Steps interval = length == kForever ? 10 : std::max<Steps>(2, length / 20);
  std::map<SlotId, double> each;
  std::vector<std::pair<Slot, double>> kinds;
  double starting = 0;
  for (const Slot& slot : node.slots) {
    const auto same = std::ranges::find_if(kinds, [&](const auto& kind) {
      return kind.first.resources == slot.resources && kind.first.speed == slot.speed &&
             kind.first.emulated == slot.emulated;
    });
    if (same != kinds.end()) {
      each[slot.id] = same->second;
      continue;
    }
    StudySpec probe = spec;
    probe.name = fmt::format("probe{}", kinds.size());
    probe.trials = 1;
    probe.trial.stop = {.steps = interval};
    probe.stop = {};
    probe.trial.gang = {};
    probe.fusion = {};
    probe.scheduler = {"fifo"};
    probe.planner = {"first-fit"};
    probe.checkpoint.at_end = false;
    probe.report.directories = false;
    probe.text.clear();
    SlotSpec one{.cpus = slot.resources.cpus,
                 .gpus = slot.resources.gpus,
                 .memory_mb = slot.resources.memory_mb,
                 .custom = slot.resources.custom};
    if (slot.emulated) one.speed = slot.speed;
    probe.cluster.slots = {one};
    probe.cluster.discover = false;
    probe.cluster.workers = 0;
    const auto folder = options.folder / probe.name;
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    const auto report = TRY(run_study(probe, {.folder = folder,
                                              .data_directory = options.data_directory,
                                              .waker = options.waker,
                                              .interrupts = options.interrupts}));
    if (report.interrupted) return unavailable("the probe was interrupted");
    const auto& trials = report.state.trials();
    if (trials.empty() || trials[0].history.empty())
      return unavailable(fmt::format("the probe's trial has not reported: {}",
                                     trials.empty()             ? "it never ran"
                                     : trials[0].reason.empty() ? "it ended without a line such as "
                                                                  "{\"loss\": 0.5}"
                                                                : trials[0].reason));
    // What the first report took may hold the start of the worker.
    const std::vector<Point>& points = trials[0].history;
    const std::size_t from = points.size() > 1 ? 1 : 0;
    double took = 0;
    for (std::size_t i = from; i < points.size(); ++i) took += points[i].seconds;
    const Steps steps = points.back().step - (from ? points.front().step : 0);
    each[slot.id] = std::max(1e-9, took / static_cast<double>(std::max<Steps>(1, steps)));
    starting += std::max(
        0.0, seconds(trials[0].busy) - each[slot.id] * static_cast<double>(points.back().step));
    kinds.emplace_back(slot, each[slot.id]);
  }
  return at_speeds(spec, starting / static_cast<double>(kinds.size()),
                   [&](SlotId slot, const std::string&) { return each.at(slot); });
}

}  // namespace clavier::app
