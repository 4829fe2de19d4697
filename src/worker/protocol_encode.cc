#include <fmt/format.h>

#include "base/check.h"
#include "base/match.h"
#include "study/text.h"
#include "worker/json_scan.h"
#include "worker/protocol.h"

namespace clavier::worker {
namespace {

/// Builds one line: fields in the order of the calls, then '}' and the newline.
class LineWriter {
 public:
  LineWriter(std::string& out, std::string_view type) : out_(out), table_(out, ",", ":") {
    table_.put("type", type);
  }
  ~LineWriter() { out_ += "}\n"; }
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  void number(std::string_view key, std::int64_t value) { table_.put(key, value); }
  void real(std::string_view key, double value) { table_.put(key, value); }
  void truth(std::string_view key, bool value) { table_.put(key, value); }
  /// The other side refuses what is not UTF-8, and words from outside may be anything.
  void string(std::string_view key, std::string_view value) {
    table_.put(key, std::string_view(json::to_utf8(value)));
  }
  void string_or_null(std::string_view key, std::string_view value) {
    if (value.empty()) return raw(key, "null");
    string(key, value);
  }
  void until(Steps value) {
    if (value == kForever) return raw("until", "null");
    number("until", value);
  }
  void raw(std::string_view key, std::string_view json) { table_.field(key) += json; }
  void ids(std::optional<TrialId> trial, std::optional<LaunchId> launch) {
    if (trial) table_.put("trial", *trial);
    if (launch) table_.put("launch", *launch);
  }
  void metrics(const std::vector<Metric>& metrics) {
    std::string& out = table_.field("metrics");
    char before = '{';
    for (const Metric& metric : metrics) {
      out += before;
      append_json(out, metric.name);
      out += ':';
      append_json(out, metric.value);
      before = ',';
    }
    out += metrics.empty() ? "{}" : "}";
  }

 private:
  std::string& out_;
  JsonTable table_;
};

std::string_view word(ExitKind kind) {
  switch (kind) {
    case ExitKind::kCompleted: return "completed";
    case ExitKind::kStopped: return "stopped";
    case ExitKind::kPaused: return "paused";
    case ExitKind::kFailed: return "failed";
    case ExitKind::kLost:
    case ExitKind::kRefused: break;
  }
  CHECK(false, "a worker cannot say that it was lost or refused");
}

}  // namespace

void encode(const ReportLine& report, std::string& out) {
  LineWriter line(out, "report");
  line.ids(report.trial, report.launch);
  if (report.step) line.number("step", *report.step);
  if (report.seconds) line.real("seconds", *report.seconds);
  line.metrics(report.metrics);
  if (!report.checkpoint.empty()) line.string("checkpoint", report.checkpoint);
  if (report.more) line.truth("more", true);
}

void encode(const FromWorker& message, std::string& out) {
  match(
      message,
      [&](const HelloLine& hello) {
        LineWriter line(out, "hello");
        line.number("version", hello.version);
        line.truth("resume", hello.resume);
        line.truth("several", hello.several);
        line.truth("exploit", hello.exploit);
        if (!hello.name.empty()) line.string("name", hello.name);
        if (hello.pid != 0) line.number("pid", hello.pid);
        if (hello.paced) line.truth("paced", true);
        if (hello.takes != Takes{})
          line.raw("takes",
                   fmt::format(R"({{"members":{},"shares":{},"elastic":{}}})", hello.takes.members,
                               hello.takes.shares, hello.takes.elastic));
      },
      [&](const ReportLine& report) { encode(report, out); },
      [&](const CheckpointLine& saved) {
        LineWriter line(out, "checkpoint");
        line.ids(saved.trial, saved.launch);
        if (saved.step) line.number("step", *saved.step);
        if (saved.error.empty())
          line.string("checkpoint", saved.checkpoint);
        else
          line.string("error", saved.error);
      },
      [&](const ExitedLine& exited) {
        LineWriter line(out, "exited");
        line.ids(exited.trial, exited.launch);
        line.string("kind", word(exited.kind));
        if (!exited.error.empty()) line.string("error", exited.error);
        if (exited.leaving) line.truth("leaving", true);
      });
}

void encode(const ToWorker& message, std::string& out) {
  match(
      message,
      [&](const StartLine& start) {
        LineWriter line(out, "start");
        line.ids(start.trial, start.launch);
        line.number("attempt", start.attempt);
        line.raw("config", text::to_json(start.config));
        line.string("directory", start.directory);
        line.string_or_null("checkpoint", start.checkpoint);
        line.number("step", start.step);
        line.until(start.until);
        line.real("width", start.width);
        line.number("checkpoint_every", start.checkpoints.every);
        line.truth("checkpoint_at_end", start.checkpoints.at_end);
        if (const auto& best = start.checkpoints.best) {
          line.string("best_metric", best->metric);
          line.string("best_mode", best->mode == Mode::kMin ? "min" : "max");
          if (start.best) line.real("best", *start.best);
        }
        if (start.slots != 1) line.number("slots", start.slots);
        if (start.step_seconds > 0) line.real("step_seconds", start.step_seconds);
        if (start.members != 1) line.number("members", start.members);
        if (start.shares != 1) line.number("shares", start.shares);
        if (start.rank != 0) line.number("rank", start.rank);
      },
      [&](const ContinueLine& go_on) {
        LineWriter line(out, "continue");
        line.ids(go_on.trial, {});
        line.until(go_on.until);
      },
      [&](const StopLine& stop) { LineWriter(out, "stop").ids(stop.trial, {}); },
      [&](const PauseLine& pause) { LineWriter(out, "pause").ids(pause.trial, {}); },
      [&](const ExploitLine& exploit) {
        LineWriter line(out, "exploit");
        line.ids(exploit.trial, {});
        line.string("checkpoint", exploit.checkpoint);
        line.raw("config", text::to_json(exploit.config));
        line.number("step", exploit.step);
        line.until(exploit.until);
      },
      [&](const QuitLine&) { LineWriter(out, "quit"); });
}

}  // namespace clavier::worker
