#include "cli/one_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <ostream>

#include "app/file/recorded_study.h"
#include "app/file/study_folder.h"
#include "cli/interrupts.h"
#include "cli/studies.h"
#include "cli/study_data.h"
#include "cli/terminal.h"
#include "report/console.h"
#include "report/wording.h"
#include "store/step_log.h"

namespace clavier::cli {
namespace {

/// Lines that go into a file or a pipe need not be cut.
constexpr report::ConsoleSize kUncut{.columns = 1000, .rows = 1000};

/// What the host has and uses, in whole MB, as the kernel counts it.
report::Memory host_memory() {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  std::int64_t kilobytes = 0;
  report::Memory memory;
  while (file >> name >> kilobytes) {
    std::getline(file, unit);
    if (name == "MemTotal:") memory.total_mb = kilobytes / 1024;
    if (name == "MemAvailable:") memory.used_mb = memory.total_mb - kilobytes / 1024;
  }
  return memory;
}

std::string scheduler_text(const app::StudySpec& spec) {
  std::string words = spec.scheduler.algorithm;
  if (const Value* steps = spec.scheduler.options.find("max_steps"))
    if (const auto* limit = steps->as<std::int64_t>(); limit && *limit != kForever)
      words += fmt::format(", at most {}", report::count(*limit, "step"));
  return words;
}

report::ConsoleOptions console_options(const OneRun& run, const app::StudyFolder& folder,
                                       Streams& streams) {
  report::ConsoleOptions options;
  options.sink = [&streams](std::string_view text) { streams.clean() << text << std::flush; };
  options.terminal = streams.width > 0;
  options.colour = streams.colour;
  options.size = [terminal = options.terminal] {
    return terminal ? terminal_size().value_or(report::ConsoleSize{}) : kUncut;
  };
  options.every = run.spec.report.every;
  options.view.study_name = run.spec.name;
  options.view.directory = shown_path(folder.root);
  options.view.scheduler = scheduler_text(run.spec);
  options.view.time_limit = run.spec.stop.time;
  for (const Parameter& parameter : run.spec.space.parameters)
    options.view.parameters.push_back(parameter.name);
  options.view.memory = host_memory;
  return options;
}

/// What trials of earlier runs reported last, as the end of the log before `first` says. Parsing
/// the metrics of a whole long log would take longer than the rest of the start.
std::shared_ptr<report::LastMetrics> last_metrics(const app::StudyFolder& folder, StepId first) {
  constexpr std::int64_t kMostSteps = 10'000;
  auto metrics = std::make_shared<report::LastMetrics>();
  const auto log = store::StepLog::open_to_read(folder.database());
  const StepId from{std::max<std::int64_t>(0, first.value - kMostSteps)};
  // Without it a table lacks some cells, and nothing else does.
  if (log.ok())
    (void)log->read(from, store::Metrics::kParse, [&](const Step& step) {
      metrics->take(step);
      return Status();
    });
  return metrics;
}

}  // namespace

Result<app::RunReport> run_with_console(const OneRun& run, Streams& streams) {
  TRY(app::check_study_name(run.spec.name));
  const app::StudyFolder folder{run.home / run.spec.name};
  const std::string kept = TRY(app::start_over(folder, run.earlier));
  if (!kept.empty()) streams.out << "the study of before is kept as " << kept << '\n';
  const Waker waker = TRY(Waker::create());
  const Interrupts interrupts(waker);
  report::ConsoleOptions shown = console_options(run, folder, streams);
  const auto trials = [&] {
    TrialsSoFar so_far;
    const auto study = app::read_recorded(folder, store::Metrics::kSkip, {});
    if (!study.ok()) return so_far;
    so_far.count = study->state.trials().size();
    for (std::size_t i = 0; i < so_far.count; ++i)
      if (const Trial& trial = study->state.trials()[i]; trial.attempts > 0 && !ended(trial.status))
        so_far.unfinished.push_back(i);
    return so_far;
  };
  std::unique_ptr<report::Console> console;
  app::RunOptions options{.folder = folder.root,
                          .data_directory = run.data_directory,
                          .waker = waker,
                          .interrupts = &interrupts.count()};
  options.observers = [&](const app::Running& running) -> std::vector<Observer*> {
    shown.from = running.first;
    shown.view.pid = running.pid;
    if (running.first.value > 0)
      shown.view.earlier = [earlier = last_metrics(folder, running.first)](TrialId id) {
        return earlier->of(id);
      };
    console = std::make_unique<report::Console>(shown);
    for (const std::string& line : look_at_data(run.spec, folder.root, trials)) console->say(line);
    return {console.get()};
  };
  options.warn = [&](const std::string& line) {
    if (console)
      console->say(line);
    else
      streams.err << "clavier: " << line << '\n';
  };
  return app::run_study(run.spec, options);
}

int exit_status(const std::string& study, const app::RunReport& report, Streams& streams) {
  switch (report.end) {
    case tuner::RunEnd::kInterrupted:
      streams.err << "clavier: ended at once; run the same command again to go on\n";
      return kInterrupted;
    case tuner::RunEnd::kPaused: return report.interrupted ? kInterrupted : kSuccess;
    case tuner::RunEnd::kFinished: break;
  }
  const State& state = report.state;
  if (!state.finished()) return kSuccess;
  const std::string reason = report::reason_text(state.finished()->reason);
  if (state.finished()->kind == FinishKind::kFailure)
    return fail(streams,
                unavailable(reason +
                            "\nRun again when that is mended, and the study goes on; where what it "
                            "was begun with has to change (space, constraints, metric, searcher), "
                            "--fresh starts over"));
  if (state.trials().empty()) return fail(streams, unavailable("no trial was run: " + reason));
  const auto failed = static_cast<std::int64_t>(state.count(TrialStatus::kFailed));
  if (failed > 0)
    streams.err << fmt::format("clavier: {} failed; `clavier retry {}` runs {} again\n",
                               report::count(failed, "trial"), study, failed == 1 ? "it" : "them");
  if (state.finished()->kind == FinishKind::kUser)
    streams.err << fmt::format("clavier: {} was stopped; `clavier retry {}` lets it go on\n", study,
                               study);
  const bool all_failed = failed == static_cast<std::int64_t>(state.trials().size());
  if (!state.front().empty() && !all_failed) return kSuccess;
  if (failed == 0 && state.finished()->kind != FinishKind::kDone) return kSuccess;
  if (failed > 0)
    return fail(streams, unavailable("no trial has succeeded; `clavier show TRIAL` has its log"));
  return fail(streams, unavailable("no trial has reported " + report::no_best(state)));
}

}  // namespace clavier::cli
