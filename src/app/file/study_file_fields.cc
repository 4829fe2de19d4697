#include "app/file/study_file_fields.h"

#include <fmt/format.h>

#include <cmath>

#include "app/file/duration.h"
#include "base/nearest.h"
#include "study/text.h"

// A key is one line: its member, which knows the type, its range and its help. How a type is read
// and written is said once, in a codec; those that only study files know stand here.
namespace clavier {

template <>
struct FieldWords<Mode> {
  static constexpr std::array<std::string_view, 2> list = {"min", "max"};
};

template <>
struct FieldCodec<StudyDuration> {
  static Fit read(const FieldInfo& info, const Json& json, StudyDuration& out) {
    const auto* words = json.as<std::string>();
    const auto number = json.number();
    if (!words && !number) return misfit(info, "a duration such as \"30min\"", json);
    const auto parsed = app::parse_duration(words ? *words : fmt::format("{:f}", *number));
    if (!parsed) return Misfit{parsed.error().message};
    if (seconds(*parsed) < info.low) return misfit(info, "longer", json);
    out = *parsed;
    return {};
  }
  static Json write(StudyDuration duration) { return Json(app::to_text(duration)); }
};

/// A number, or the name of a parameter.
template <>
struct FieldCodec<GangSize> {
  static Fit read(const FieldInfo& info, const Json& json, GangSize& out) {
    const auto* name = json.as<std::string>();
    if (!name || name->empty())
      return FieldCodec<decltype(out.number)>::read(info, json, out.number);
    out = {.parameter = *name};
    return {};
  }
  static Json write(const GangSize& gang) {
    return gang.differs() ? Json(gang.parameter) : Json(gang.number);
  }
};

namespace app {
namespace {

/// Written "64MB".
template <typename Number>
struct BytesCodec {
  static Fit read(const FieldInfo& info, const Json& json, Number& out) {
    const auto* words = json.as<std::string>();
    if (!words) return FieldCodec<Number>::read(info, json, out);
    const auto parsed = parse_bytes(*words);
    if (!parsed) return Misfit{parsed.error().message};
    if (static_cast<double>(*parsed) < info.low) return misfit(info, "at least 1 byte", json);
    out = *parsed;
    return {};
  }
  static Json write(Number bytes) { return Json(bytes_to_text(bytes)); }
};

/// Steps or trials; not set where kForever.
template <typename Number>
struct LimitCodec : FieldCodec<Number> {
  static Json write(Number limit) { return limit == kForever ? Json() : Json(limit); }
};

constexpr std::string_view kModes = R"("min" or "max")";
constexpr Field<Objective> kObjective[] = {
    field<&Objective::metric>({.key = "name"}),
    field<&Objective::mode>({.key = "mode", .range = kModes})};

/// One of a study's metrics, where it may have several: `{ name = "loss", mode = "min" }`.
Fit read_objective(const Json& json, Objective& out) {
  const auto* table = json.as<Json::Table>();
  if (!table) return Misfit{R"(each is a table such as { name = "loss", mode = "min" })"};
  for (const Json::Field& each : *table) {
    const auto* field = find_field(kObjective, each.name);
    if (!field)
      return Misfit{fmt::format("unknown key \"{}\"{}", each.name,
                                suggestion(each.name, keys_of(kObjective)))};
    if (const Fit wrong = field->read(*field, each.value, out))
      return Misfit{wrong_value(each.name, *wrong)};
  }
  for (const auto& field : kObjective)
    if (!json.find(field.key)) return Misfit{fmt::format("each needs {}", field.key)};
  return {};
}

/// `metrics`: what is written as `metric` and `mode` where there is one.
template <typename Several>
struct MetricsCodec {
  static Fit read(const FieldInfo& info, const Json& json, Several& out) {
    const auto* list = json.as<Json::List>();
    if (!list || list->empty() || list->size() > Several::kMost)
      return misfit(
          info, fmt::format("a list of 1 to {} tables with name and mode", Several::kMost), json);
    std::vector<Objective> all;
    for (const Json& item : *list) {
      if (Fit wrong = read_objective(item, all.emplace_back())) return wrong;
      const std::string& name = all.back().metric;
      if (name.empty()) return Misfit{"a metric needs a name"};
      if (std::ranges::count(all, name, &Objective::metric) > 1)
        return Misfit{fmt::format("\"{}\" is there twice", name)};
    }
    out = Several(all.front(), {all.begin() + 1, all.end()});
    return {};
  }
  static Json write(const Several& objective) {
    if (!objective.several()) return {};
    Json::List list;
    for (const Objective& each : objective.all())
      list.push_back(
          Json::Table{{"name", Json(each.metric)}, {"mode", FieldCodec<Mode>::write(each.mode)}});
    return list;
  }
};
template <typename Several>
struct MetricCodec {
  static Fit read(const FieldInfo& info, const Json& json, Several& out) {
    return FieldCodec<std::string>::read(info, json, out.metric);
  }
  static Json write(const Several& objective) {
    return objective.several() ? Json() : Json(objective.metric);
  }
};
template <typename Several>
struct ModeCodec {
  static Fit read(const FieldInfo& info, const Json& json, Several& out) {
    return FieldCodec<Mode>::read(info, json, out.mode);
  }
  static Json write(const Several& objective) {
    return objective.several() ? Json() : FieldCodec<Mode>::write(objective.mode);
  }
};

/// A number, or "auto".
template <typename Number>
struct MembersCodec {
  static Fit read(const FieldInfo& info, const Json& json, Number& out) {
    const auto* word = json.as<std::string>();
    if (!word) return FieldCodec<Number>::read(info, json, out);
    if (*word != "auto") return misfit(info, "a number or \"auto\"", json);
    out = FusionSpec::kLearned;
    return {};
  }
  static Json write(Number members) {
    return members == FusionSpec::kLearned ? Json("auto") : Json(members);
  }
};

constexpr double kMany = 1e15;
constexpr double kBig = std::numeric_limits<double>::infinity();
/// The least number that is above 0.
constexpr double kAboveZero = 1e-12;

const Field<StudySpec> kStudySpec[] = {
    field<&StudySpec::name>({.key = "name", .help = "its folder; default: the file's name"}),
    field_by<MetricCodec, &StudySpec::objective>(
        {.key = "metric", .help = "what the trials report and the study optimises"}),
    field_by<ModeCodec, &StudySpec::objective>(
        {.key = "mode", .help = "\"min\" or \"max\"", .range = kModes}),
    field_by<MetricsCodec, &StudySpec::objective>(
        {.key = "metrics", .help = "instead of the two: several, each with name and mode"}),
    field_by<LimitCodec, &StudySpec::trials>({"trials", 1, kMany, "configurations to try"}),
    field<&StudySpec::seed>({"seed", 0, kBig, "of everything random"}),
    field<&StudySpec::data_seed>(
        {"data_seed", 0, kBig, "of the order of data, equal for all trials; default: seed"}),
    field<&StudySpec::fail_fast>(
        {.key = "fail_fast", .help = "the first failed trial ends the study"}),
    field<&StudySpec::power_safe>({.key = "power_safe", .help = "force every step to the disk"}),
};

const Field<WorkerSpec> kWorkerSpec[] = {
    field<&WorkerSpec::command>(
        {"command", 1, kBig,
         "program and arguments; {lr}, {trial}, {dir}, {checkpoint}, {until} are filled in",
         R"(a list of texts such as ["python3", "train.py"])"}),
    field<&WorkerSpec::warm>({.key = "warm", .help = "one process may take trial after trial"}),
    field<&WorkerSpec::restart_paused>(
        {.key = "restart_paused",
         .help = "a program that cannot resume may start anew after a pause"}),
};

const Field<TrialSpec> kTrialSpec[] = {
    field<&TrialSpec::resources, &Resources::cpus>({"cpus", 0, 1e6, "cores of one trial"}),
    field<&TrialSpec::resources, &Resources::gpus>(
        {"gpus", 0, 1e5, "devices of one trial, or a fraction of one"}),
    field<&TrialSpec::resources, &Resources::memory_mb>(
        {"memory_mb", 0, 1e12, "limit of one trial; 0: none"}),
    field<&TrialSpec::gang>(
        {"slots", 1, 1e6,
         "of one machine that a trial takes at once; a number or a parameter's name"}),
    field<&TrialSpec::first>(
        {"first", 0, kMany,
         "the number that programs are told for the first trial; rerun sets it"}),
    field<&TrialSpec::resources, &Resources::custom>(
        {.key = "resources", .help = "whatever else a slot must have so much of, by name"}),
    field<&TrialSpec::retries, &RetryLimits::max_failures>(
        {"max_failures", -1, 1e6, "failures that are retried; -1: all"}),
    field<&TrialSpec::retries, &RetryLimits::max_losses>(
        {"max_losses", 0, 1e6, "lost workers that are replaced"}),
    field<&TrialSpec::time_limit>(
        {"time_limit", 1e-6, kBig, "of one attempt, which then has failed"}),
    field_by<BytesCodec, &TrialSpec::log_limit_bytes>(
        {"log_limit", 1, kMany, "of stdout and of stderr"}),
};

const Field<TrialStop> kTrialStop[] = {
    field_by<LimitCodec, &TrialStop::steps>(
        {"steps", 1, kMany, "a trial is complete at this step"}),
    field<&TrialStop::time>({"time", 1e-6, kBig, "or after so much time"}),
    field<&TrialStop::non_finite>(
        {.key = "non_finite", .help = "stopped where its metric or a loss is NaN or infinite"}),
};

const Field<Patience> kPatience[] = {
    field<&Patience::steps>({"steps", 1, kMany, "stopped after so many without a better value"}),
    field<&Patience::min_delta>({"min_delta", 0, kBig, "better by more than this"}),
    field<&Patience::grace>({"grace", 0, kMany, "no trial is judged before this step"}),
};

const Field<Threshold> kThreshold[] = {
    field<&Threshold::metric>({.key = "metric", .help = "default: the study's"}),
    field<&Threshold::lower>({"lower", -kBig, kBig, "stopped below it"}),
    field<&Threshold::upper>({"upper", -kBig, kBig, "stopped above it"}),
    field<&Threshold::grace>({"grace", 0, kMany, "no trial is judged before this step"}),
};

const Field<Wilcoxon> kWilcoxon[] = {
    field<&Wilcoxon::p>(
        {"p", kAboveZero, 0.5, "stopped if less likely to be as good", "above 0 and at most 0.5"}),
    field<&Wilcoxon::grace>({"grace", 0, kMany, "no trial is judged before this step"}),
};

const Field<StudyStop> kStudyStop[] = {
    field<&StudyStop::metric>(
        {"metric", -kBig, kBig, "the study ends once its metric has reached this"}),
    field<&StudyStop::time>({"time", 1e-6, kBig, "or after so much time"}),
    field<&StudyStop::trials>({"trials", 1, kMany, "or when so many trials have ended"}),
    field<&StudyStop::cost>({"cost", kAboveZero, kBig, "or once its slots have cost so much"}),
};

const Field<Plateau> kPlateau[] = {
    field<&Plateau::trials>({"trials", 1, kMany, "or when so many ended without a better one"}),
    field<&Plateau::min_delta>({"min_delta", 0, kBig, "better by more than this"}),
};

const Field<FusionSpec> kFusionSpec[] = {
    field_by<MembersCodec, &FusionSpec::members>(
        {"members", 1, 1024, "trials trained as one on a slot, at most; \"auto\": learned"}),
    field<&FusionSpec::shared>(
        {.key = "shared",
         .help = "parameters in which these agree; default: what the built-in trainer says"}),
};

const Field<CheckpointSpec> kCheckpointSpec[] = {
    field<&CheckpointSpec::every>(
        {"every", 0, kMany, "steps; 0: only before a pause, at the best and at the end"}),
    field<&CheckpointSpec::at_end>({.key = "at_end", .help = "keep what a trial ended with"}),
    field<&CheckpointSpec::best>(
        {.key = "best", .help = "at each step that is its trial's best so far"}),
    field<&CheckpointSpec::keep>(
        {"keep", 0, 1e6, "newest ones of a trial besides its best; 0: all"}),
    field<&CheckpointSpec::best_by>(
        {.key = "best_by", .help = "another metric whose best step is kept as well"}),
};

const Field<ReportSpec> kReportSpec[] = {
    field<&ReportSpec::every>(
        {"every", 0.01, kBig, "between two tables when the output is no terminal"}),
    field<&ReportSpec::directories>(
        {.key = "directories", .help = "params.json, result.json and progress.csv per trial"}),
};

const Field<ClusterSpec> kClusterSpec[] = {
    field<&ClusterSpec::workers>(
        {"workers", 0, 1e5, "discovered slots; 0: as many as the machine carries"}),
    field<&ClusterSpec::discover>(
        {.key = "discover", .help = "besides the declared slots; default: if none are declared"}),
    field<&ClusterSpec::max_per_gpu>(
        {"max_per_gpu", 0, 1e3, "trials on one device; 0: as many as fit"}),
    field<&ClusterSpec::pin>(
        {.key = "pin", .help = "slots to cores; default: if other studies leave enough"}),
    field<&ClusterSpec::price_per_hour>(
        {"price_per_hour", 0, kBig, "of a discovered slot at work"}),
    field<&ClusterSpec::seconds_per_step>(
        {"seconds_per_step", kAboveZero, 1e9, "at speed 1; believed until something is measured"}),
    field<&ClusterSpec::move_seconds>(
        {"move_seconds", 0, 1e9, "to start a trial where its checkpoint is not"}),
};

const Field<SlotSpec> kSlotSpec[] = {
    field<&SlotSpec::count>({"count", 1, 1e6, "so many alike"}),
    field<&SlotSpec::node>(
        {.key = "node", .help = "another machine, for plan and simulate; \"\": this one"}),
    field<&SlotSpec::cpus>({"cpus", 0, 1e6, "as a trial asks"}),
    field<&SlotSpec::gpus>({"gpus", 0, 1e5, "as a trial asks"}),
    field<&SlotSpec::memory_mb>({"memory_mb", 0, 1e12, "as a trial asks"}),
    field<&SlotSpec::custom>({.key = "resources", .help = "as a trial asks"}),
    field<&SlotSpec::speed>({"speed", kAboveZero, 1e9, "emulated on this machine"}),
    field<&SlotSpec::price_per_hour>({"price_per_hour", 0, kBig, "while at work"}),
    field<&SlotSpec::pack>({"pack", 1, 64, "at most so many trials share its GPUs"}),
    field<&SlotSpec::sharing>(
        {"sharing", kAboveZero, 1e9, "what 1, 2, ... do in total; for plan and simulate"}),
};

const Field<SimulateSpec> kSimulateSpec[] = {
    field<&SimulateSpec::curve>({.key = "curve", .help = "power-law, table, study"}),
    field<&SimulateSpec::from>(
        {.key = "from", .help = "the table's CSV file, or the recorded study"}),
    field<&SimulateSpec::curve_noise>(
        {"curve_noise", 0, kBig, "deviation of the power law's losses"}),
    field<&SimulateSpec::report_every>({"report_every", 1, kMany, "steps between two reports"}),
    field<&SimulateSpec::seconds_per_step>(
        {"seconds_per_step", kAboveZero, 1e9, "at speed 1; default: as [cluster] says"}),
    field<&SimulateSpec::move_seconds>(
        {"move_seconds", 0, 1e9,
         "to start a trial where its checkpoint is not; default: as [cluster] says"}),
    field<&SimulateSpec::cost_spread>(
        {"cost_spread", 1, 1e6,
         "so many times longer does a step of one trial take than of another"}),
    field<&SimulateSpec::evaluation_seconds>(
        {"evaluation_seconds", 0, 1e9, "of each report, at speed 1"}),
    field<&SimulateSpec::save_seconds>(
        {"save_seconds", 0, 1e9, "of each checkpoint, at any speed"}),
    field<&SimulateSpec::noise>({"noise", 0, 10, "of durations: each times exp(noise * z)"}),
    field<&SimulateSpec::start_seconds>({"start_seconds", 0, 1e9, "of a worker, at speed 1"}),
    field<&SimulateSpec::report_seconds>({"report_seconds", 0, 1e9, "from a worker to the tuner"}),
    field<&SimulateSpec::command_seconds>(
        {"command_seconds", 0, 1e9, "from the tuner to a worker"}),
    field<&SimulateSpec::arrays>(
        {"arrays", kAboveZero, 1e9, "what arrays of 1, 2, ... trials do in total"}),
    field<&SimulateSpec::failure_probability>(
        {"failure_probability", 0, 1, "of a trial, per step"}),
    field<&SimulateSpec::mtbf>({"mtbf", 1e-6, kBig, "mean time between failures of a node"}),
    field<&SimulateSpec::slot_mtbf>(
        {"slot_mtbf", 1e-6, kBig, "mean time between failures of a slot by itself"}),
    field<&SimulateSpec::repair>({"repair", 0, kBig, "until it is back"}),
    field<&SimulateSpec::seed>(
        {"seed", 0, kMany, "of noise, failures and curves; default: the study's"}),
};

const Field<SimulateEvent> kSimulateEvent[] = {
    field<&SimulateEvent::at>({"at", 0, kBig, "since the start"}),
    field<&SimulateEvent::node>({.key = "node", .help = "all its slots, or"}),
    field<&SimulateEvent::slot>({"slot", 0, 1e6, "this one"}),
    field<&SimulateEvent::speed>(
        {"speed", kAboveZero, 1e9, "so many times the declared one from then on"}),
    field<&SimulateEvent::here>(
        {.key = "here", .help = "false: it is lost; true: it comes, or comes back"}),
};

std::string shown(const Json& value) {
  constexpr std::size_t kLongest = 60;
  if (value == Json()) return "a date";
  if (value.as<Json::Table>()) return "a table";
  if (value.as<Json::List>()) return "a list";
  const Value scalar = text::value_from_json(value).value();
  std::string text = toml_value(scalar);
  return text.size() <= kLongest ? text : "text";
}

}  // namespace

std::span<const Field<StudySpec>> fields_of(const StudySpec&) { return kStudySpec; }
std::span<const Field<WorkerSpec>> fields_of(const WorkerSpec&) { return kWorkerSpec; }
std::span<const Field<TrialSpec>> fields_of(const TrialSpec&) { return kTrialSpec; }
std::span<const Field<TrialStop>> fields_of(const TrialStop&) { return kTrialStop; }
std::span<const Field<Patience>> fields_of(const Patience&) { return kPatience; }
std::span<const Field<Threshold>> fields_of(const Threshold&) { return kThreshold; }
std::span<const Field<Wilcoxon>> fields_of(const Wilcoxon&) { return kWilcoxon; }
std::span<const Field<StudyStop>> fields_of(const StudyStop&) { return kStudyStop; }
std::span<const Field<Plateau>> fields_of(const Plateau&) { return kPlateau; }
std::span<const Field<FusionSpec>> fields_of(const FusionSpec&) { return kFusionSpec; }
std::span<const Field<CheckpointSpec>> fields_of(const CheckpointSpec&) { return kCheckpointSpec; }
std::span<const Field<ReportSpec>> fields_of(const ReportSpec&) { return kReportSpec; }
std::span<const Field<ClusterSpec>> fields_of(const ClusterSpec&) { return kClusterSpec; }
std::span<const Field<SlotSpec>> fields_of(const SlotSpec&) { return kSlotSpec; }
std::span<const Field<SimulateSpec>> fields_of(const SimulateSpec&) { return kSimulateSpec; }
std::span<const Field<SimulateEvent>> fields_of(const SimulateEvent&) { return kSimulateEvent; }

std::string wrong_value(std::string_view name, const Misfit& wrong) {
  if (!wrong.at) return fmt::format("{}: {}", name, wrong.expected);
  return fmt::format("{} must be {}, not {}", name, wrong.expected, shown(*wrong.at));
}

std::string field_text(const Json& value) {
  if (value == Json()) return {};
  const auto* real = value.as<double>();
  return real && *real == std::floor(*real) ? fmt::format("{:.0f}", *real) : toml_text(value);
}

}  // namespace app
}  // namespace clavier
