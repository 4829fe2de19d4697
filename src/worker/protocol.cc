#include "worker/protocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/match.h"
#include "study/foldable.h"
#include "study/text.h"
#include "worker/json_scan.h"

namespace clavier::worker {
namespace {

using json::ObjectReader;

/// The members of a message, still as text. Unknown ones are kept and ignored.
class Fields {
 public:
  static Result<Fields> read(std::string_view line) {
    if (!json::valid_utf8(line)) return invalid("not UTF-8");
    Fields fields;
    ObjectReader reader(line);
    while (reader.next()) {
      if (fields.count_ == kMaxFields)
        return invalid(fmt::format("more than {} fields", kMaxFields));
      // Keys with escapes live only until the next member, and no key of ours has any.
      const bool inside =
          reader.key().data() >= line.data() && reader.key().data() < line.data() + line.size();
      fields.members_[fields.count_++] = {inside ? reader.key() : "", reader.value()};
    }
    TRY(reader.status());
    return fields;
  }

  /// The last one of that name, as Python reads it; nothing if absent or null.
  std::optional<std::string_view> find(std::string_view name) const {
    for (std::size_t i = count_; i-- > 0;)
      if (members_[i].key == name) {
        if (members_[i].raw == "null") return {};
        return members_[i].raw;
      }
    return {};
  }

  Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t least) const {
    const auto raw = find(name);
    if (!raw) return std::optional<std::int64_t>();
    const auto value = json::integer(*raw);
    if (!value || *value < least)
      return invalid(fmt::format("'{}' must be a whole number from {} on", name, least));
    return value;
  }
  Result<bool> truth(std::string_view name, bool otherwise) const {
    const auto raw = find(name);
    if (!raw) return otherwise;
    const auto value = json::boolean(*raw);
    if (!value) return invalid(fmt::format("'{}' must be true or false", name));
    return *value;
  }
  Result<std::string> string(std::string_view name) const {
    const auto raw = find(name);
    if (!raw) return std::string();
    auto value = json::string(*raw);
    if (!value) return invalid(fmt::format("'{}' must be a string", name));
    return *std::move(value);
  }
  Result<double> number(std::string_view name, double otherwise) const {
    const auto raw = find(name);
    if (!raw) return otherwise;
    const auto value = json::number(*raw);
    if (!value) return invalid(fmt::format("'{}' must be a number", name));
    return *value;
  }

 private:
  static constexpr std::size_t kMaxFields = 32;
  struct Member {
    std::string_view key;
    std::string_view raw;
  };
  std::array<Member, kMaxFields> members_;
  std::size_t count_ = 0;
};

template <typename Id>
Result<std::optional<Id>> id(const Fields& fields, std::string_view name) {
  const auto value = TRY(fields.integer(name, 0));
  if (!value) return std::optional<Id>();
  return std::optional<Id>(Id{*value});
}

Status check_metric_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxMetricNameBytes)
    return invalid(fmt::format("a metric's name must have 1 to {} bytes", kMaxMetricNameBytes));
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      return invalid("a metric's name holds a control character");
  return {};
}

/// A later value replaces an earlier one of the same name.
Status add_metric(std::vector<Metric>& metrics, std::string_view name, double value) {
  TRY(check_metric_name(name));
  for (Metric& metric : metrics)
    if (metric.name == name) {
      metric.value = value;
      return {};
    }
  if (metrics.size() == kMaxMetrics)
    return invalid(fmt::format("more than {} metrics in one report", kMaxMetrics));
  metrics.push_back({std::string(name), value});
  return {};
}

std::optional<double> metric_value(std::string_view raw) {
  if (const auto value = json::number(raw)) return value;
  if (const auto truth = json::boolean(raw)) return *truth ? 1.0 : 0.0;
  if (raw == "null") return std::numeric_limits<double>::quiet_NaN();
  return {};
}

