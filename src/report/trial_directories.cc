#include "report/trial_directories.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/match.h"
#include "base/utc.h"
#include "study/directory_name.h"
#include "study/text.h"

/// Lines are made step by step and written in batches: one write per trial and batch, not one per
/// report. With each batch goes what was known before its first step, so that after a crash in the
/// middle the files are cut back to there and the log makes the same lines again: `knowledge()` is
/// therefore taken right after a flush. It holds the live trials only; what a trial that rests had
/// summed up is read back from its own last line, so the marker stays as small as the number of
/// slots. Within a step reports come before exploits, for a line tells the configuration it was
/// reached with, and launches last, for a trial's first one begins its files anew.
namespace clavier::report {
namespace {

/// What is appended to, and what is written whole.
enum File { kResult, kProgress, kError };
constexpr const char* kFiles[] = {"result.json", "progress.csv", "error.txt"};
constexpr const char* kParams = "params.json";

std::string params_of(const std::string& config_json) {
  const auto json = Json::parse(config_json);
  return json.ok() ? to_text(*json, {.indent = 2, .sorted = true}) : config_json;
}

double total_of(const std::string& result_line) {
  const auto json = Json::parse(result_line);
  const Json* total = json.ok() ? json->find("time_total_s") : nullptr;
  return total ? total->number().value_or(0) : 0;
}

Status check_directory(const Trial& trial) {
  if (AppendOnce::is_plain(trial.directory)) return ok_status();
  return invalid(fmt::format("trial {} has no usable directory name: \"{}\"", trial.id.value,
                             trial.directory));
}

bool ends_trial(const Turn& turn, TrialId trial) {
  return std::ranges::any_of(turn.decisions, [&](const Decision& decision) {
    return subject(decision.action) == trial && (std::holds_alternative<Stop>(decision.action) ||
                                                 std::holds_alternative<Complete>(decision.action));
  });
}

/// What the trial had when it made the report of this turn.
const Config& config_before(const Turn& turn, const Trial& trial) {
  for (const Decision& decision : turn.decisions)
    if (const auto* exploit = std::get_if<Exploit>(&decision.action);
        exploit && exploit->trial == trial.id)
      for (const Takeover& each : trial.takeovers)
        if (each.donor == exploit->donor) return each.before;
  return trial.config;
}

}  // namespace

TrialDirectories::TrialDirectories(TrialDirectoriesOptions options)
    : options_(std::move(options)),
      batch_({.folder = options_.folder,
              .marker = kMarker,
              .files = {std::begin(kFiles), std::end(kFiles)},
              .warn = options_.warn}) {
  restart();
}

void TrialDirectories::restart() {
  next_ = StepId{0};
  batch_first_ = 0;
  begun_ = 0;
  batch_time_ = {};
  opened_utc_us_ = 0;
  opened_at_ = {};
  hosts_.clear();
  entries_.clear();
  knowledge_before_batch_ = knowledge();
}

Result<StepId> TrialDirectories::resume() {
  const auto known = batch_.recover();
  if (!known || !restore(*known)) restart();
  batch_first_ = next_.value;
  knowledge_before_batch_ = knowledge();
  return next_;
}

Status TrialDirectories::on_step(const Step& step, const State& state) {
  if (step.turn.id < next_) {
    // The log of an earlier life has been replaced.
    if (step.turn.id.value != 0) return ok_status();
    restart();
  }
  next_ = StepId{step.turn.id.value + 1};
  if (const auto* opened = input_as<Opened>(step.turn)) open(*opened, step.turn.time);
  if (const auto* reported = input_as<Reported>(step.turn); reported && !step.turn.late)
    for (const Report& each : reported->reports) TRY(report(each, step.turn, state));
  if (const auto* exit = input_as<Exited>(step.turn)) TRY(exited(*exit, step.turn.time, state));
  if (const auto* joined = input_as<NodeJoined>(step.turn))
    for (const Slot& slot : joined->node.slots) hosts_[slot.id] = joined->node.host;
  // What was reported in this step was reached with the configuration before.
  for (const Decision& decision : step.turn.decisions)
    if (const auto* exploit = std::get_if<Exploit>(&decision.action))
      TRY(exploited(*exploit, state));
  for (const Launch& each : step.fill.launches) TRY(launch(each, state));
  const bool due = batch_bytes_ >= kBatchBytes || batch_.size() >= kBatchTrials ||
                   next_.value - batch_first_ >= kBatchSteps ||
                   step.turn.time - batch_time_ >= kBatchTime;
  if (!due || batch_.size() == 0) return ok_status();
  batch_time_ = step.turn.time;
  return flush();
}

Status TrialDirectories::on_idle(StudyTime now, const State&) {
  if (batch_.size() == 0) return ok_status();
  batch_time_ = now;
  return flush();
}

Status TrialDirectories::finish(const State&) {
  TRY(flush());
  return batch_.settle(knowledge_before_batch_);
}

void TrialDirectories::open(const Opened& opened, StudyTime time) {
  opened_utc_us_ = opened.utc_us;
  opened_at_ = time;
  if (opened.rebuilt) return;
  for (auto& [trial, each] : entries_) each.live = false;
}

Status TrialDirectories::launch(const Launch& launch, const State& state) {
  for (const Member& member : launch.members) {
    if (!state.known(member.trial)) continue;
    if (member.attempt == 1) {
      const Trial& trial = state.trial(member.trial);
      TRY(check_directory(trial));
      Entry& first = entries_[member.trial] = Entry{};
      first.directory = trial.directory;
      fill_in(first, trial, trial.config);
    }
    Entry& each = *TRY(entry(member.trial, state));
    each.live = true;
    each.launch = launch.id;
    each.seconds_since_restore = 0;
    each.iterations_since_restore = 0;
    const auto host = hosts_.find(launch.shares.front().slot);
    if (host != hosts_.end()) each.source.host = host->second;
    if (member.attempt != 1) continue;
    ++begun_;
    auto& pending = batch_.pending(each.directory);
    pending.fresh = true;
    std::string params = params_of(each.source.config_json);
    batch_bytes_ += params.size();
    pending.replaced[kParams] = std::move(params);
  }
  return ok_status();
}

Status TrialDirectories::report(const Report& report, const Turn& turn, const State& state) {
  if (!state.known(report.trial)) return ok_status();
  Entry& each = *TRY(entry(report.trial, state, &turn));
  each.total_seconds += report.seconds;
  each.seconds_since_restore += report.seconds;
  ++each.iterations_since_restore;
  const std::int64_t now = utc_s(turn.time);
  const std::string_view path = report.checkpoint ? report.checkpoint->path : std::string_view();
  const ResultLine line{.metrics = report.metrics,
                        .source = each.source,
                        .timestamp_s = now,
                        .date = date(now),
                        .checkpoint_name = path.substr(path.rfind('/') + 1),
                        .done = ends_trial(turn, report.trial),
                        .iteration = report.step,
                        .seconds = report.seconds,
                        .total_seconds = each.total_seconds,
                        .seconds_since_restore = each.seconds_since_restore,
                        .iterations_since_restore = each.iterations_since_restore};
  auto& appended = batch_.pending(each.directory).appended;
  std::string &results = appended[kResult], &progress = appended[kProgress];
  const std::size_t before = results.size() + progress.size();
  append_result_json(results, line);
  if (!each.columns) {
    each.columns = ProgressColumns::of(line);
    each.columns->append_header(progress);
  }
  each.columns->append_row(progress, line);
  batch_bytes_ += results.size() + progress.size() - before;
  return ok_status();
}

Status TrialDirectories::exited(const Exited& exited, StudyTime time, const State& state) {
  if (!state.known(exited.trial)) return ok_status();
  Entry& each = *TRY(entry(exited.trial, state));
  if (each.launch.valid() && each.launch != exited.launch) return ok_status();
  each.live = false;
  if (exited.error.empty()) return ok_status();
  const Trial& trial = state.trial(exited.trial);
  std::string& errors = batch_.pending(each.directory).appended[kError];
  fmt::format_to(std::back_inserter(errors), "Failure # {} (occurred at {})\n{}\n",
                 trial.failures + trial.losses, date(utc_s(time)), exited.error);
  if (!exited.log_tail.empty()) errors += exited.log_tail + '\n';
  batch_bytes_ += exited.error.size() + exited.log_tail.size();
  return ok_status();
}

Status TrialDirectories::exploited(const Exploit& exploit, const State& state) {
  if (!state.known(exploit.trial)) return ok_status();
  Entry& each = *TRY(entry(exploit.trial, state));
  const std::string host = std::move(each.source.host);
  fill_in(each, state.trial(exploit.trial), exploit.config);
  each.source.host = host;
  batch_.pending(each.directory).replaced[kParams] = params_of(each.source.config_json);
  return ok_status();
}

Result<TrialDirectories::Entry*> TrialDirectories::entry(TrialId trial, const State& state,
                                                         const Turn* turn) {
  const Trial& known = state.trial(trial);
  TRY(check_directory(known));
  const auto [at, is_new] = entries_.try_emplace(trial);
  Entry& each = at->second;
  if (!each.source.trial_name.empty()) return &each;
  each.directory = known.directory;
  const auto before = batch_.open(each.directory);
  if (is_new && before) each.total_seconds = total_of(last_line(*before, kFiles[kResult]));
  fill_in(each, known, turn ? config_before(*turn, known) : known.config);
  const auto host = hosts_.find(known.slot);
  if (host != hosts_.end()) each.source.host = host->second;
  const std::string header = before ? first_record(*before, kFiles[kProgress]) : std::string();
  if (!header.empty())
    if (auto columns = ProgressColumns::parse(header)) each.columns = *std::move(columns);
  return &each;
}

void TrialDirectories::fill_in(Entry& entry, const Trial& trial, const Config& config) const {
  entry.source = {.trial_name = trial_name(options_.study_name, trial.id),
                  .experiment_tag = experiment_tag(trial.id, config),
                  .host = {},
                  .config_json = text::to_json(config)};
}

Status TrialDirectories::flush() {
  const Status written = batch_.write(knowledge_before_batch_);
  batch_bytes_ = 0;
  batch_first_ = next_.value;
  std::erase_if(entries_, [](const auto& each) { return !each.second.live; });
  knowledge_before_batch_ = knowledge();
  return written;
}

std::string TrialDirectories::knowledge() const {
  std::string out = fmt::format(
      "{{\"step\": {}, \"begun\": {}, \"utc_us\": {}, \"opened_at_us\": {}, \"hosts\": [",
      next_.value, begun_, opened_utc_us_, microseconds(opened_at_));
  const char* separator = "";
  for (const auto& [slot, host] : hosts_) {
    out += fmt::format("{}[{}, ", separator, slot.value);
    append_json(out, host);
    out += ']';
    separator = ", ";
  }
  out += "], \"live\": [";
  separator = "";
  for (const auto& [trial, each] : entries_) {
    if (!each.live) continue;
    out += fmt::format("{}\n{{\"trial\": {}, \"launch\": {}, \"iterations\": {}, \"total\": ",
                       separator, trial.value, each.launch.value, each.iterations_since_restore);
    append_json(out, each.total_seconds);
    out += ", \"since_restore\": ";
    append_json(out, each.seconds_since_restore);
    out += '}';
    separator = ",";
  }
  return out + "]}";
}

bool TrialDirectories::restore(const Json& knowledge) {
  restart();
  bool complete = true;
  const auto whole = [&](const Json& table, std::string_view name) {
    const Json* field = table.find(name);
    const auto* number = field ? field->as<std::int64_t>() : nullptr;
    if (!number) complete = false;
    return number ? *number : 0;
  };
  const auto real = [&](const Json& table, std::string_view name) {
    const Json* field = table.find(name);
    return field ? field->number().value_or(0) : 0;
  };
  next_ = StepId{whole(knowledge, "step")};
  opened_utc_us_ = whole(knowledge, "utc_us");
  opened_at_ = study_time(whole(knowledge, "opened_at_us"));
  const Json* hosts = knowledge.find("hosts");
  const Json* live = knowledge.find("live");
  if (!hosts || !hosts->as<Json::List>() || !live || !live->as<Json::List>()) return false;
  for (const Json& pair : *hosts->as<Json::List>()) {
    const auto* both = pair.as<Json::List>();
    if (!both || both->size() != 2 || !(*both)[0].as<std::int64_t>() ||
        !(*both)[1].as<std::string>())
      return false;
    hosts_[SlotId{*(*both)[0].as<std::int64_t>()}] = *(*both)[1].as<std::string>();
  }
  for (const Json& each : *live->as<Json::List>()) {
    Entry& entry = entries_[TrialId{whole(each, "trial")}];
    entry.live = true;
    entry.launch = LaunchId{whole(each, "launch")};
    entry.total_seconds = real(each, "total");
    entry.seconds_since_restore = real(each, "since_restore");
    entry.iterations_since_restore = whole(each, "iterations");
  }
  // Of versions that did not count them.
  if (const Json* begun = knowledge.find("begun"); begun && begun->as<std::int64_t>())
    begun_ = *begun->as<std::int64_t>();
  return complete && next_.value >= 0 && batch_.directories() >= begun_;
}

std::int64_t TrialDirectories::utc_s(StudyTime time) const {
  return (opened_utc_us_ + (time - opened_at_).count()) / 1'000'000;
}

const std::string& TrialDirectories::date(std::int64_t utc_s) {
  if (utc_s != date_of_) {
    date_of_ = utc_s;
    date_ = utc_stamp(utc_s);
  }
  return date_;
}

}  // namespace clavier::report
