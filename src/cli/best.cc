#include <fmt/format.h>

#include <cmath>
#include <map>
#include <ostream>

#include "base/match.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/studies.h"
#include "report/wording.h"
#include "study/text.h"
#include "worker/command_line.h"

namespace clavier::cli {
namespace {

/// One trial's value of the metric asked for.
struct Candidate {
  double value = 0;
  Steps step = 0;
};

struct Candidates {
  Objective objective;
  Scope scope;
  std::map<TrialId, Candidate> by_trial = {};
  std::vector<std::string> seen = {};  ///< Names of all metrics, in order of appearance.

  void take(const Report& report) {
    for (const Metric& metric : report.metrics) {
      if (std::ranges::find(seen, metric.name) == seen.end()) seen.push_back(metric.name);
      if (metric.name != objective.metric) continue;
      const auto [at, is_new] =
          by_trial.try_emplace(report.trial, Candidate{metric.value, report.step});
      if (!is_new && (scope == Scope::kLast || objective.better(metric.value, at->second.value)))
        at->second = {metric.value, report.step};
    }
  }
  /// Ties to the lower id.
  std::map<TrialId, Candidate>::const_iterator best() const {
    auto best = by_trial.end();
    for (auto at = by_trial.begin(); at != by_trial.end(); ++at)
      if (best == by_trial.end() || objective.better(at->second.value, best->second.value))
        best = at;
    return best;
  }
};

/// As a shell takes it.
std::string quoted(const std::string& word) {
  constexpr std::string_view kSafe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kSafe) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// What runs this trial's configuration again, outside of the study.
Result<std::string> command_of(const app::RecordedStudy& study, const Trial& trial) {
  if (!study.spec.worker)
    return fmt::format("clavier rerun {} {}", trial.id.value, quoted(study.folder.root.string()));
  worker::StartLine start;
  start.trial = trial.id;
  start.config = trial.config;
  start.directory = (study.folder.root / trial.directory).string();
  start.until = study.spec.trial.stop.steps;
  std::string out;
  for (const std::string& word : TRY(worker::substitute(study.spec.worker->command, start)))
    out += (out.empty() ? "" : " ") + quoted(word);
  return "CLAVIER_CONFIG=" + quoted(text::to_json(trial.config)) + " " + out;
}

}  // namespace

int run_best(const BestOptions& options, Streams& streams) {
  Candidates candidates{.objective = {}, .scope = options.scope};
  const auto take = [&](const Step& step, const State& state) {
    if (candidates.objective.metric.empty()) {
      candidates.objective = state.objective();
      if (options.metric) candidates.objective.metric = *options.metric;
      if (options.mode) candidates.objective.mode = *options.mode;
    }
    const auto* signal = std::get_if<Signal>(&step.turn.input);
    const auto* reported = signal ? std::get_if<Reported>(signal) : nullptr;
    if (!reported || step.turn.late) return;
    for (const Report& report : reported->reports)
      if (state.trial(report.trial).width == 1) candidates.take(report);
  };
  const auto study = open_study(options.study, store::Metrics::kParse, take);
  if (!study) return fail(streams, study.error());
  const std::string& metric = candidates.objective.metric;
  if (options.metric && !options.mode && *options.metric != study->spec.objective.metric)
    return fail(streams, invalid(fmt::format("say whether less or more of {} is better: --mode min "
                                             "or --mode max",
                                             metric)));
  const auto best = candidates.best();
  if (best == candidates.by_trial.end())
    return fail(streams, not_found(fmt::format("no trial has reported {}{}", metric,
                                               suggestion(metric, candidates.seen))));
  const Trial& trial = study->state.trial(best->first);
  if (options.command) {
    const auto command = command_of(*study, trial);
    if (!command) return fail(streams, command.error());
    streams.data() << *command << '\n';
    return kSuccess;
  }
  const std::string directory = (study->folder.root / trial.directory).string();
  const Checkpoint* checkpoint = trial.latest_checkpoint();
  const std::string path = checkpoint ? (study->folder.root / checkpoint->path).string() : "";
  if (options.json) {
    streams.data() << fmt::format(
        R"({{"trial": {}, "metric": {}, "value": {}, "step": {}, "config": {}, "directory": {}, )"
        R"("checkpoint": {}}})"
        "\n",
        trial.id.value, text::to_json(Value(metric)), text::to_json(Value(best->second.value)),
        best->second.step, text::to_json(trial.config), text::to_json(Value(directory)),
        checkpoint ? text::to_json(Value(path)) : "null");
    return kSuccess;
  }
  streams.out << fmt::format("trial {}: {} {} at step {}\n", trial.id.value, metric,
                             report::number(best->second.value), best->second.step);
  for (const Config::Entry& entry : trial.config.entries())
    streams.out << fmt::format("  {} = {}\n", entry.name, text::to_json(entry.value));
  streams.out << fmt::format("directory   {}\n", directory);
  if (checkpoint) streams.out << fmt::format("checkpoint  {} (step {})\n", path, checkpoint->step);
  return kSuccess;
}

}  // namespace clavier::cli
