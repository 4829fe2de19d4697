#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <ostream>

#include "app/tuning_spec.h"
#include "base/match.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/formats.h"
#include "cli/studies.h"
#include "report/wording.h"
#include "study/text.h"
#include "worker/command_line.h"

namespace clavier::cli {
namespace {

/// The study as if it had been about another metric, or only about the last value of each trial.
struct Asked {
  State state;
  Scope scope;
  report::Names seen{};  ///< Of all metrics, in order of appearance.

  void take(Step step) {
    if (auto* reported = input_as<Reported>(step.turn.input))
      for (Report& report : reported->reports) value_of(report);
    state.apply(step);
  }
  void value_of(Report& report) {
    report.value.reset();
    for (const Metric& metric : report.metrics) {
      seen.add(metric.name);
      if (metric.name == state.objective().metric) report.value = metric.value;
    }
  }
  /// Ties to the lower id.
  std::optional<Trial> best() const {
    if (scope == Scope::kBest)
      return state.best() ? std::optional(state.trial(*state.best())) : std::nullopt;
    std::optional<Trial> best;
    for (const Trial& trial : state.trials()) {
      if (!trial.counts_for_best() || trial.history.empty()) continue;
      const Point& last = trial.history.back();
      if (!std::isfinite(last.value) ||
          (best && !state.objective().better(last.value, best->best->value)))
        continue;
      best = trial;
      best->best = Best{last.step, last.value};
      if (const Checkpoint* saved = trial.nearest_checkpoint(last.step);
          saved && saved->step == last.step)
        best->best->checkpoint = *saved;
    }
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
  TRY(app::check_trials_start_alone(study.spec));
  worker::StartLine start;
  start.trial = trial.id;
  start.config = trial.best_config();
  start.directory = (study.folder.root / trial.directory).string();
  start.until = study.spec.trial.stop.steps;
  std::string out;
  for (const std::string& word : TRY(worker::substitute(study.spec.worker->command, start)))
    out += (out.empty() ? "" : " ") + quoted(word);
  return "CLAVIER_CONFIG=" + quoted(text::to_json(trial.best_config())) + " " + out;
}

}  // namespace

int run_best(const BestOptions& options, Streams& streams) {
  std::optional<Asked> asked;
  const auto take = [&](const Step& step, const State& state) {
    if (!asked) {
      Objective objective = state.objective();
      if (options.metric) objective.metric = *options.metric;
      if (options.mode) objective.mode = *options.mode;
      // Limits on retries end trials; they do not change what was reported.
      asked = Asked{State(std::move(objective), {}), options.scope};
    }
    asked->take(step);
  };
  const auto study = open_study(options.study, store::Metrics::kParse, take);
  if (!study) return fail(streams, study.error());
  const std::string metric = options.metric.value_or(study->spec.objective.metric);
  if (options.metric && !options.mode && metric != study->spec.objective.metric)
    return fail(streams, invalid(fmt::format("say whether less or more of {} is better: --mode min "
                                             "or --mode max",
                                             metric)));
  const auto trial = asked ? asked->best() : std::nullopt;
  if (!trial) {
    const bool valued =
        asked && std::ranges::find(asked->seen.all(), metric) != asked->seen.all().end();
    return fail(streams, not_found(fmt::format(
                             "no trial has reported {}{}{}", valued ? "a finite " : "", metric,
                             asked && !valued ? suggestion(metric, asked->seen.all()) : "")));
  }
  if (options.command) {
    const auto command = command_of(*study, *trial);
    if (!command) return fail(streams, command.error());
    streams.data() << *command << '\n';
    return kSuccess;
  }
  const std::string directory = (study->folder.root / trial->directory).string();
  const Model model = trial->best_model();
  if (options.json) {
    const auto or_null = [&](const auto& write) { return model.checkpoint ? write() : "null"; };
    streams.data() << strict_json(fmt::format(
        R"({{"trial": {}, "status": {}, "metric": {}, "value": {}, "step": {}, "config": {}, "directory": {}, )"
        R"("checkpoint": {}, "checkpoint_step": {}}})"
        "\n",
        trial->id.value, text::to_json(Value(std::string(name(trial->status)))),
        text::to_json(Value(metric)), text::to_json(Value(trial->best->value)), trial->best->step,
        text::to_json(trial->best_config()), text::to_json(Value(directory)), or_null([&] {
          return text::to_json(Value((study->folder.root / model.checkpoint->path).string()));
        }),
        or_null([&] { return fmt::to_string(model.checkpoint->step); })));
    return kSuccess;
  }
  streams.out << fmt::format("trial {}: {} {} at step {}{}\n", trial->id.value, metric,
                             report::number(trial->best->value), trial->best->step,
                             trial->status == TrialStatus::kFailed ? "; it failed later" : "");
  for (const Config::Entry& entry : trial->best_config().entries())
    streams.out << fmt::format("  {} = {}\n", entry.name, text::to_json(entry.value));
  streams.out << fmt::format("directory   {}\n", shown_path(directory));
  if (const std::string words = report::model_words(*trial, shown_path(study->folder.root));
      !words.empty())
    streams.out << fmt::format("checkpoint  {}\n", words);
  return kSuccess;
}

}  // namespace clavier::cli
