#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <ostream>
#include <set>
#include <sstream>

#include "app/registry/registry.h"
#include "base/files.h"
#include "base/match.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/front.h"
#include "report/timeline.h"
#include "report/width.h"
#include "report/wording.h"
#include "study/text.h"

namespace clavier::cli {
namespace {

constexpr std::size_t kShownReports = 20;
constexpr std::size_t kShownDecisions = 40;
constexpr off_t kTailBytes = 64 << 10;

/// What the log says about one trial, as it went.
struct History {
  std::vector<std::pair<StudyTime, Report>> reports;
  std::vector<std::pair<StudyTime, Decision>> decisions;
  std::vector<std::pair<StudyTime, CheckpointVoid>> voids;
  std::vector<std::pair<StudyTime, Exited>> mishaps;  ///< Failures and losses.
  report::Timeline timeline;
};

std::string in_words(const Action& action) {
  return match(
      action, [](const Stop&) -> std::string { return "stop"; },
      [](const Complete&) -> std::string { return "complete"; },
      [](const Pause& a) -> std::string { return a.held ? "hold" : "pause"; },
      [](const Requeue&) -> std::string { return "requeue"; },
      [](const Continue& a) {
        return a.until == kForever ? "continue" : fmt::format("continue to {}", a.until);
      },
      [](const Exploit& a) {
        return fmt::format("exploit trial {} at step {}", a.donor.trial.value, a.donor.step);
      });
}

/// Which searcher was asked for it, and why, as the study was then.
std::string searcher_of(const app::RecordedStudy& study, TrialId trial) {
  std::string words;
  (void)app::read_recorded(study.folder, store::Metrics::kSkip,
                           [&](const Step& step, const State& state) {
                             for (const NewTrial& created : step.fill.created)
                               if (created.id == trial)
                                 words = app::explain_search(study.spec, state);
                           });
  return words;
}

void show_facts(const app::RecordedStudy& study, const Trial& trial, Streams& streams) {
  const auto line = [&](std::string_view what, const std::string& text) {
    streams.out << fmt::format("{:<12} {}\n", what, text);
  };
  line("trial", fmt::format("{} of {}", trial.id.value, study.folder.name()));
  const bool runs = study.runs();
  line("status",
       fmt::format("{}{}{}", status_word(trial, runs), reason_of(trial).empty() ? "" : ": ",
                   report::clean(reason_of(trial))));
  line("step", fmt::format("{}", trial.step));
  if (trial.best)
    line(study.state.objective().several() ? "stands with" : "best",
         fmt::format(
             "{} at step {}{}",
             report::values_text(study.state.objective(), trial.best->value, trial.best->further),
             trial.best->step,
             trial.best->config ? ", with " + report::short_config(*trial.best->config)
                                : std::string()));
  // Only some schedulers have any.
  if (std::ranges::any_of(study.state.trials(), [](const Trial& t) { return t.bracket > 0; }))
    line("bracket", fmt::format("{}", trial.bracket));
  if (trial.origin)
    line("origin", fmt::format("trial {}", trial.origin->value));
  else
    line("search", searcher_of(study, trial.id));
  if (trial.width != 1) line("width", report::number(trial.width));
  line("attempts",
       fmt::format("{} ({} failed, {} lost)", trial.attempts, trial.failures, trial.losses));
  line("directory", shown_path(study.folder.root / trial.directory));
  for (const Checkpoint& checkpoint : trial.checkpoints)
    if (checkpoint.trial.valid())
      line("checkpoint",
           fmt::format("{} (step {})", shown_path(study.folder.root / checkpoint.path),
                       checkpoint.step));
  streams.out << "\nConfiguration:\n";
  for (const Config::Entry& entry : trial.config.entries())
    streams.out << fmt::format("  {} = {}\n", entry.name, text::to_json(entry.value));
}

/// Which parameters differ: "lr 0.1 → 0.08, width 64 → 32".
std::string changes(const Config& before, const Config& after) {
  std::string words;
  const auto add = [&](const std::string& name, const Value* from, const Value* to) {
    if (from && to && same_value(*from, *to)) return;
    words += fmt::format("{}{} {} → {}", words.empty() ? "" : ", ", name,
                         from ? text::plain(*from) : "none", to ? text::plain(*to) : "none");
  };
  for (const Config::Entry& entry : before.entries())
    add(entry.name, &entry.value, after.find(entry.name));
  for (const Config::Entry& entry : after.entries())
    if (!before.find(entry.name)) add(entry.name, nullptr, &entry.value);
  return words.empty() ? "nothing changed" : words;
}

/// Whose weights it took over, and what became of its configuration each time.
void show_lineage(const Trial& trial, Streams& streams) {
  if (trial.takeovers.empty()) return;
  streams.out << "\nLineage:\n";
  for (std::size_t i = 0; i < trial.takeovers.size(); ++i) {
    const Takeover& each = trial.takeovers[i];
    const bool last = i + 1 == trial.takeovers.size();
    const Config& after = last ? trial.config : trial.takeovers[i + 1].before;
    streams.out << fmt::format("  at step {}: weights of trial {} at step {}; {}\n", each.at,
                               each.donor.trial.value, each.donor.step,
                               report::clean(changes(each.before, after)));
  }
}

void show_reports(const History& history, Streams& streams) {
  if (history.reports.empty()) {
    streams.out << "\nNo reports.\n";
    return;
  }
  const std::size_t all = history.reports.size();
  const std::size_t first = all > kShownReports ? all - kShownReports : 0;
  std::vector<std::string> names;
  for (std::size_t i = first; i < all; ++i)
    for (const Metric& metric : history.reports[i].second.metrics)
      if (std::ranges::find(names, metric.name) == names.end()) names.push_back(metric.name);
  std::vector<report::Column> columns{{.title = "step", .align = report::Align::kRight},
                                      {.title = "time", .align = report::Align::kRight},
                                      {.title = "took", .align = report::Align::kRight}};
  for (const std::string& name : names)
    columns.push_back({.title = name, .align = report::Align::kRight});
  report::Table table(std::move(columns));
  for (std::size_t i = first; i < all; ++i) {
    const auto& [time, report] = history.reports[i];
    std::vector<std::string> cells{fmt::format("{}", report.step),
                                   report::elapsed(time.time_since_epoch()),
                                   report::elapsed(from_seconds(report.seconds))};
    for (const std::string& name : names) {
      const auto metric = std::ranges::find(report.metrics, name, &Metric::name);
      cells.push_back(metric == report.metrics.end() ? "" : report::number(metric->value));
    }
    table.add(std::move(cells));
  }
  streams.out << (first ? fmt::format("\nReports (the last {} of {}):\n", kShownReports, all)
                        : "\nReports:\n");
  print(streams, table);
}

void show_decisions(const History& history, Streams& streams) {
  if (history.decisions.empty()) return;
  const std::size_t all = history.decisions.size();
  const std::size_t first = all > kShownDecisions ? all - kShownDecisions : 0;
  streams.out << (first ? fmt::format("\nDecisions (the last {} of {}):\n", kShownDecisions, all)
                        : "\nDecisions:\n");
  for (std::size_t i = first; i < all; ++i) {
    const auto& [time, decision] = history.decisions[i];
    streams.out << fmt::format("  {:>8}  {}{}{}\n", report::elapsed(time.time_since_epoch()),
                               in_words(decision.action), decision.reason.empty() ? "" : ": ",
                               report::clean(decision.reason));
  }
}

/// Where a stay in a slot went, as far as its worker says (docs/trainer.md).
struct Spent {
  double training = 0, evaluating = 0, transfer = 0, bytes = 0;

