#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <ostream>

#include "app/plan_study.h"
#include "app/study_file.h"
#include "app/trainer.h"
#include "cli/commands.h"
#include "cli/one_run.h"
#include "cli/plans.h"
#include "cli/studies.h"
#include "report/wording.h"
#include "train/data/dataset.h"

namespace clavier::cli {
namespace {

OneRun one_run(app::StudySpec spec, const std::optional<std::string>& dir,
               const std::optional<std::string>& data_dir) {
  return {std::move(spec), home_of(dir),
          data_dir ? std::filesystem::path(*data_dir) : train::data::default_data_dir()};
}

Result<app::StudySpec> spec_of(const RunOptions& options, const StudySource& source) {
  auto spec = TRY(load_study(source, options.dir));
  if (options.smoke) {
    TRY(app::make_smoke(spec));
    spec.text = app::to_toml(spec);  // What is logged must say what is run.
  }
  return spec;
}

/// What is expected of a study whose slots have known speeds; nothing if it cannot be told.
std::optional<double> predicted(const app::StudySpec& spec, const std::filesystem::path& home) {
  constexpr std::int64_t kMostEvents = 200'000;
  const auto known = [](const app::SlotSpec& slot) { return slot.speed.has_value(); };
  if (!std::ranges::any_of(spec.cluster.slots, known)) return {};
  const auto planned = app::plan_study(spec, {.home = home, .most_events = kMostEvents});
  if (!planned) return {};
  return planned->simulated.makespan();
}

/// Of a study that did everything in one run.
std::string comparison(double predicted, const State& state) {
  const bool done = state.finished() && state.finished()->kind == FinishKind::kDone;
  if (!done || state.runs() != 1) return {};
  const double took = seconds(state.now());
  return fmt::format("predicted {:.4g} s, took {:.4g} s ({:+.1f} %)\n", predicted, took,
                     100 * (took / predicted - 1));
}

/// Runs it, and tells afterwards how well it was foreseen.
Result<app::RunReport> run_one(const app::StudySpec& spec, const RunOptions& options,
                               Streams& streams) {
  const auto expected = predicted(spec, home_of(options.dir));
  auto report = TRY(run_with_console(one_run(spec, options.dir, options.data_dir), streams));
  if (expected) streams.out << comparison(*expected, report.state);
  return report;
}

/// The study with as many seeds, each in a folder of its own.
Result<int> run_repeated(const RunOptions& options, Streams& streams) {
  const app::StudySpec first = TRY(load_study(options.source, options.dir));
  std::vector<double> values, times;
  for (int i = 0; i < options.repeat; ++i) {
    StudySource source = options.source;
    const std::uint64_t seed = first.seed + static_cast<std::uint64_t>(i);
    source.set.push_back(fmt::format("study.name={}-seed{}", first.name, seed));
    source.set.push_back(fmt::format("study.seed={}", seed));
    const app::StudySpec spec = TRY(spec_of(options, source));
    const auto report = TRY(run_one(spec, options, streams));
    if (const int status = exit_status(report, streams); status != kSuccess) return status;
    const auto best = report.state.best();
    if (!best) return unavailable(fmt::format("{} has no best trial", spec.name));
    values.push_back(report.state.trial(*best).best->value);
    times.push_back(seconds(report.state.now()));
  }
  streams.out << fmt::format("\n{} over {}: {}\ntime: {} s\n", first.objective.metric,
                             report::count(options.repeat, "seed"), mean_and_deviation(values),
                             mean_and_deviation(times));
  return kSuccess;
}

Result<app::StudySpec> spec_to_rerun(const RerunOptions& options) {
  auto study = TRY(open_study(options.study, store::Metrics::kSkip));
  const Trial& trial = study.state.trial(TRY(find_trial(study.state, options.trial)));
  app::StudySpec spec = study.spec;
  TRY(app::resolve_trainer(spec));
  // The log holds no absolute path: the programs of the study are looked for from here.
  spec.working_directory = std::filesystem::current_path();
  spec.name = fmt::format("{}-trial{}", study.folder.name(), trial.id.value);
  spec.space.points = {trial.config};
  spec.trials = 1;
  spec.stop = {};
  spec.search = {"random"};
  const Value* limit = spec.scheduler.options.find("max_steps");
  const Value steps = limit ? *limit : Value(kForever);
  spec.scheduler = {"fifo"};
  spec.scheduler.options.set("max_steps", steps);
  spec.text = app::to_toml(spec);
  return spec;
}

}  // namespace

int run_run(const RunOptions& options, Streams& streams) {
  if (options.repeat > 1) {
    const auto status = run_repeated(options, streams);
    return status ? *status : fail(streams, status.error());
  }
  const auto spec = spec_of(options, options.source);
  if (!spec) return fail(streams, spec.error());
  if (!options.source.file)
    streams.out << "# This command line stands for the study file:\n" << spec->text << '\n';
  if (!options.source.file && spec->trials == 1 && !spec->space.parameters.empty())
    streams.out << "# One trial; --trials N tries more.\n\n";
  const auto report = run_one(*spec, options, streams);
  return report ? exit_status(*report, streams) : fail(streams, report.error());
}

int run_rerun(const RerunOptions& options, Streams& streams) {
  const auto spec = spec_to_rerun(options);
  if (!spec) return fail(streams, spec.error());
  const auto report =
      run_with_console(one_run(*spec, options.study.dir, options.data_dir), streams);
  return report ? exit_status(*report, streams) : fail(streams, report.error());
}

}  // namespace clavier::cli
