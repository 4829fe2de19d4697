#include "app/study_file_fields.h"

#include <fmt/format.h>

#include <cmath>

#include "app/duration.h"
#include "base/match.h"
#include "study/text.h"

namespace clavier::app {
namespace {

constexpr double kMany = 1e15;
constexpr double kBig = std::numeric_limits<double>::infinity();
/// The least number that is above 0.
constexpr double kAboveZero = 1e-12;

SlotSpec& last_slot(StudySpec& spec) { return spec.cluster.slots.back(); }
SimulateEvent& last_event(StudySpec& spec) { return spec.simulate->events.back(); }

// clang-format off
const Field kFields[] = {
    {"study", "name", [](StudySpec& s) -> Slot { return &s.name; }, 0, 0,
     "its folder; default: the file's name"},
    {"study", "metric", [](StudySpec& s) -> Slot { return &s.objective.metric; }, 0, 0,
     "what the trials report and the study optimises"},
    {"study", "mode", [](StudySpec& s) -> Slot { return &s.objective.mode; }, 0, 0,
     "\"min\" or \"max\""},
    {"study", "trials", [](StudySpec& s) -> Slot { return Limit{&s.trials}; }, 1, kMany,
     "configurations to try"},
    {"study", "seed", [](StudySpec& s) -> Slot { return &s.seed; }, 0, kBig,
     "of everything random"},
    {"study", "data_seed", [](StudySpec& s) -> Slot { return &s.data_seed; }, 0, kBig,
     "of the order of data, equal for all trials; default: seed"},
    {"study", "fail_fast", [](StudySpec& s) -> Slot { return &s.fail_fast; }, 0, 0,
     "the first failed trial ends the study"},
    {"study", "power_safe", [](StudySpec& s) -> Slot { return &s.power_safe; }, 0, 0,
     "force every step to the disk"},

    {"worker", "command", [](StudySpec& s) -> Slot { return &s.worker->command; }, 0, 0,
     "program and arguments; {lr}, {trial}, {dir}, {checkpoint}, {until} are filled in"},
    {"worker", "warm", [](StudySpec& s) -> Slot { return &s.worker->warm; }, 0, 0,
     "one process may take trial after trial"},
    {"worker", "restart_paused", [](StudySpec& s) -> Slot { return &s.worker->restart_paused; },
     0, 0, "a program that cannot resume may start anew after a pause"},

    {"trial", "cpus", [](StudySpec& s) -> Slot { return &s.trial.resources.cpus; }, 0, 1e6,
     "cores of one trial"},
    {"trial", "gpus", [](StudySpec& s) -> Slot { return &s.trial.resources.gpus; }, 0, 1e5,
     "devices of one trial, or a fraction of one"},
    {"trial", "memory_mb", [](StudySpec& s) -> Slot { return &s.trial.resources.memory_mb; }, 0,
     1e12, "limit of one trial; 0: none"},
    {"trial", "slots", [](StudySpec& s) -> Slot { return &s.trial.gang; }, 1, 1e6,
     "of one machine that a trial takes at once; a number or a parameter's name"},
    {"trial", "first", [](StudySpec& s) -> Slot { return &s.trial.first; }, 0, kMany,
     "the number that programs are told for the first trial; rerun sets it"},
    {"trial", "resources", [](StudySpec& s) -> Slot { return &s.trial.resources.custom; }, 0, 0,
     "whatever else a slot must have so much of, by name"},
    {"trial", "max_failures", [](StudySpec& s) -> Slot { return &s.trial.retries.max_failures; },
     -1, 1e6, "failures that are retried; -1: all"},
    {"trial", "max_losses", [](StudySpec& s) -> Slot { return &s.trial.retries.max_losses; }, 0,
     1e6, "lost workers that are replaced"},
    {"trial", "time_limit", [](StudySpec& s) -> Slot { return &s.trial.time_limit; }, 1e-6, kBig,
     "of one attempt, which then has failed"},
    {"trial", "log_limit", [](StudySpec& s) -> Slot { return Bytes{&s.trial.log_limit_bytes}; },
     1, kMany, "of stdout and of stderr"},
    {"trial.stop", "steps", [](StudySpec& s) -> Slot { return Limit{&s.trial.stop.steps}; }, 1,
     kMany, "a trial is complete at this step"},
    {"trial.stop", "time", [](StudySpec& s) -> Slot { return &s.trial.stop.time; }, 1e-6, kBig,
     "or after so much time"},
    {"trial.stop", "non_finite", [](StudySpec& s) -> Slot { return &s.trial.stop.non_finite; }, 0, 0,
     "stopped where its metric or a loss is NaN or infinite"},

    {"stop", "metric", [](StudySpec& s) -> Slot { return &s.stop.metric; }, -kBig, kBig,
     "the study ends once its metric has reached this"},
    {"stop", "time", [](StudySpec& s) -> Slot { return &s.stop.time; }, 1e-6, kBig,
     "or after so much time"},
    {"stop", "trials", [](StudySpec& s) -> Slot { return &s.stop.trials; }, 1, kMany,
     "or when so many trials have ended"},
    {"stop", "cost", [](StudySpec& s) -> Slot { return &s.stop.cost; }, kAboveZero, kBig,
     "or once its slots have cost so much"},
    {"stop.plateau", "trials", [](StudySpec& s) -> Slot { return &s.stop.plateau->trials; }, 1,
     kMany, "or when so many ended without a better one"},
    {"stop.plateau", "min_delta", [](StudySpec& s) -> Slot { return &s.stop.plateau->min_delta; },
     0, kBig, "better by more than this"},

    {"checkpoint", "every", [](StudySpec& s) -> Slot { return &s.checkpoint.every; }, 0, kMany,
     "steps; 0: only before a pause, at the best and at the end"},
    {"checkpoint", "at_end", [](StudySpec& s) -> Slot { return &s.checkpoint.at_end; }, 0, 0,
     "keep what a trial ended with"},
    {"checkpoint", "best", [](StudySpec& s) -> Slot { return &s.checkpoint.best; }, 0, 0,
     "at each step that is its trial's best so far"},
    {"checkpoint", "keep", [](StudySpec& s) -> Slot { return &s.checkpoint.keep; }, 0, 1e6,
     "newest ones of a trial besides its best; 0: all"},
    {"checkpoint", "best_by", [](StudySpec& s) -> Slot { return &s.checkpoint.best_by; }, 0, 0,
     "another metric whose best step is kept as well"},

    {"report", "every", [](StudySpec& s) -> Slot { return &s.report.every; }, 0.01, kBig,
     "between two tables when the output is no terminal"},
    {"report", "directories", [](StudySpec& s) -> Slot { return &s.report.directories; }, 0, 0,
     "params.json, result.json and progress.csv per trial"},

    {"cluster", "workers", [](StudySpec& s) -> Slot { return &s.cluster.workers; }, 0, 1e5,
     "discovered slots; 0: as many as the machine carries"},
    {"cluster", "discover", [](StudySpec& s) -> Slot { return &s.cluster.discover; }, 0, 0,
     "besides the declared slots; default: if none are declared"},
    {"cluster", "max_per_gpu", [](StudySpec& s) -> Slot { return &s.cluster.max_per_gpu; }, 0, 1e3,
     "trials on one device; 0: as many as fit"},
    {"cluster", "pin", [](StudySpec& s) -> Slot { return &s.cluster.pin; }, 0, 0,
     "slots to cores; default: if other studies leave enough"},
    {"cluster", "price_per_hour", [](StudySpec& s) -> Slot { return &s.cluster.price_per_hour; },
     0, kBig, "of a discovered slot at work"},
    {"cluster", "seconds_per_step",
     [](StudySpec& s) -> Slot { return &s.cluster.seconds_per_step; }, kAboveZero, 1e9,
     "at speed 1; believed until something is measured"},
    {"cluster", "move_seconds", [](StudySpec& s) -> Slot { return &s.cluster.move_seconds; }, 0,
     1e9, "to start a trial where its checkpoint is not"},
    {"cluster.slots", "count", [](StudySpec& s) -> Slot { return &last_slot(s).count; }, 1, 1e6,
     "so many alike"},
    {"cluster.slots", "node", [](StudySpec& s) -> Slot { return &last_slot(s).node; }, 0, 0,
     "another machine, for plan and simulate; \"\": this one"},
    {"cluster.slots", "cpus", [](StudySpec& s) -> Slot { return &last_slot(s).cpus; }, 0, 1e6,
     "as a trial asks"},
    {"cluster.slots", "gpus", [](StudySpec& s) -> Slot { return &last_slot(s).gpus; }, 0, 1e5,
     "as a trial asks"},
    {"cluster.slots", "memory_mb", [](StudySpec& s) -> Slot { return &last_slot(s).memory_mb; },
     0, 1e12, "as a trial asks"},
    {"cluster.slots", "resources", [](StudySpec& s) -> Slot { return &last_slot(s).custom; }, 0, 0,
     "as a trial asks"},
    {"cluster.slots", "speed", [](StudySpec& s) -> Slot { return &last_slot(s).speed; },
     kAboveZero, 1e9, "emulated on this machine"},
    {"cluster.slots", "price_per_hour",
     [](StudySpec& s) -> Slot { return &last_slot(s).price_per_hour; }, 0, kBig, "while at work"},
    {"cluster.slots", "pack", [](StudySpec& s) -> Slot { return &last_slot(s).pack; }, 1, 64,
     "at most so many trials share its GPUs"},
    {"cluster.slots", "sharing", [](StudySpec& s) -> Slot { return &last_slot(s).sharing; },
     kAboveZero, 1e9, "what 1, 2, ... do in total; for plan and simulate"},

    {"simulate", "curve", [](StudySpec& s) -> Slot { return &s.simulate->curve; }, 0, 0,
     "power-law, table, study"},
    {"simulate", "from", [](StudySpec& s) -> Slot { return &s.simulate->from; }, 0, 0,
     "the table's CSV file, or the recorded study"},
    {"simulate", "curve_noise", [](StudySpec& s) -> Slot { return &s.simulate->curve_noise; }, 0,
     kBig, "deviation of the power law's losses"},
    {"simulate", "report_every", [](StudySpec& s) -> Slot { return &s.simulate->report_every; }, 1,
     kMany, "steps between two reports"},
    {"simulate", "seconds_per_step",
     [](StudySpec& s) -> Slot { return &s.simulate->seconds_per_step; }, kAboveZero, 1e9,
     "at speed 1; default: as [cluster] says"},
    {"simulate", "move_seconds", [](StudySpec& s) -> Slot { return &s.simulate->move_seconds; }, 0,
     1e9, "to start a trial where its checkpoint is not; default: as [cluster] says"},
    {"simulate", "cost_spread", [](StudySpec& s) -> Slot { return &s.simulate->cost_spread; }, 1,
     1e6, "so many times longer does a step of one trial take than of another"},
    {"simulate", "evaluation_seconds",
     [](StudySpec& s) -> Slot { return &s.simulate->evaluation_seconds; }, 0, 1e9,
     "of each report, at speed 1"},
    {"simulate", "save_seconds", [](StudySpec& s) -> Slot { return &s.simulate->save_seconds; },
     0, 1e9, "of each checkpoint, at any speed"},
    {"simulate", "noise", [](StudySpec& s) -> Slot { return &s.simulate->noise; }, 0, 10,
     "of durations: each times exp(noise * z)"},
    {"simulate", "start_seconds", [](StudySpec& s) -> Slot { return &s.simulate->start_seconds; },
     0, 1e9, "of a worker, at speed 1"},
    {"simulate", "report_seconds",
     [](StudySpec& s) -> Slot { return &s.simulate->report_seconds; }, 0, 1e9,
     "from a worker to the tuner"},
    {"simulate", "command_seconds",
     [](StudySpec& s) -> Slot { return &s.simulate->command_seconds; }, 0, 1e9,
     "from the tuner to a worker"},
    {"simulate", "failure_probability",
     [](StudySpec& s) -> Slot { return &s.simulate->failure_probability; }, 0, 1,
     "of a trial, per step"},
    {"simulate", "mtbf", [](StudySpec& s) -> Slot { return &s.simulate->mtbf; }, 1e-6, kBig,
     "mean time between failures of a node"},
    {"simulate", "slot_mtbf", [](StudySpec& s) -> Slot { return &s.simulate->slot_mtbf; }, 1e-6,
     kBig, "mean time between failures of a slot by itself"},
    {"simulate", "repair", [](StudySpec& s) -> Slot { return &s.simulate->repair; }, 0, kBig,
     "until it is back"},
    {"simulate", "seed", [](StudySpec& s) -> Slot { return &s.simulate->seed; }, 0, kMany,
     "of noise, failures and curves; default: the study's"},
    {"simulate.events", "at", [](StudySpec& s) -> Slot { return &last_event(s).at; }, 0, kBig,
     "since the start"},
    {"simulate.events", "node", [](StudySpec& s) -> Slot { return &last_event(s).node; }, 0, 0,
     "all its slots, or"},
    {"simulate.events", "slot", [](StudySpec& s) -> Slot { return &last_event(s).slot; }, 0, 1e6,
     "this one"},
    {"simulate.events", "speed", [](StudySpec& s) -> Slot { return &last_event(s).speed; },
     kAboveZero, 1e9, "so many times the declared one from then on"},
    {"simulate.events", "here", [](StudySpec& s) -> Slot { return &last_event(s).here; }, 0, 0,
     "false: it is lost; true: it comes, or comes back"},
};
// clang-format on

std::string range_text(const Field& field, double value) {
  if (field.low == kAboveZero) return "above 0";
  if (field.high >= kMany && value > field.high) return fmt::format("at most {:.0f}", field.high);
  if (field.high >= kMany) return fmt::format("at least {}", field.low);
  return fmt::format("from {} to {}", field.low, field.high);
}

Error wrong(const Field& field, std::string_view expected, const TomlNode& node) {
  return invalid(
      fmt::format("{}.{} must be {}, not {}", field.table, field.key, expected, node.shown()));
}

Result<std::int64_t> whole(const Field& field, const TomlNode& node) {
  const auto* number = node.scalar.as<std::int64_t>();
  if (!node.is_scalar() || !number) return wrong(field, "a whole number", node);
  if (static_cast<double>(*number) < field.low || static_cast<double>(*number) > field.high)
    return wrong(field, range_text(field, static_cast<double>(*number)), node);
  return *number;
}

Result<double> real(const Field& field, const TomlNode& node) {
  const auto number = node.scalar.as<bool>() ? std::nullopt : node.scalar.number();
  if (!node.is_scalar() || !number || !std::isfinite(*number))
    return wrong(field, "a number", node);
  if (*number < field.low || *number > field.high)
    return wrong(field, range_text(field, *number), node);
  return *number;
}

Result<StudyDuration> duration(const Field& field, const TomlNode& node) {
  const std::string prefix = fmt::format("{}.{}: ", field.table, field.key);
  std::string text;
  if (const auto* words = node.scalar.as<std::string>())
    text = *words;
  else if (const auto number = node.scalar.number(); number && !node.scalar.as<bool>())
    text = fmt::format("{:f}", *number);
  else
    return wrong(field, "a duration such as \"30min\"", node);
  auto parsed = parse_duration(text);
  if (!parsed) return invalid(prefix + parsed.error().message);
  if (seconds(*parsed) < field.low) return wrong(field, "longer", node);
  return *parsed;
}

template <typename T>
Status store(Result<T> value, auto& target) {
  if (!value) return value.error();
  target = *value;
  return {};
}

Status read_words(const Field& field, const TomlNode& node, std::vector<std::string>& words) {
  constexpr std::string_view kExpected = "a list of texts such as [\"python3\", \"train.py\"]";
  if (!node.is_array() || node.items.empty()) return wrong(field, kExpected, node);
  for (const TomlNode& item : node.items) {
    const auto* word = item.scalar.as<std::string>();
    if (!item.is_scalar() || !word) return wrong(field, kExpected, item);
    words.push_back(*word);
  }
  return {};
}

Status read_numbers(const Field& field, const TomlNode& node, std::vector<double>& numbers) {
  if (!node.is_array() || node.items.empty())
    return wrong(field, "a list of numbers such as [1.0, 1.8]", node);
  numbers.clear();
  for (const TomlNode& item : node.items) numbers.push_back(TRY(real(field, item)));
  return {};
}

Status read_text(const Field& field, const TomlNode& node, std::string& text) {
  const auto* word = node.scalar.as<std::string>();
  if (!node.is_scalar() || !word) return wrong(field, "text", node);
  text = *word;
  return {};
}

Status read_flag(const Field& field, const TomlNode& node, bool& flag) {
  const auto* value = node.scalar.as<bool>();
  if (!node.is_scalar() || !value) return wrong(field, "true or false", node);
  flag = *value;
  return {};
}

Status read_amounts(const Field& field, const TomlNode& node,
                    std::map<std::string, double>& amounts) {
  constexpr std::string_view kExpected = "amounts by name such as { licenses = 1 }";
  if (!node.is_table()) return wrong(field, kExpected, node);
  amounts.clear();
  for (const TomlNode::Entry& entry : node.entries) {
    const auto number = entry.node.scalar.as<bool>() ? std::nullopt : entry.node.scalar.number();
    if (!entry.node.is_scalar() || !number || !std::isfinite(*number) || *number < 0)
      return wrong(field, kExpected, entry.node);
    amounts[entry.key] = *number;
  }
  return {};
}

Status read_gang(const Field& field, const TomlNode& node, GangSize& gang) {
  const auto* name = node.is_scalar() ? node.scalar.as<std::string>() : nullptr;
  if (!name || name->empty()) return store(whole(field, node), gang.number);
  gang = {.parameter = *name};
  return {};
}

Status read_mode(const Field& field, const TomlNode& node, Mode& mode) {
  const auto* word = node.scalar.as<std::string>();
  if (!node.is_scalar() || !word || (*word != "min" && *word != "max"))
    return wrong(field, "\"min\" or \"max\"", node);
  mode = *word == "min" ? Mode::kMin : Mode::kMax;
  return {};
}

Status read_bytes(const Field& field, const TomlNode& node, std::int64_t& bytes) {
  if (const auto* words = node.scalar.as<std::string>()) {
    auto parsed = parse_bytes(*words);
    if (!parsed)
      return invalid(fmt::format("{}.{}: {}", field.table, field.key, parsed.error().message));
    if (static_cast<double>(*parsed) < field.low) return wrong(field, "at least 1 byte", node);
    bytes = *parsed;
    return {};
  }
  return store(whole(field, node), bytes);
}

std::string amounts_text(const std::map<std::string, double>& amounts) {
  std::string out;
  for (const auto& [name, amount] : amounts)
    out += fmt::format("{}{} = {}", out.empty() ? "" : ", ", toml_key(name),
                       toml_value(Value(amount)));
  return out.empty() ? "{}" : fmt::format("{{ {} }}", out);
}

std::string in_quotes(const std::string& text) { return toml_value(Value(text)); }

}  // namespace

std::span<const Field> fields() { return kFields; }

Status read_field(const Field& field, const TomlNode& node, StudySpec& spec) {
  return match(
      field.slot(spec), [&](GangSize* at) { return read_gang(field, node, *at); },
      [&](std::vector<double>* at) { return read_numbers(field, node, *at); },
      [&](std::string* at) { return read_text(field, node, *at); },
      [&](bool* at) { return read_flag(field, node, *at); },
      [&](std::int64_t* at) { return store(whole(field, node), *at); },
      [&](std::uint64_t* at) -> Status {
        *at = static_cast<std::uint64_t>(TRY(whole(field, node)));
        return {};
      },
      [&](int* at) -> Status {
        *at = static_cast<int>(TRY(whole(field, node)));
        return {};
      },
      [&](double* at) { return store(real(field, node), *at); },
      [&](Mode* at) { return read_mode(field, node, *at); },
      [&](StudyDuration* at) { return store(duration(field, node), *at); },
      [&](Bytes bytes) { return read_bytes(field, node, *bytes.at); },
      [&](Limit limit) { return store(whole(field, node), *limit.at); },
      [&](std::vector<std::string>* at) { return read_words(field, node, *at); },
      [&](std::optional<double>* at) { return store(real(field, node), *at); },
      [&](std::optional<std::int64_t>* at) { return store(whole(field, node), *at); },
      [&](std::optional<StudyDuration>* at) { return store(duration(field, node), *at); },
      [&](std::optional<bool>* at) { return read_flag(field, node, at->emplace()); },
      [&](std::map<std::string, double>* at) { return read_amounts(field, node, *at); },
      [&](std::optional<std::map<std::string, double>>* at) {
        return read_amounts(field, node, at->emplace());
      });
}

std::string write_field(const Field& field, const StudySpec& spec) {
  // The table of fields names places to write to; nothing is written here.
  const Slot slot = field.slot(const_cast<StudySpec&>(spec));
  const auto number = [](double value) { return toml_value(Value(value)); };
  return match(
      slot,
      [](GangSize* at) {
        return at->differs() ? in_quotes(at->parameter) : fmt::format("{}", at->number);
      },
      [](std::vector<double>* at) {
        return at->empty() ? "" : toml_value(Value(Value::List(at->begin(), at->end())));
      },
      [](std::string* at) { return in_quotes(*at); },
      [](bool* at) -> std::string { return *at ? "true" : "false"; },
      [](std::int64_t* at) { return fmt::format("{}", *at); },
      [](std::uint64_t* at) { return fmt::format("{}", *at); },
      [](int* at) { return fmt::format("{}", *at); },
      [&](double* at) { return *at == std::floor(*at) ? fmt::format("{:.0f}", *at) : number(*at); },
      [](Mode* at) -> std::string { return *at == Mode::kMin ? "\"min\"" : "\"max\""; },
      [](StudyDuration* at) { return in_quotes(to_text(*at)); },
      [](Bytes bytes) { return in_quotes(bytes_to_text(*bytes.at)); },
      [](Limit limit) { return *limit.at == kForever ? "" : fmt::format("{}", *limit.at); },
      [](std::vector<std::string>* at) {
        Value::List list(at->begin(), at->end());
        return toml_value(Value(std::move(list)));
      },
      [&](std::optional<double>* at) { return *at ? number(**at) : ""; },
      [](std::optional<std::int64_t>* at) { return *at ? fmt::format("{}", **at) : ""; },
      [](std::optional<StudyDuration>* at) { return *at ? in_quotes(to_text(**at)) : ""; },
      [](std::optional<bool>* at) -> std::string { return !*at   ? ""
                                                          : **at ? "true"
                                                                 : "false"; },
      [&](std::map<std::string, double>* at) { return amounts_text(*at); },
      [&](std::optional<std::map<std::string, double>>* at) {
        return *at ? amounts_text(**at) : "";
      });
}

}  // namespace clavier::app