  void add(const Report& report) {
    double told = 0;
    for (const Metric& metric : report.metrics) {
      if (metric.name == "time_eval_s") evaluating += metric.value;
      if (metric.name == "time_load_s" || metric.name == "time_save_s") transfer += metric.value;
      if (metric.name == "checkpoint_bytes" && report.checkpoint) bytes += metric.value;
      if (metric.name == "time_train_s") training += told = metric.value;
    }
    if (told == 0) training += report.seconds;
  }
};

template <typename Id>
std::string listed(const std::set<Id>& ids) {
  std::string text;
  for (const Id id : ids) text += fmt::format("{}{}", text.empty() ? "" : ", ", id.value);
  return text;
}

/// Why it began further back than it had come.
void show_voids(const History& history, Streams& streams) {
  if (history.voids.empty()) return;
  streams.out << "\nDamaged checkpoints, instead of which it went on from the one before:\n";
  for (const auto& [time, each] : history.voids)
    streams.out << fmt::format("  {:>8}  {} (step {}): {}\n",
                               report::elapsed(time.time_since_epoch()), each.checkpoint.path,
                               each.checkpoint.step, report::clean(each.reason));
}

/// Why it was started more than once.
void show_mishaps(const History& history, Streams& streams) {
  if (history.mishaps.empty()) return;
  const std::size_t all = history.mishaps.size();
  const std::size_t first = all > kShownReports ? all - kShownReports : 0;
  streams.out << (first ? fmt::format("\nFailures and losses (the last {} of {}):\n", kShownReports,
                                      all)
                        : "\nFailures and losses:\n");
  for (std::size_t i = first; i < all; ++i) {
    const auto& [time, exited] = history.mishaps[i];
    streams.out << fmt::format("  {:>8}  {}: {}\n", report::elapsed(time.time_since_epoch()),
                               exited.kind == ExitKind::kLost ? "lost" : "failed",
                               report::clean(exited.error));
  }
}

void show_launches(const History& history, TrialId trial, Streams& streams) {
  auto legs = history.timeline.legs();
  std::map<LaunchId, std::set<TrialId>> members;
  for (const report::Leg& leg : legs) members[leg.launch].insert(leg.trial);
  std::erase_if(legs, [&](const report::Leg& leg) { return leg.trial != trial; });
  if (legs.empty()) return;
  std::map<LaunchId, std::set<SlotId>> slots;
  for (const report::Leg& leg : legs) slots[leg.launch].insert(leg.slot);
  std::erase_if(legs, [](const report::Leg& leg) { return leg.further; });
  report::Table table({{.title = "launch", .align = report::Align::kRight},
                       {.title = "slot"},
                       {.title = "steps"},
                       {.title = "start", .align = report::Align::kRight},
                       {.title = "took", .align = report::Align::kRight},
                       {.title = "training", .align = report::Align::kRight},
                       {.title = "evaluation", .align = report::Align::kRight},
                       {.title = "checkpoints", .align = report::Align::kRight},
                       {.title = "MB", .align = report::Align::kRight},
                       {.title = "moved"},
                       {.title = "as one with"}});
  const std::size_t first = legs.size() > kShownReports ? legs.size() - kShownReports : 0;
  for (std::size_t i = first; i < legs.size(); ++i) {
    const report::Leg& leg = legs[i];
    Spent spent;
    // A take-over ends one stay and begins the next at the time of the same report.
    for (const auto& [time, report] : history.reports)
      if (report.launch == leg.launch && time > leg.start && time <= leg.end) spent.add(report);
    const auto lane = history.timeline.lanes().find(leg.slot);
    std::set<TrialId> others = members[leg.launch];
    others.erase(trial);
    table.add({fmt::format("{}", leg.launch.value),
               fmt::format("{} ({})", listed(slots[leg.launch]),
                           lane == history.timeline.lanes().end() ? "?" : lane->second.host),
               fmt::format("{} to {}", leg.from, leg.to),
               report::elapsed(leg.start.time_since_epoch()), report::elapsed(leg.end - leg.start),
               fmt::format("{:.2f} s", spent.training), fmt::format("{:.2f} s", spent.evaluating),
               fmt::format("{:.2f} s", spent.transfer), fmt::format("{:.1f}", spent.bytes / 1e6),
               leg.moved ? "yes" : "", listed(others)});
  }
  streams.out << (first
                      ? fmt::format("\nLaunches (the last {} of {}):\n", kShownReports, legs.size())
                      : "\nLaunches:\n");
  print(streams, table);
}

/// The last lines of a trial's file, at most kTailBytes of it; none of what is no plain file.
std::deque<std::string> tail(const Folder& study, const std::filesystem::path& name,
                             std::size_t most) {
  std::deque<std::string> lines;
  const auto file = study.file(name, O_RDONLY);
  if (!file) return lines;
  const off_t size = ::lseek(file->get(), 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::clamp<off_t>(size, 0, kTailBytes)), '\0');
  const ssize_t got = ::pread(file->get(), text.data(), text.size(), size - std::ssize(text));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  std::istringstream in(std::move(text));
  for (std::string line; std::getline(in, line);) {
    lines.push_back(report::clean(line));
    if (lines.size() > most) lines.pop_front();
  }
  return lines;
}

void show_logs(const app::RecordedStudy& study, const Trial& trial, std::size_t most,
               Streams& streams) {
  const auto folder = Folder::open(study.folder.root);
  if (!folder) return;
  for (const char* name : {"stdout", "stderr"}) {
    const auto lines = tail(*folder, std::filesystem::path(trial.directory) / name, most);
    if (lines.empty()) continue;
    streams.out << fmt::format("\nEnd of {}:\n", name);
    for (const std::string& line : lines) streams.out << "  | " << line << '\n';
  }
}

}  // namespace

