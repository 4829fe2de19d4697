#include <limits>

#include "base/match.h"
#include "study/text.h"
#include "study/text_names.h"
#include "study/text_records.h"

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
  Input (*read)(const Place&);
};

template <typename Command>
Input read_about_trial(const Place& place) {
  return UserCommand(Command{place.id<TrialId>("trial")});
}

/// One entry for each alternative of `Input`, in no particular order.
constexpr InputKind kInputKinds[] = {
    {"report",
     [](const Place& place) -> Input {
       Reported reported;
       place.at("reports").each(
           [&](const Place& item) { reported.reports.push_back(read_report(item)); });
       return Signal(std::move(reported));
     }},
    {"exited", [](const Place& place) -> Input { return Signal(read_exited(place)); }},
    {"launch_ended",
     [](const Place& place) -> Input { return Signal(LaunchEnded{place.id<LaunchId>("launch")}); }},
    {"checkpoint",
     [](const Place& place) -> Input {
       return Signal(CheckpointSaved{read_checkpoint(place.at("checkpoint"))});
     }},
    {"checkpoint_void",
     [](const Place& place) -> Input {
       return Signal(CheckpointVoid{read_checkpoint(place.at("checkpoint")), place.text("reason")});
     }},
    {"deadline", [](const Place&) -> Input { return Signal(Deadline{}); }},
    {"waiting",
     [](const Place& place) -> Input {
       return Signal(Waiting{place.id<LaunchId>("launch"), place.text("reason")});
     }},
    {"node_joined",
     [](const Place& place) -> Input { return Signal(NodeJoined{read_node(place.at("node"))}); }},
    {"node_lost",
     [](const Place& place) -> Input { return Signal(NodeLost{place.id<NodeId>("node")}); }},
    {"opened", [](const Place& place) -> Input { return read_opened(place); }},
    {"add_trial",
     [](const Place& place) -> Input {
       return UserCommand(AddTrial{read_config(place.at("config"))});
     }},
    {"pause_trial", read_about_trial<PauseTrial>},
    {"resume_trial", read_about_trial<ResumeTrial>},
    {"stop_trial", read_about_trial<StopTrial>},
    {"pause_study", [](const Place&) -> Input { return UserCommand(PauseStudy{}); }},
    {"stop_study", [](const Place&) -> Input { return UserCommand(StopStudy{}); }},
    {"raise_trials",
     [](const Place& place) -> Input { return UserCommand(RaiseTrials{place.whole("trials")}); }},
    {"retry",
     [](const Place& place) -> Input {
       Retry retry;
       place.at("trials").each(
           [&](const Place& item) { retry.trials.push_back(TrialId{item.whole()}); });
       return UserCommand(std::move(retry));
     }},
};

}  // namespace

std::string_view kind(const Input& input) {
  using Word = std::string_view;
  return match(
      input, [](const Opened&) -> Word { return "opened"; },
      [](const Signal& signal) {
        return match(
            signal, [](const Reported&) -> Word { return "report"; },
            [](const CheckpointSaved&) -> Word { return "checkpoint"; },
            [](const CheckpointVoid&) -> Word { return "checkpoint_void"; },
            [](const Exited&) -> Word { return "exited"; },
            [](const LaunchEnded&) -> Word { return "launch_ended"; },
            [](const Waiting&) -> Word { return "waiting"; },
            [](const NodeJoined&) -> Word { return "node_joined"; },
            [](const NodeLost&) -> Word { return "node_lost"; },
            [](const Deadline&) -> Word { return "deadline"; });
      },
      [](const UserCommand& command) {
        return match(
            command, [](const AddTrial&) -> Word { return "add_trial"; },
            [](const PauseTrial&) -> Word { return "pause_trial"; },
            [](const ResumeTrial&) -> Word { return "resume_trial"; },
            [](const StopTrial&) -> Word { return "stop_trial"; },
            [](const PauseStudy&) -> Word { return "pause_study"; },
            [](const StopStudy&) -> Word { return "stop_study"; },
            [](const RaiseTrials&) -> Word { return "raise_trials"; },
            [](const Retry&) -> Word { return "retry"; });
      });
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
