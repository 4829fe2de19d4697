#include "base/check.h"
#include "base/match.h"
#include "study/text.h"
#include "study/text_names.h"
#include "study/text_records.h"

// Old logs must be read by every later version: a field that was added since is left out where it
// says nothing, and has a default when it is read. The word for the kind of an input is not in the
// text; it stands beside it, in a column by which users select. Every kind is one entry of the
// table at the end: its word, how to tell it and how to read it. Writing stands apart, field by
// field and without a tree, so that the most frequent inputs do not pay for the others.
namespace clavier::text {
namespace {

constexpr Words<ExitKind, 6> kExitKinds{
    {"completed", "stopped", "paused", "failed", "lost", "refused"}};

void append_report(std::string& out, const Report& report) {
  JsonTable table(out);
  table.put("trial", report.trial);
  table.put("launch", report.launch);
  table.put("step", report.step);
  if (report.value) table.put("value", *report.value);
  table.put("seconds", report.seconds);
  if (!report.metrics.empty()) append(table.field("metrics"), report.metrics);
  if (report.checkpoint) append(table.field("checkpoint"), *report.checkpoint);
  table.close();
}

Report read_report(const Place& place) {
  Report report;
  report.trial = place.id<TrialId>("trial");
  report.launch = place.id<LaunchId>("launch");
  report.step = place.whole("step");
  if (place.has("value")) report.value = place.at("value").real();
  report.seconds = place.real("seconds", 0);
  if (place.has("metrics")) report.metrics = read_metrics(place.at("metrics"));
  if (place.has("checkpoint")) report.checkpoint = read_checkpoint(place.at("checkpoint"));
  return report;
}

void append_exited(JsonTable& table, const Exited& exited) {
  table.put("trial", exited.trial);
  table.put("launch", exited.launch);
  table.put("exit", kExitKinds[exited.kind]);
  if (!exited.error.empty()) table.put("error", std::string_view(exited.error));
  if (!exited.log_tail.empty()) table.put("log_tail", std::string_view(exited.log_tail));
}

Exited read_exited(const Place& place) {
  return {.trial = place.id<TrialId>("trial"),
          .launch = place.id<LaunchId>("launch"),
          .kind = kExitKinds.read(place.at("exit")),
          .error = place.text_if_any("error"),
          .log_tail = place.text_if_any("log_tail")};
}

void append_opened(JsonTable& table, const Opened& opened) {
  table.put("utc_us", opened.utc_us);
  table.put("version", std::string_view(opened.version));
  table.put("commit", std::string_view(opened.commit));
  table.field("seed") += fmt::to_string(opened.seed);
  if (opened.trials != kForever) table.put("trials", opened.trials);
  if (opened.rebuilt) table.put("rebuilt", true);
  table.put("study", std::string_view(opened.study));
  if (!opened.origin.empty()) table.put("origin", std::string_view(opened.origin));
}

std::uint64_t read_seed(const Place& place) {
  if (const auto* large = place.json().as<std::uint64_t>()) return *large;
  const std::int64_t seed = place.whole();
  if (seed < 0) place.fail("is negative");
  return static_cast<std::uint64_t>(seed);
}

Opened read_opened(const Place& place) {
  return {.utc_us = place.whole("utc_us"),
          .version = place.text("version"),
          .commit = place.text("commit"),
          .seed = read_seed(place.at("seed")),
          .trials = place.whole("trials", kForever),
          .study = place.text("study"),
          .origin = place.text_if_any("origin"),
          .rebuilt = place.truth("rebuilt")};
}

void append_signal(JsonTable& table, const Signal& signal) {
  match(
      signal,
      [&](const Reported& reported) {
        append_list(table.field("reports"), reported.reports, append_report);
      },
      [&](const CheckpointSaved& saved) { append(table.field("checkpoint"), saved.checkpoint); },
      [&](const CheckpointVoid& gone) {
        append(table.field("checkpoint"), gone.checkpoint);
        table.put("reason", std::string_view(gone.reason));
      },
      [&](const Exited& exited) { append_exited(table, exited); },
      [&](const LaunchEnded& end) { table.put("launch", end.launch); },
      [&](const Waiting& waiting) {
        table.put("launch", waiting.launch);
        table.put("reason", std::string_view(waiting.reason));
      },
      [&](const NodeJoined& joined) { append(table.field("node"), joined.node); },
      [&](const NodeLost& lost) { table.put("node", lost.node); }, [](const Deadline&) {});
}

void append_command(JsonTable& table, const UserCommand& command) {
  match(
      command, [&](const AddTrial& add) { append_flat(table.field("config"), add.config); },
      [&](const PauseTrial& pause) { table.put("trial", pause.trial); },
      [&](const ResumeTrial& resume) { table.put("trial", resume.trial); },
      [&](const StopTrial& stop) { table.put("trial", stop.trial); }, [](const PauseStudy&) {},
      [](const StopStudy&) {}, [&](const RaiseTrials& raise) { table.put("trials", raise.trials); },
      [&](const Retry& retry) {
        append_list(table.field("trials"), retry.trials,
                    [](std::string& out, TrialId trial) { append_json(out, trial.value); });
      });
}

struct InputKind {
  std::string_view word;
  bool (*is)(const Input&);
  Input (*read)(const Place&);
};

template <typename T, typename... Ts>
constexpr bool is_one_of(const std::variant<Ts...>*) {
  return (std::is_same_v<T, Ts> || ...);
}

/// The kind that `read` makes a value of, whichever part of `Input` that belongs to.
template <auto read>
constexpr InputKind input_kind(std::string_view word) {
  using T = decltype(read(std::declval<const Place&>()));
  using Part = std::conditional_t<
      is_one_of<T>(static_cast<const Signal*>(nullptr)), Signal,
      std::conditional_t<is_one_of<T>(static_cast<const UserCommand*>(nullptr)), UserCommand, T>>;
  return {word,
          [](const Input& input) {
            const auto* part = std::get_if<Part>(&input);
            if constexpr (std::is_same_v<Part, T>)
              return part != nullptr;
            else
              return part && std::holds_alternative<T>(*part);
          },
          [](const Place& place) -> Input { return Part(read(place)); }};
}

template <typename T>
T read_nothing(const Place&) {
  return {};
}
template <typename Command>
Command read_about_trial(const Place& place) {
  return {place.id<TrialId>("trial")};
}

/// One entry for each alternative of `Input`, the most frequent first.
constexpr InputKind kInputKinds[] = {
    input_kind<[](const Place& place) {
      Reported reported;
      place.at("reports").each(
          [&](const Place& item) { reported.reports.push_back(read_report(item)); });
      return reported;
    }>("report"),
    input_kind<read_exited>("exited"),
    input_kind<[](const Place& place) { return LaunchEnded{place.id<LaunchId>("launch")}; }>(
        "launch_ended"),
    input_kind<[](const Place& place) {
      return CheckpointSaved{read_checkpoint(place.at("checkpoint"))};
    }>("checkpoint"),
    input_kind<[](const Place& place) {
      return CheckpointVoid{read_checkpoint(place.at("checkpoint")), place.text("reason")};
    }>("checkpoint_void"),
    input_kind<read_nothing<Deadline>>("deadline"),
    input_kind<[](const Place& place) {
      return Waiting{place.id<LaunchId>("launch"), place.text("reason")};
    }>("waiting"),
    input_kind<[](const Place& place) { return NodeJoined{read_node(place.at("node"))}; }>(
        "node_joined"),
    input_kind<[](const Place& place) { return NodeLost{place.id<NodeId>("node")}; }>("node_lost"),
    input_kind<read_opened>("opened"),
    input_kind<[](const Place& place) { return AddTrial{read_config(place.at("config"))}; }>(
        "add_trial"),
    input_kind<read_about_trial<PauseTrial>>("pause_trial"),
    input_kind<read_about_trial<ResumeTrial>>("resume_trial"),
    input_kind<read_about_trial<StopTrial>>("stop_trial"),
    input_kind<read_nothing<PauseStudy>>("pause_study"),
    input_kind<read_nothing<StopStudy>>("stop_study"),
    input_kind<[](const Place& place) { return RaiseTrials{place.whole("trials")}; }>(
        "raise_trials"),
    input_kind<[](const Place& place) {
      Retry retry;
      place.at("trials").each(
          [&](const Place& item) { retry.trials.push_back(TrialId{item.whole()}); });
      return retry;
    }>("retry"),
};
static_assert(std::size(kInputKinds) ==
              1 + std::variant_size_v<Signal> + std::variant_size_v<UserCommand>);

}  // namespace

std::string_view kind(const Input& input) {
  for (const InputKind& each : kInputKinds)
    if (each.is(input)) return each.word;
  CHECK(false, "an input without a word");
}

std::string to_json(const Input& input) {
  std::string out;
  JsonTable table(out);
  match(
      input, [&](const Opened& opened) { append_opened(table, opened); },
      [&](const Signal& signal) { append_signal(table, signal); },
      [&](const UserCommand& command) { append_command(table, command); });
  table.close();
  return out;
}

Result<Input> input_from_json(std::string_view kind, const Json& json) {
  for (const InputKind& each : kInputKinds)
    if (each.word == kind) return read_record<Input>(json, each.read);
  return invalid(fmt::format("unknown kind of input \"{}\"", kind));
}

Result<Input> input_from_json(std::string_view kind, std::string_view json) {
  const Json document = TRY(Json::parse(json));
  return input_from_json(kind, document);
}

}  // namespace clavier::text