Result<std::vector<Metric>> read_metrics(std::string_view raw) {
  std::vector<Metric> metrics;
  ObjectReader reader(raw);
  while (reader.next()) {
    const auto value = metric_value(reader.value());
    if (!value) return invalid(fmt::format("metric '{}' is not a number", reader.key()));
    TRY(add_metric(metrics, reader.key(), *value));
  }
  if (!reader.status()) return invalid("'metrics' must be an object of numbers");
  return metrics;
}

Result<std::string> checkpoint_field(const Fields& fields) {
  auto name = TRY(fields.string("checkpoint"));
  if (!name.empty() && !valid_checkpoint_name(name))
    return invalid("'checkpoint' must be the name of a directory inside the trial's directory");
  return name;
}

Result<std::optional<Steps>> step_field(const Fields& fields) {
  const auto step = TRY(fields.integer("step", 0));
  if (step && *step > kMostSteps) return invalid(fmt::format("'step' is beyond {}", kMostSteps));
  return step;
}

Result<FromWorker> read_report(const Fields& fields) {
  ReportLine report;
  report.trial = TRY(id<TrialId>(fields, "trial"));
  report.launch = TRY(id<LaunchId>(fields, "launch"));
  report.step = TRY(step_field(fields));
  const double seconds = TRY(fields.number("seconds", -1));
  if (seconds >= 0 && seconds <= kMostSeconds) report.seconds = seconds;
  if (const auto raw = fields.find("metrics")) report.metrics = TRY(read_metrics(*raw));
  report.checkpoint = TRY(checkpoint_field(fields));
  report.more = TRY(fields.truth("more", false));
  return FromWorker(std::move(report));
}

Result<Takes> read_takes(std::string_view raw) {
  const Result<Fields> fields = Fields::read(raw);
  if (!fields.ok()) return invalid("'takes' must be an object");
  Takes takes;
  takes.members = TRY(fields->integer("members", 1)).value_or(1);
  takes.shares = TRY(fields->integer("shares", 1)).value_or(1);
  takes.elastic = TRY(fields->truth("elastic", false));
  return takes;
}

Result<FromWorker> read_hello(const Fields& fields) {
  HelloLine hello;
  const auto version = TRY(fields.integer("version", 1));
  if (!version || *version > std::numeric_limits<int>::max())
    return invalid("'version' is missing");
  hello.version = static_cast<int>(*version);
  hello.resume = TRY(fields.truth("resume", false));
  hello.several = TRY(fields.truth("several", false));
  hello.exploit = TRY(fields.truth("exploit", false));
  hello.paced = TRY(fields.truth("paced", false));
  hello.name = TRY(fields.string("name"));
  hello.pid = TRY(fields.integer("pid", 0)).value_or(0);
  if (const auto raw = fields.find("takes")) hello.takes = TRY(read_takes(*raw));
  return FromWorker(std::move(hello));
}

Result<FromWorker> read_checkpoint(const Fields& fields) {
  CheckpointLine saved;
  saved.trial = TRY(id<TrialId>(fields, "trial"));
  saved.launch = TRY(id<LaunchId>(fields, "launch"));
  saved.step = TRY(step_field(fields));
  saved.checkpoint = TRY(checkpoint_field(fields));
  saved.error = TRY(fields.string("error"));
  if (saved.checkpoint.empty() == saved.error.empty())
    return invalid("'checkpoint' is missing");  // Or 'error', where there is none.
  return FromWorker(std::move(saved));
}

Result<ExitKind> exit_kind(std::string_view word) {
  if (word == "completed") return ExitKind::kCompleted;
  if (word == "stopped") return ExitKind::kStopped;
  if (word == "paused") return ExitKind::kPaused;
  if (word == "failed") return ExitKind::kFailed;
  return invalid("'kind' must be completed, stopped, paused or failed");
}

