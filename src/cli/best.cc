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
#include "report/console_view.h"
#include "report/front.h"
#include "report/table.h"
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
  /// Ties to the lower id; of several metrics the front, where trials stand with their last values.
  std::vector<Trial> best() const {
    std::vector<Trial> front;
    for (const TrialId id : state.front()) front.push_back(state.trial(id));
    if (scope == Scope::kBest || state.objective().several()) return front;
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
    return best ? std::vector{*best} : std::vector<Trial>();
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

/// The metric and its value where there is one, else all by their names.
std::string values_json(const Objectives& objective, const Best& best) {
  if (!objective.several())
    return fmt::format(R"("metric": {}, "value": {})", text::to_json(Value(objective.metric)),
                       text::to_json(Value(best.value)));
  std::vector<Metric> values{{objective.metric, best.value}};
  for (std::size_t i = 0; i < best.further.size(); ++i)
    values.push_back({objective.further[i].metric, best.further[i]});
  return fmt::format(R"("values": {})", text::to_json(values));
}

std::string json_of(const app::RecordedStudy& study, const Objectives& objective,
                    const Trial& trial) {
  const Model model = trial.best_model();
  const auto or_null = [&](const auto& write) { return model.checkpoint ? write() : "null"; };
  return fmt::format(
      R"({{"trial": {}, "status": {}, {}, "step": {}, "config": {}, "directory": {}, )"
      R"("checkpoint": {}, "checkpoint_step": {}}})",
      trial.id.value, text::to_json(Value(std::string(name(trial.status)))),
      values_json(objective, *trial.best), trial.best->step, text::to_json(trial.best_config()),
      text::to_json(Value((study.folder.root / trial.directory).string())), or_null([&] {
        return text::to_json(Value((study.folder.root / model.checkpoint->path).string()));
      }),
      or_null([&] { return fmt::to_string(model.checkpoint->step); }));
}

/// All members of the front, with what they cover.
std::string front_json(const app::RecordedStudy& study, const State& state,
                       const std::vector<Trial>& front) {
  const report::Covered covered = report::covered(state);
  std::vector<Metric> reference;
  const auto objectives = state.objective().all();
  for (std::size_t i = 0; i < objectives.size(); ++i)
    reference.push_back({objectives[i].metric, covered.reference[i]});
  std::string members;
  for (const Trial& trial : front)
    members += fmt::format("{}{}", members.empty() ? "" : ",\n ",
                           json_of(study, state.objective(), trial));
  return fmt::format(R"({{"front": [{}], "hypervolume": {}, "reference": {}}})", members,
                     text::to_json(Value(covered.hypervolume)), text::to_json(reference));
}

void show_front(const State& state, const std::vector<Trial>& front, Streams& streams) {
  std::vector<report::Column> columns{{.title = "trial", .align = report::Align::kRight}};
  for (const Objective& each : state.objective().all())
    columns.push_back({.title = each.metric, .align = report::Align::kRight});
  columns.push_back({.title = "step", .align = report::Align::kRight});
  columns.push_back({.title = "configuration"});
  report::Table table(std::move(columns));
  for (const Trial& trial : front) {
    std::vector<std::string> cells{std::to_string(trial.id.value),
                                   report::number(trial.best->value)};
    for (const double value : trial.best->further) cells.push_back(report::number(value));
    cells.push_back(std::to_string(trial.best->step));
    cells.push_back(report::short_config(trial.best_config()));
    table.add(std::move(cells));
  }
  print(streams, table);
  streams.out << fmt::format("hypervolume {}\n", report::hypervolume_text(state));
}

}  // namespace

int run_best(const BestOptions& options, Streams& streams) {
  std::optional<Asked> asked;
  const auto take = [&](const Step& step, const State& state) {
    if (!asked) {
      Objectives objective = state.objective();
      if (options.metric) {
        const Objective* own = objective.find(*options.metric);
        objective = Objective{*options.metric, own ? own->mode : objective.mode};
      }
      if (options.mode) objective.mode = *options.mode;
      // Limits on retries end trials; they do not change what was reported.
      asked = Asked{State(std::move(objective), {}), options.scope};
    }
    asked->take(step);
  };
  const auto study = open_study(options.study, store::Metrics::kParse, take);
  if (!study) return fail(streams, study.error());
  const std::string metric = options.metric.value_or(study->spec.objective.metric);
  if (options.mode && !options.metric && study->spec.objective.several())
    return fail(streams, invalid("say which metric: --metric NAME --mode min or --mode max"));
  if (options.metric && !options.mode && !study->spec.objective.find(metric))
    return fail(streams, invalid(fmt::format("say whether less or more of {} is better: --mode min "
                                             "or --mode max",
                                             metric)));
  const auto front = asked ? asked->best() : std::vector<Trial>();
  if (front.empty()) {
    const bool valued =
        asked && std::ranges::find(asked->seen.all(), metric) != asked->seen.all().end();
    return fail(streams,
                not_found(fmt::format(
                    "no trial has reported {}{}", asked ? report::no_best(asked->state) : metric,
                    asked && !valued ? suggestion(metric, asked->seen.all()) : "")));
  }
  if (options.command) {
    for (const Trial& each : front) {
      const auto command = command_of(*study, each);
      if (!command) return fail(streams, command.error());
      streams.data() << *command << '\n';
    }
    return kSuccess;
  }
  const Objectives& objective = asked->state.objective();
  if (options.json) {
    streams.data() << strict_json(objective.several() ? front_json(*study, asked->state, front)
                                                      : json_of(*study, objective, front.front()))
                   << '\n';
    return kSuccess;
  }
  if (front.size() > 1) {
    show_front(asked->state, front, streams);
    return kSuccess;
  }
  const Trial& trial = front.front();
  streams.out << fmt::format("trial {}: {} at step {}{}\n", trial.id.value,
                             report::values_text(objective, trial.best->value, trial.best->further),
                             trial.best->step,
                             trial.status == TrialStatus::kFailed ? "; it failed later" : "");
  for (const Config::Entry& entry : trial.best_config().entries())
    streams.out << fmt::format("  {} = {}\n", entry.name, text::to_json(entry.value));
  streams.out << fmt::format("directory   {}\n", shown_path(study->folder.root / trial.directory));
  if (const std::string words = report::model_words(trial, shown_path(study->folder.root));
      !words.empty())
    streams.out << fmt::format("checkpoint  {}\n", words);
  return kSuccess;
}

}  // namespace clavier::cli
