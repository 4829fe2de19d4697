#include "app/run/simulated_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "app/file/recorded_study.h"
#include "app/registry/gang_file.h"
#include "base/rng.h"
#include "cluster/discovery.h"
#include "exec/sim/config_text.h"
#include "exec/sim/power_law.h"
#include "exec/sim/recorded.h"
#include "exec/sim/table.h"

namespace clavier::app {
namespace {

constexpr std::string_view kThisHost = "local";

exec::SimNode& node_called(exec::SimOptions& options, std::string_view host) {
  const auto found = std::ranges::find(options.nodes, host, &exec::SimNode::host);
  if (found != options.nodes.end()) return *found;
  return options.nodes.emplace_back(exec::SimNode{.slots = {}, .host = std::string(host)});
}

/// As many places as trials may share the devices, which get the next numbers of the node.
void add_places(const SlotSpec& declared, exec::SimSlot slot, exec::SimNode& node) {
  int device = 0;
  for (const exec::SimSlot& other : node.slots)
    for (const int id : other.gpu_ids) device = std::max(device, id + 1);
  for (int i = 0; i < static_cast<int>(slot.resources.gpus); ++i)
    slot.gpu_ids.push_back(device + i);
  const auto places = static_cast<std::size_t>(declared.pack);
  slot.sharing = declared.sharing;
  // Nothing is known: as if they took turns.
  if (slot.sharing.empty()) slot.sharing.assign(places, 1);
  node.slots.insert(node.slots.end(), places, slot);
}

Status add_slots(const StudySpec& spec, exec::SimOptions& options) {
  for (const SlotSpec& declared : spec.cluster.slots) {
    const exec::SimSlot slot{.speed = declared.speed.value_or(1),
                             .resources = resources_of(declared, spec.trial.resources),
                             .price_per_hour = declared.price_per_hour};
    exec::SimNode& node = node_called(options, declared.node.empty() ? kThisHost : declared.node);
    if (declared.pack == 1)
      node.slots.insert(node.slots.end(), static_cast<std::size_t>(declared.count), slot);
    for (int i = 0; declared.pack > 1 && i < declared.count; ++i) add_places(declared, slot, node);
  }
  if (!spec.cluster.discovers()) return {};
  const auto machine = cluster::discover_node(cluster::discovery_options());
  const auto found = TRY(cluster::make_slots(machine, spec.trial.resources, spec.cluster.workers,
                                             spec.cluster.max_per_gpu));
  for (const Slot& slot : found)
    node_called(options, kThisHost)
        .slots.push_back(
            {.resources = slot.resources, .price_per_hour = spec.cluster.price_per_hour});
  return {};
}

void add_event(const SimulateEvent& event, exec::SimOptions& options, std::set<std::string>& seen) {
  const StudyTime time(event.at);
  if (event.here && event.slot) {
    std::int64_t number = *event.slot;
    for (exec::SimNode& node : options.nodes)
      for (exec::SimSlot& slot : node.slots)
        if (number-- == 0) slot.later.push_back({time, *event.here});
  } else if (event.here) {
    exec::SimNode& node = node_called(options, event.node);
    if (seen.insert(event.node).second && *event.here)
      node.joins = time;
    else
      node.later.push_back({time, *event.here});
  }
  if (!event.speed) return;
  std::int64_t number = 0;
  for (exec::SimNode& node : options.nodes)
    for (exec::SimSlot& slot : node.slots)
      if (number++ == event.slot.value_or(-1) || (!event.node.empty() && node.host == event.node))
        slot.drift.push_back({time, *event.speed});
}

/// The metrics of the closed form under the study's name for `objective`.
exec::Curve named(exec::Curve curve, const Objective& objective) {
  curve.metrics = [inner = std::move(curve.metrics), objective](const Config& config, TrialId trial,
                                                                Steps step, std::uint64_t seed) {
    auto metrics = inner(config, trial, step, seed);
    const std::string wanted = objective.mode == Mode::kMin ? "loss" : "accuracy";
    if (wanted == objective.metric) return metrics;
    const auto value = std::ranges::find(metrics, wanted, &Metric::name)->value;
    std::erase_if(metrics, [&](const Metric& each) { return each.name == objective.metric; });
    metrics.push_back({objective.metric, value});
    return metrics;
  };
  return curve;
}

/// Of several objectives each has a landscape, and so a best configuration, of its own.
exec::Curve closed_form(const StudySpec& spec, exec::PowerLaw options) {
  exec::Curve curve = named(exec::power_law(spec.space, options), spec.objective);
  for (const Objective& further : spec.objective.further) {
    ++options.landscape;
    curve.metrics = [before = std::move(curve.metrics), name = further.metric,
                     own = named(exec::power_law(spec.space, options), further)](
                        const Config& config, TrialId trial, Steps step, std::uint64_t seed) {
      auto metrics = before(config, trial, step, seed);
      const auto others = own.metrics(config, trial, step, seed);
      std::erase_if(metrics, [&](const Metric& each) { return each.name == name; });
      metrics.push_back(*std::ranges::find(others, name, &Metric::name));
      return metrics;
    };
  }
  return curve;
}

Result<exec::Curve> recorded(const StudySpec& spec, const std::string& from,
                             const std::filesystem::path& home) {
  const std::filesystem::path beside = spec.working_directory / from;
  std::error_code ignored;
  const std::string name = std::filesystem::exists(beside, ignored) ? beside.string() : from;
  const auto study = TRY(read_recorded(TRY(find_study(home, name)), store::Metrics::kSkip));
  auto trials = exec::recorded_trials(study.state);
  if (trials.empty())
    return not_found(fmt::format("{} has no trial that has reported", study.folder.root.string()));
  return exec::recorded_curve(std::move(trials));
}

}  // namespace

Result<exec::SimOptions> simulated_cluster(const StudySpec& spec, World world) {
  const SimulateSpec simulate = spec.simulate.value_or(SimulateSpec{});
  exec::SimOptions options;
  options.nodes.clear();
  TRY(add_slots(spec, options));
  std::size_t largest = 0;
  for (const exec::SimNode& node : options.nodes) largest = std::max(largest, node.slots.size());
  TRY(check_gang_fits(spec, largest));
  options.seconds_per_step = simulate.seconds_per_step.value_or(spec.cluster.seconds_per_step);
  options.move_seconds = simulate.move_seconds.value_or(spec.cluster.move_seconds);
  options.save_seconds = simulate.save_seconds;
  options.arrays = arrays_unknown(spec) ? std::vector<double>{1} : simulate.arrays;
  options.start_seconds = simulate.start_seconds;
  options.report_seconds = simulate.report_seconds;
  options.command_seconds = simulate.command_seconds;
  options.report_every = simulate.report_every;
  options.evaluation_seconds = simulate.evaluation_seconds;
  options.checkpoints = {.every = spec.checkpoint.every, .at_end = spec.checkpoint.at_end};
  options.seed = simulate.seed ? static_cast<std::uint64_t>(*simulate.seed) : spec.seed;
  options.metric = spec.objective.metric;
  if (world == World::kCalm) return options;
  options.noise = simulate.noise;
  options.failure_probability = simulate.failure_probability;
  options.mtbf_seconds = simulate.mtbf ? seconds(*simulate.mtbf) : 0;
  options.slot_mtbf_seconds = simulate.slot_mtbf ? seconds(*simulate.slot_mtbf) : 0;
  options.repair_seconds = seconds(simulate.repair);
  auto events = simulate.events;
  std::ranges::stable_sort(events, {}, &SimulateEvent::at);
  std::set<std::string> seen;
  for (const SimulateEvent& event : events) add_event(event, options, seen);
  return options;
}

bool sharing_unknown(const StudySpec& spec) {
  return std::ranges::any_of(spec.cluster.slots, [](const SlotSpec& slot) {
    return slot.pack > 1 && slot.sharing.empty();
  });
}

bool arrays_unknown(const StudySpec& spec) {
  return spec.fusion.members != 1 && (!spec.simulate || spec.simulate->arrays.empty());
}

Result<exec::Curve> simulated_curve(const StudySpec& spec, const std::filesystem::path& home) {
  const SimulateSpec simulate = spec.simulate.value_or(SimulateSpec{});
  if (simulate.curve == "table")
    return exec::table_curve(spec.working_directory / simulate.from, spec.space);
  if (simulate.curve == "study") return recorded(spec, simulate.from, home);
  const Steps length = spec.trial_length();
  if (length == kForever)
    return invalid(
        "nothing says how long a trial is: set [trial.stop] steps, or let [simulate] curve be a "
        "table or a study");
  auto curve = closed_form(spec, {.steps = length, .noise = simulate.curve_noise});
  if (simulate.cost_spread > 1) {
    const double each = simulate.seconds_per_step.value_or(spec.cluster.seconds_per_step);
    curve.cost = [each, spread = simulate.cost_spread](const Config& config, Steps) {
      constexpr std::uint64_t kCost = 5;
      Rng rng = Rng::keyed(stable_hash(exec::config_text(config)), kCost);
      return each * std::pow(spread, rng.uniform());
    };
  }
  return curve;
}

/// What each further trial adds on the slot's devices, in the best case: the slopes of the least
/// concave curve above the totals, never negative. So k trials never do more than the k largest of
/// them together.
std::vector<double> added(const exec::SimNode& node, const exec::SimSlot& slot) {
  if (slot.sharing.empty()) return {1};
  const auto places = static_cast<std::size_t>(
      std::ranges::count(node.slots, slot.gpu_ids, &exec::SimSlot::gpu_ids));
  const auto total = [&](std::size_t trials) { return trials ? slot.sharing[trials - 1] : 0; };
  std::vector<double> slopes;
  while (slopes.size() < places) {
    const std::size_t from = slopes.size();
    std::size_t to = places;
    double steepest = 0;
    for (std::size_t k = from + 1; k <= places; ++k) {
      const double slope = (total(k) - total(from)) / static_cast<double>(k - from);
      if (slope <= steepest) continue;
      steepest = slope;
      to = k;
    }
    slopes.resize(to, steepest);
  }
  return slopes;
}

std::vector<cluster::Rate> rates_of(const exec::SimOptions& options) {
  std::vector<cluster::Rate> rates;
  for (const exec::SimNode& node : options.nodes) {
    std::map<double, bool> here{{seconds(node.joins), true}};
    if (node.lost != kNever) here[seconds(node.lost)] = false;
    for (const exec::SimPresence& each : node.later) here[seconds(each.time)] = each.here;
    std::map<std::vector<int>, std::size_t> seen;
    for (const exec::SimSlot& slot : node.slots) {
      const double share = added(node, slot)[slot.gpu_ids.empty() ? 0 : seen[slot.gpu_ids]++];
      std::map<double, double> factors{{0, 1}};
      for (const exec::SimDrift& drift : slot.drift) factors[seconds(drift.time)] = drift.factor;
      std::set<double> times{0};
      for (const auto& [time, is_here] : here) times.insert(time);
      for (const auto& [time, factor] : factors) times.insert(time);
      std::map<double, bool> itself{{0, true}};
      for (const exec::SimPresence& each : slot.later) itself[seconds(each.time)] = each.here;
      for (const auto& [time, is_here] : itself) times.insert(time);
      std::vector<cluster::Rate::Piece> pieces;
      for (const double time : times) {
        const auto presence = here.upper_bound(time);
        const bool is_here = presence != here.begin() && std::prev(presence)->second &&
                             std::prev(itself.upper_bound(time))->second;
        const double factor = std::prev(factors.upper_bound(time))->second;
        pieces.push_back({time, is_here ? slot.speed * share * factor : 0});
      }
      rates.emplace_back(std::move(pieces));
    }
  }
  return rates;
}

}  // namespace clavier::app