Result<FromWorker> read_exited(const Fields& fields) {
  ExitedLine exited;
  exited.trial = TRY(id<TrialId>(fields, "trial"));
  exited.launch = TRY(id<LaunchId>(fields, "launch"));
  const auto kind = TRY(fields.string("kind"));
  exited.kind = TRY(exit_kind(kind));
  exited.error = one_line(TRY(fields.string("error")));
  exited.leaving = TRY(fields.truth("leaving", false));
  return FromWorker(std::move(exited));
}

Result<Steps> until_field(const Fields& fields) {
  return TRY(fields.integer("until", 0)).value_or(kForever);
}

Result<Config> config_field(const Fields& fields) {
  const auto raw = fields.find("config");
  if (!raw) return Config{};
  return text::config_from_json(*raw);
}

/// By what a report is its trial's best, and the best value before.
Status read_best(const Fields& fields, StartLine& start) {
  const std::string metric = TRY(fields.string("best_metric"));
  const std::string mode = TRY(fields.string("best_mode"));
  if (metric.empty()) return {};
  if (mode != "min" && mode != "max") return invalid("'best_mode' must be min or max");
  start.checkpoints.best = Objective{metric, mode == "min" ? Mode::kMin : Mode::kMax};
  const double best = TRY(fields.number("best", std::nan("")));
  if (std::isfinite(best)) start.best = best;
  return {};
}

Result<StartLine> read_start(const Fields& fields) {
  StartLine start;
  const auto trial = TRY(id<TrialId>(fields, "trial"));
  const auto launch = TRY(id<LaunchId>(fields, "launch"));
  if (!trial || !launch) return invalid("'trial' or 'launch' is missing");
  start.trial = *trial;
  start.launch = *launch;
  const auto attempt = TRY(fields.integer("attempt", 1)).value_or(1);
  if (attempt > std::numeric_limits<int>::max()) return invalid("'attempt' is too large");
  start.attempt = static_cast<int>(attempt);
  start.config = TRY(config_field(fields));
  start.directory = TRY(fields.string("directory"));
  start.checkpoint = TRY(fields.string("checkpoint"));
  start.step = TRY(fields.integer("step", 0)).value_or(0);
  start.until = TRY(until_field(fields));
  start.width = TRY(fields.number("width", 1));
  start.checkpoints.every = TRY(fields.integer("checkpoint_every", 0)).value_or(0);
  start.checkpoints.at_end = TRY(fields.truth("checkpoint_at_end", true));
  TRY(read_best(fields, start));
  start.slots = TRY(fields.integer("slots", 1)).value_or(1);
  start.members = TRY(fields.integer("members", 1)).value_or(1);
  start.shares = TRY(fields.integer("shares", 1)).value_or(1);
  start.rank = TRY(fields.integer("rank", 0)).value_or(0);
  if (start.rank >= start.shares) return invalid("'rank' must be below 'shares'");
  start.step_seconds = TRY(fields.number("step_seconds", 0));
  if (!std::isfinite(start.step_seconds) || start.step_seconds < 0)
    return invalid("'step_seconds' must be a number from 0 on");
  return start;
}

Result<ExploitLine> read_exploit(const Fields& fields) {
  ExploitLine exploit;
  exploit.checkpoint = TRY(fields.string("checkpoint"));
  if (exploit.checkpoint.empty()) return invalid("'checkpoint' is missing");
  exploit.config = TRY(config_field(fields));
  exploit.step = TRY(fields.integer("step", 0)).value_or(0);
  exploit.until = TRY(until_field(fields));
  exploit.trial = TRY(id<TrialId>(fields, "trial"));
  return exploit;
}

/// Progress bars end in a carriage return without a newline: what they overwrite goes as well.
std::string_view without_blanks(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  if (const auto bar = line.rfind('\r'); bar != std::string_view::npos) line.remove_prefix(bar + 1);
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  return line;
}

