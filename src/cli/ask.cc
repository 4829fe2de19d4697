#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <ostream>

#include "app/file/trainer.h"
#include "app/run/asked_study.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/formats.h"
#include "cli/studies.h"
#include "report/front.h"
#include "report/wording.h"
#include "study/text.h"

// `ask` and `tell` are one call each into a study that many processes share. What a caller may have
// sent twice, because it was killed before it heard the answer, is answered again and changes
// nothing; whatever else does not fit is refused before anything is written.
namespace clavier::cli {
namespace {

Result<std::vector<Metric>> metrics_of(const std::vector<std::string>& words) {
  std::vector<Metric> metrics;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      return invalid(fmt::format("{}: write NAME=VALUE, for example accuracy=0.93", word));
    Metric metric{word.substr(0, equals)};
    const char* const end = word.data() + word.size();
    const auto [at, failed] = std::from_chars(word.data() + equals + 1, end, metric.value);
    if (failed != std::errc() || at != end)
      return invalid(fmt::format("{}: {} is no number", word, word.substr(equals + 1)));
    if (std::ranges::find(metrics, metric.name, &Metric::name) != metrics.end())
      return invalid(fmt::format("{} is given twice", metric.name));
    metrics.push_back(std::move(metric));
  }
  return metrics;
}

/// A study file that has not been run begins a study.
Result<app::AskedStudy> open_to_ask(const StudyChoice& choice, Streams& streams) {
  std::error_code ignored;
  const bool is_file = choice.study && std::filesystem::is_regular_file(*choice.study, ignored) &&
                       std::filesystem::path(*choice.study).filename() != "study.db";
  const auto warn = [&streams](const std::string& line) {
    streams.err << "clavier: " << line << '\n';
  };
  using Trials = app::AskedStudy::Trials;
  if (is_file) {
    auto spec = TRY(load_study({.file = choice.study}, choice.dir));
    const app::StudyFolder folder{home_of(choice.dir) / spec.name};
    if (!folder.exists()) print_notes(spec, streams);
    return app::AskedStudy::open(std::move(spec), Trials::kShared, folder.root, warn);
  }
  auto study = TRY(open_study(choice, store::Metrics::kSkip));
  TRY(app::resolve_trainer(study.spec));
  return app::AskedStudy::open(std::move(study.spec), Trials::kShared, study.folder.root, warn);
}

Result<std::string> ask(const AskOptions& options, Streams& streams) {
  auto study = TRY(open_to_ask(options.study, streams));
  const TrialId id = TRY(study.ask());
  const Config& config = study.state().trial(id).config;
  if (options.json)
    return strict_json(
        fmt::format(R"({{"trial": {}, "config": {}}})", id.value, text::to_json(config)));
  std::string lines = fmt::format("trial {}", id.value);
  for (const Config::Entry& entry : config.entries())
    lines += fmt::format("\n  {} = {}", entry.name, text::to_json(entry.value));
  return lines;
}

/// All of the study's metrics are among them, or the trial has reported them.
Status check_valued(const Trial& trial, const std::vector<Metric>& metrics,
                    const Objectives& objective) {
  std::vector<std::string> names, missing;
  for (const Metric& metric : metrics) names.push_back(metric.name);
  for (const Objective& each : objective.all())
    if (std::ranges::find(names, each.metric) == names.end()) missing.push_back(each.metric);
  if (missing.empty() || (names.empty() && !trial.history.empty())) return {};
  if (names.empty())
    return invalid(fmt::format("trial {} has reported nothing yet: say {}=VALUE, or --failed WHY",
                               trial.id.value, fmt::join(missing, "=VALUE ")));
  const std::string meant = meant_by(missing.front(), names);
  return invalid(fmt::format("{} is missing, {}{}", missing.front(),
                             objective.several()
                                 ? "one of the study's metrics, which are told together"
                                 : "the study's metric",
                             meant.empty() ? "" : fmt::format("; is {} meant?", meant)));
}

bool same_metrics(const std::vector<Metric>& a, const std::vector<Metric>& b) {
  return std::ranges::is_permutation(a, b);
}

std::string how_it_ended(const Trial& trial, const Objectives& objective) {
  if (trial.status == TrialStatus::kPending)
    return fmt::format("trial {} will be asked for again", trial.id.value);
  return fmt::format(
      "trial {} {}{}", trial.id.value, name(trial.status),
      trial.best ? ": " + report::values_text(objective, trial.best->value, trial.best->further)
                 : std::string());
}

/// The answer to what was told before; nothing if it was not. Fails where it was told otherwise.
Result<std::optional<std::string>> told_before(const TellOptions& options, const Trial& trial,
                                               const std::vector<Metric>& metrics,
                                               const Objectives& objective) {
  const bool fails = options.failed || options.lost;
  const bool same = metrics.empty() || same_metrics(metrics, trial.metrics);
  if (ended(trial.status)) {
    const bool again =
        fails ? trial.status == TrialStatus::kFailed && options.failed.value_or("") == trial.reason
              : trial.status != TrialStatus::kFailed && same &&
                    (!options.step || options.step == trial.step);
    if (!again)
      return conflict(fmt::format("{} before; that stands", how_it_ended(trial, objective)));
    return std::optional(options.step ? std::string("stop") : how_it_ended(trial, objective));
  }
  if (!options.step || trial.reports == 0 || *options.step > trial.step)
    return std::optional<std::string>();
  if (*options.step < trial.step || !same)
    return conflict(fmt::format("trial {} has reported step {}{}: steps are to rise",
                                trial.id.value, trial.step,
                                *options.step == trial.step ? " with other values" : ""));
  if (trial.decided != Decided::kNone) return std::optional<std::string>();
  return std::optional(std::string("continue"));
}

Result<std::string> tell(const TellOptions& options, Streams& streams) {
  const auto metrics = TRY(metrics_of(options.metrics));
  auto before =
      TRY(open_study({.study = options.study, .dir = options.dir}, store::Metrics::kParse));
  const TrialId id = TRY(find_trial(before.state, options.trial));
  const Objectives objective = before.spec.objective;
  const bool fails = options.failed || options.lost;
  if (!fails && !options.step && !ended(before.state.trial(id).status))
    TRY(check_valued(before.state.trial(id), metrics, objective));
  if (before.state.asked())
    if (const auto answer = TRY(told_before(options, before.state.trial(id), metrics, objective)))
      return *answer;
  TRY(app::resolve_trainer(before.spec));
  auto study = TRY(app::AskedStudy::open(
      std::move(before.spec), app::AskedStudy::Trials::kShared, before.folder.root,
      [&](const std::string& line) { streams.err << "clavier: " << line << '\n'; }));
  const Trial& trial = study.state().trial(id);
  if (options.step) {
    // Who told it that may have been killed before it left.
    const bool leaves = trial.live() && trial.decided != Decided::kNone;
    const bool goes_on = leaves ? false : TRY(study.report(id, metrics, *options.step));
    if (!goes_on) TRY(study.leave(id));
    return std::string(goes_on ? "continue" : "stop");
  }
  if (fails)
    TRY(study.give_up(id, options.failed ? ExitKind::kFailed : ExitKind::kLost,
                      options.failed ? *options.failed : *options.lost));
  else
    TRY(study.tell(id, metrics));
  return how_it_ended(study.state().trial(id), objective);
}

int answer(const Result<std::string>& answer, Streams& streams) {
  if (!answer) return fail(streams, answer.error());
  streams.data() << *answer << '\n';
  return kSuccess;
}

}  // namespace

Status check_words(const TellOptions& options) {
  const bool fails = options.failed || options.lost;
  if (options.failed && options.lost) return invalid("--failed or --lost, not both");
  if (fails && (options.step || !options.metrics.empty()))
    return invalid("--failed and --lost say all: leave out metrics and --step");
  if (options.step && options.metrics.empty())
    return invalid("--step needs what was reported, NAME=VALUE");
  TRY(metrics_of(options.metrics));
  return {};
}

int run_ask(const AskOptions& options, Streams& streams) {
  return answer(ask(options, streams), streams);
}

int run_tell(const TellOptions& options, Streams& streams) {
  return answer(tell(options, streams), streams);
}

}  // namespace clavier::cli