int run_show(const ShowOptions& options, Streams& streams) {
  const TrialId wanted{options.trial};
  History history;
  const auto study =
      open_study(options.study, store::Metrics::kParse, [&](const Step& step, const State&) {
        history.timeline.apply(step);
        if (const auto* reported = input_as<Reported>(step.turn))
          for (const Report& report : reported->reports)
            if (report.trial == wanted) history.reports.emplace_back(step.turn.time, report);
        if (const auto* gone = input_as<CheckpointVoid>(step.turn);
            gone && gone->checkpoint.trial == wanted)
          history.voids.emplace_back(step.turn.time, *gone);
        if (const auto* exited = input_as<Exited>(step.turn);
            exited && exited->trial == wanted && !exited->error.empty())
          history.mishaps.emplace_back(step.turn.time, *exited);
        for (const Decision& decision : step.turn.decisions)
          if (subject(decision.action) == wanted)
            history.decisions.emplace_back(step.turn.time, decision);
      });
  if (!study) return fail(streams, study.error());
  const auto id = find_trial(study->state, options.trial);
  if (!id) return fail(streams, id.error());
  const Trial& trial = study->state.trial(*id);
  show_facts(*study, trial, streams);
  show_lineage(trial, streams);
  show_launches(history, *id, streams);
  show_mishaps(history, streams);
  show_voids(history, streams);
  show_reports(history, streams);
  show_decisions(history, streams);
  show_logs(*study, trial, options.log_lines, streams);
  return kSuccess;
}

}  // namespace clavier::cli