Result<ReportLine> read_plain(std::string_view object) {
  if (!json::valid_utf8(object)) return invalid("it is not UTF-8");
  ReportLine report;
  bool has_number = false;
  ObjectReader reader(object);
  while (reader.next()) {
    if (reader.key() == "step") {
      report.step = json::integer(reader.value());
      if (!report.step || *report.step < 0 || *report.step > kMostSteps)
        return invalid(fmt::format("'step' must be a whole number from 0 to {}", kMostSteps));
    } else if (const auto value = metric_value(reader.value())) {
      TRY(add_metric(report.metrics, reader.key(), *value));
      has_number = has_number || json::number(reader.value());
    }
  }
  TRY(reader.status());
  if (!has_number) return invalid("it holds no number");
  return report;
}

}  // namespace

std::optional<TrialId> addressee(const ToWorker& message) {
  using Named = std::optional<TrialId>;
  return match(
      message, [](const StartLine& start) { return Named(start.trial); },
      [](const QuitLine&) { return Named(); }, [](const auto& other) { return other.trial; });
}

Result<FromWorker> decode_from_worker(std::string_view line) {
  const Fields fields = TRY(Fields::read(line));
  const auto raw = fields.find("type").value_or("");
  if (raw == R"("report")") return read_report(fields);
  if (raw == R"("exited")") return read_exited(fields);
  if (raw == R"("checkpoint")") return read_checkpoint(fields);
  if (raw == R"("hello")") return read_hello(fields);
  return invalid("'type' must be hello, report, checkpoint or exited");
}

Result<std::optional<ToWorker>> decode_to_worker(std::string_view line) {
  using Message = std::optional<ToWorker>;
  const Fields fields = TRY(Fields::read(line));
  const auto raw = fields.find("type");
  if (!raw) return invalid("'type' is missing");
  if (*raw == R"("start")") return Message(TRY(read_start(fields)));
  if (*raw == R"("continue")")
    return Message(ContinueLine{TRY(until_field(fields)), TRY(id<TrialId>(fields, "trial"))});
  if (*raw == R"("stop")") return Message(StopLine{TRY(id<TrialId>(fields, "trial"))});
  if (*raw == R"("pause")") return Message(PauseLine{TRY(id<TrialId>(fields, "trial"))});
  if (*raw == R"("exploit")") return Message(TRY(read_exploit(fields)));
  if (*raw == R"("quit")") return Message(QuitLine{});
  return Message();
}

std::optional<ReportLine> scan_plain(std::string_view line) {
  const std::string_view object = without_blanks(line);
  if (object.size() < 2 || object.front() != '{' || object.back() != '}') return {};
  auto report = read_plain(object);
  return report ? std::optional<ReportLine>(*std::move(report)) : std::nullopt;
}

std::string why_no_report(std::string_view line) {
  const std::string_view object = without_blanks(line);
  if (object.empty() || object.front() != '{') return {};
  if (object.starts_with("{'")) return "names stand in double quotes in JSON: print json.dumps(…)";
  const auto report = read_plain(object);
  return report ? std::string() : report.error().message;
}

Status check_metrics(const std::vector<Metric>& metrics) {
  if (metrics.size() > kMaxMetrics)
    return invalid(fmt::format("more than {} metrics in one report", kMaxMetrics));
  for (const Metric& metric : metrics) {
    TRY(check_metric_name(metric.name));
    if (!json::valid_utf8(metric.name)) return invalid("a metric's name is not UTF-8");
  }
  return {};
}

std::string one_line(std::string_view text) {
  const auto from = std::min(text.find_first_not_of("\r\n \t"), text.size());
  text.remove_prefix(from);
  text = text.substr(0, text.find_first_of("\r\n"));
  if (text.size() > kMaxErrorBytes) {
    std::size_t end = kMaxErrorBytes;  // Between two characters.
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end);
  }
  return json::to_utf8(text);
}

std::string checkpoint_name(Steps step, LaunchId launch) {
  return fmt::format("checkpoint_{:06}_{}", step, launch.value);
}

bool valid_checkpoint_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxCheckpointNameBytes || name.front() == '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return c != '/' && static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
  });
}

}  // namespace clavier::worker
