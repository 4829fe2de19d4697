#include "report/console_view.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "report/failures.h"
#include "report/front.h"
#include "report/views.h"
#include "report/wording.h"
#include "study/text.h"

namespace clavier::report {
namespace {

constexpr std::size_t kMetricColumns = 4;  ///< Besides the objective, unless the user names more.
constexpr std::size_t kCauses = 5;
constexpr std::size_t kLogLines = 5;

std::int64_t ended_count(const State& state) {
  return static_cast<std::int64_t>(state.trials().size() - state.unfinished());
}

Style style_of(const State& state, const Trial& trial) {
  if (std::ranges::binary_search(state.front(), trial.id)) return Style::kGood;
  if (trial.status == TrialStatus::kFailed) return Style::kBad;
  return trial.live() ? Style::kPlain : Style::kFaint;
}

StudyDuration trained(const Trial& trial, StudyTime now) {
  return trial.busy + (trial.live() ? std::max(now - trial.launched, StudyDuration::zero())
                                    : StudyDuration::zero());
}

std::string value_of(const std::vector<Metric>& metrics, const std::string& name) {
  const auto found = std::ranges::find(metrics, name, &Metric::name);
  return found == metrics.end() ? std::string() : number(found->value);
}

/// As last reported, also where the log was read without them.
std::vector<Metric> metrics_of(const StudyView& view, const Trial& trial) {
  return trial.metrics.empty() && trial.reports > 0 && view.earlier ? view.earlier(trial.id)
                                                                    : trial.metrics;
}

/// An objective as last reported; the first also where the log was read without its other metrics.
std::string objective_of(const State& state, const Objective& objective, const Trial& trial) {
  const std::string reported = value_of(trial.metrics, objective.metric);
  const bool first = objective.metric == state.objective().metric;
  if (!reported.empty() || !first || trial.history.empty()) return reported;
  return number(trial.history.back().value);
}

std::vector<std::string> parameter_names(const StudyView& view, const State& state) {
  if (!view.parameters.empty() || state.trials().empty()) return view.parameters;
  std::vector<std::string> names;
  for (const Config::Entry& entry : state.trials().front().config.entries())
    names.push_back(entry.name);
  return names;
}

/// Besides the objective. A parameter that is reported as well has its column already.
std::vector<std::string> metric_names(const StudyView& view, const State& state,
                                      const std::vector<TrialId>& trials) {
  std::vector<std::string> names = view.metrics;
  const auto parameters = parameter_names(view, state);
  const auto shown = [&](const std::string& name) {
    return state.objective().find(name) || std::ranges::find(names, name) != names.end() ||
           std::ranges::find(parameters, name) != parameters.end();
  };
  if (names.empty())
    for (const TrialId id : trials)
      for (const Metric& metric : metrics_of(view, state.trial(id)))
        if (names.size() < kMetricColumns && !shown(metric.name) && !about_the_work(metric.name))
          names.push_back(metric.name);
  std::erase_if(names, [&](const std::string& name) { return state.objective().find(name); });
  return names;
}

/// The best, or who is on the front, with what it takes to have it again.
void add_best(const StudyView& view, const State& state, std::vector<std::string>& lines) {
  constexpr std::size_t kMostShown = 10;
  const auto front = state.front();
  if (front.size() > 1)
    lines.push_back(fmt::format("front: {} of {}; hypervolume {}", front.size(),
                                count(std::ssize(state.trials()), "trial"),
                                hypervolume_text(state)));
  for (std::size_t i = 0; i < std::min(front.size(), kMostShown); ++i) {
    const Trial& best = state.trial(front[i]);
    const std::string model = model_words(best, view.directory);
    if (front.size() > 1) {
      lines.push_back(
          fmt::format("  {}: {}", moment_text(state, best), short_config(best.best_config())));
      continue;
    }
    lines.push_back(fmt::format("best: {}", moment_text(state, best)));
    for (const Config::Entry& entry : best.best_config().entries())
      lines.push_back(fmt::format("  {} = {}", entry.name, text::plain(entry.value)));
    if (!model.empty()) lines.push_back("  checkpoint: " + model);
  }
  if (front.size() > kMostShown)
    lines.push_back(fmt::format("  and {} more: clavier best", front.size() - kMostShown));
}

std::string resources(const StudyView& view, const Machines& machines, const State& state) {
  const Machines::Use use = machines.use(state);
  std::string out;
  const auto say = [&](std::string words) { out += (out.empty() ? "" : ", ") + words; };
  if (!view.scheduler.empty()) say(view.scheduler);
  if (use.nodes > 0) {
    say(fmt::format("{:.3g} of {:.6g} CPU{}", use.cpus.used, use.cpus.total,
                    use.cpus.total == 1 ? "" : "s"));
    say(fmt::format("{:.3g} of {:.6g} GPU{}", use.gpus.used, use.gpus.total,
                    use.gpus.total == 1 ? "" : "s"));
  }
  if (view.memory) {
    const Memory memory = view.memory();
    say(fmt::format("{:.1f} of {:.1f} GB memory", static_cast<double>(memory.used_mb) / 1024,
                    static_cast<double>(memory.total_mb) / 1024));
  } else if (use.memory_mb > 0) {
    say(fmt::format("{:.1f} GB memory", static_cast<double>(use.memory_mb) / 1024));
  }
  if (use.nodes > 1) say(fmt::format("{} nodes", use.nodes));
  return out;
}

/// Those that wait for their user alone.
std::vector<TrialId> held(const State& state) {
  std::vector<TrialId> held;
  for (const TrialId id : state.with_status(TrialStatus::kPaused))
    if (state.trial(id).held) held.push_back(id);
  return held;
}

/// A study that failures have ended is not finished: it goes on once they are mended.
std::string end_of_study(const StudyView& view, const State& state) {
  const std::string& study = view.study_name;
  if (const auto& finished = state.finished()) {
    const std::string reason = reason_text(finished->reason);
    switch (finished->kind) {
      case FinishKind::kDone:
      case FinishKind::kStopRule: return fmt::format("{} is finished: {}", study, reason);
      case FinishKind::kUser: return fmt::format("{} was {}", study, reason);
      case FinishKind::kFailure: return fmt::format("{} has failed: {}", study, reason);
    }
  }
  const auto waiting = held(state);
  if (waiting.empty()) return fmt::format("{} is paused; run it again to go on", study);
  std::vector<std::int64_t> numbers;
  for (const TrialId id : waiting) numbers.push_back(id.value);
  const bool one = numbers.size() == 1;
  return fmt::format(
      "{0} is paused: {1} {2} paused by the user; `clavier resume {0} {3}` lets {4} go on when it "
      "is run again",
      study, fmt::format("{} {}", one ? "trial" : "trials", fmt::join(numbers, ", ")),
      one ? "was" : "were", numbers.front(), one ? "it" : "the first");
}

}  // namespace

std::string no_best(const State& state) {
  const bool valued = std::ranges::any_of(
      state.trials(), [](const Trial& trial) { return !trial.history.empty(); });
  std::string names;
  for (const Objective& each : state.objective().all())
    names += (names.empty() ? "" : " and ") + each.metric;
  return fmt::format("{}{}", valued ? "a finite " : "", names);
}

std::string counts(const State& state, bool study_runs) {
  std::string out;
  const auto say = [&](std::size_t number, std::string_view word) {
    if (number > 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", number, word);
  };
  for (int i = 0; i < kTrialStatuses; ++i) {
    const auto status = static_cast<TrialStatus>(i);
    if (status != TrialStatus::kRunning) {
      say(state.count(status), name(status));
      continue;
    }
    for (const std::string_view word :
         {"running", "interrupted", "pausing", "stopping", "completing"})
      say(static_cast<std::size_t>(std::ranges::count_if(
              state.with_status(status),
              [&](TrialId id) { return status_word(state.trial(id), study_runs) == word; })),
          word);
  }
  return out;
}

std::optional<StudyDuration> remaining(const State& state, StudyTime now) {
  const std::int64_t done = ended_count(state);
  if (state.trial_limit() == kForever || done == 0) return std::nullopt;
  const auto limit = state.exhausted() ? std::ssize(state.trials()) : state.trial_limit();
  const double left = static_cast<double>(std::max<std::int64_t>(limit - done, 0));
  return from_seconds(seconds(now) / static_cast<double>(done) * left);
}

std::vector<std::string> header(const StudyView& view, const Machines& machines, const State& state,
                                StudyTime now) {
  std::vector<std::string> lines;
  std::string first = fmt::format("{}: {}", view.study_name, elapsed(now.time_since_epoch()));
  auto left = remaining(state, now);
  if (view.time_limit) {
    const auto rest = std::max(*view.time_limit - now.time_since_epoch(), StudyDuration::zero());
    left = left ? std::min(*left, rest) : rest;
  }
  if (left && !state.finished()) first += fmt::format(", about {} left", elapsed(*left));
  lines.push_back(std::move(first));
  if (std::string used = resources(view, machines, state); !used.empty())
    lines.push_back(std::move(used));
  // Trials that were added count beyond the limit.
  const std::int64_t made = std::ssize(state.trials());
  std::string trials = state.trial_limit() < made || state.trial_limit() == kForever
                           ? count(made, "trial")
                           : fmt::format("{} of {}", made, count(state.trial_limit(), "trial"));
  if (const std::string by_status = counts(state, true); !by_status.empty())
    trials += ": " + by_status;
  lines.push_back(std::move(trials));
  if (const auto id = state.best()) {
    const Trial& best = state.trial(*id);
    lines.push_back(
        fmt::format("best: {}: {}", moment_text(state, best), short_config(best.best_config())));
  } else if (!state.front().empty()) {
    lines.push_back("best: " + best_text(state));
  } else {
    lines.push_back(fmt::format("best: none has reported {} yet", no_best(state)));
  }
  if (!view.directory.empty()) lines.push_back("results: " + view.directory);
  return lines;
}

Table trial_table(const StudyView& view, const Machines& machines, const State& state,
                  StudyTime now, const std::vector<TrialId>& trials) {
  const std::vector<std::string> parameters = parameter_names(view, state);
  const std::vector<std::string> metrics = metric_names(view, state, trials);
  constexpr int kPid = 1000, kHost = 999, kArray = 998, kMetric = 500, kParameter = 100, kTime = 1;
  constexpr std::size_t kNumber = 8;  // A number cut short would be another number.
  std::vector<Column> columns{{"trial", Align::kRight, 5}, {"status", Align::kLeft, 9}};
  const bool hosts = machines.use(state).nodes > 1;
  const bool pids =
      view.pid && std::ranges::any_of(trials, [&](TrialId id) { return state.trial(id).live(); });
  std::map<LaunchId, int> company;
  for (const TrialId id : state.with_status(TrialStatus::kRunning))
    ++company[state.trial(id).launch];
  const bool arrays =
      std::ranges::any_of(company, [](const auto& each) { return each.second > 1; });
  if (hosts) columns.push_back({"host", Align::kLeft, 6, kHost});
  if (arrays) columns.push_back({"array", Align::kRight, 5, kArray});
  if (pids) columns.push_back({"pid", Align::kRight, 7, kPid});
  int rank = kParameter;
  for (const std::string& parameter : parameters)
    columns.push_back({parameter, Align::kRight, kNumber, ++rank});
  columns.push_back({"step", Align::kRight, 4});
  columns.push_back({"time", Align::kRight, 6, kTime});
  const auto objectives = state.objective().all();
  for (const Objective& each : objectives) columns.push_back({each.metric, Align::kRight, kNumber});
  if (objectives.size() == 1) columns.push_back({"best", Align::kRight, kNumber, kTime + 1});
  rank = kMetric;
  for (const std::string& metric : metrics)
    columns.push_back({metric, Align::kRight, kNumber, ++rank});

  Table table(std::move(columns));
  for (const TrialId id : trials) {
    const Trial& trial = state.trial(id);
    std::vector<std::string> cells{std::to_string(id.value), std::string(status_word(trial, true))};
    if (hosts) cells.push_back(machines.host(trial.slot));
    if (arrays)
      cells.push_back(trial.live() && company[trial.launch] > 1 ? std::to_string(trial.launch.value)
                                                                : std::string());
    if (pids) {
      const auto pid = trial.live() ? view.pid(trial) : std::nullopt;
      cells.push_back(pid ? std::to_string(*pid) : std::string());
    }
    for (const std::string& parameter : parameters) {
      const Value* value = trial.config.find(parameter);
      cells.push_back(value ? short_value(*value) : std::string());
    }
    cells.push_back(std::to_string(trial.step));
    cells.push_back(elapsed(trained(trial, now)));
    for (const Objective& each : objectives) cells.push_back(objective_of(state, each, trial));
    if (objectives.size() == 1)
      cells.push_back(trial.best ? number(trial.best->value) : std::string());
    const std::vector<Metric> reported = metrics_of(view, trial);
    for (const std::string& metric : metrics) cells.push_back(value_of(reported, metric));
    table.add(std::move(cells), style_of(state, trial));
  }
  return table;
}

std::string end_of(const State& state, const Trial& trial) {
  std::string out =
      fmt::format("trial {} {} at step {}", trial.id.value, name(trial.status), trial.step);
  if (!trial.history.empty())
    out += ", " + values_text(state.objective(), trial.history.back().value,
                              trial.further_at(trial.history.size() - 1));
  out += fmt::format(", {}", elapsed(trial.busy));
  if (!trial.config.empty()) out += fmt::format(" ({})", short_config(trial.config));
  if (!trial.reason.empty()) out += fmt::format(": {}", trial.reason);
  return out;
}

std::vector<std::string> summary(const StudyView& view, const State& state) {
  std::vector<std::string> lines;
  lines.push_back(end_of_study(view, state));
  std::string trials = fmt::format("{} in {}", count(std::ssize(state.trials()), "trial"),
                                   elapsed(state.now().time_since_epoch()));
  if (const std::string by_status = counts(state, false); !by_status.empty())
    trials += ": " + by_status;
  lines.push_back(std::move(trials));
  add_best(view, state, lines);
  if (state.front().empty() && !state.trials().empty())
    lines.push_back(fmt::format("no trial has reported {}", no_best(state)));
  if (!view.directory.empty()) lines.push_back("results: " + view.directory);
  if (const auto failed = failures(state); !failed.empty()) {
    lines.push_back("failures:");
    for (std::string& line : digest(failed, kCauses, kLogLines)) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace clavier::report
