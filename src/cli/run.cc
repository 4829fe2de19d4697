#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <ostream>

#include "app/file/study_file.h"
#include "app/file/study_folder.h"
#include "app/file/trainer.h"
#include "app/run/plan_study.h"
#include "app/run/study_check.h"
#include "app/run/this_node.h"
#include "app/tuning_spec.h"
#include "cli/commands.h"
#include "cli/one_run.h"
#include "cli/plans.h"
#include "cli/studies.h"
#include "report/wording.h"
#include "train/data/dataset.h"

namespace clavier::cli {
namespace {

OneRun one_run(app::StudySpec spec, const std::optional<std::string>& dir,
               const std::optional<std::string>& data_dir, app::Earlier earlier) {
  return {std::move(spec), home_of(dir),
          data_dir ? std::filesystem::absolute(*data_dir) : train::data::default_data_dir(),
          earlier};
}

Result<app::StudySpec> spec_of(const RunOptions& options, const StudySource& source) {
  StudySource now = source;
  now.anew = options.fresh || options.smoke;
  auto spec = TRY(load_study(now, options.dir, ForMachine::kThis));
  if (!spec.worker && !spec.trainer)
    return invalid(fmt::format("{}: {}", *source.file, app::kNothingToRun));
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
  // What was tried out last time says nothing about the program as it is now.
  const auto earlier = options.smoke   ? app::Earlier::kIsDeleted
                       : options.fresh ? app::Earlier::kIsKept
                                       : app::Earlier::kGoesOn;
  auto report =
      TRY(run_with_console(one_run(spec, options.dir, options.data_dir, earlier), streams));
  if (expected) streams.out << comparison(*expected, report.state);
  return report;
}

/// Runs the study with as many seeds, each in a folder of its own. `spec_with` reads it with
/// further changes of keys, `run` runs it.
template <typename SpecWith, typename Run>
Result<int> run_repeated(int repeat, SpecWith spec_with, Run run, Streams& streams) {
  const app::StudySpec first = TRY(spec_with(std::vector<std::string>{}));
  if (first.objective.several() && first.trials != 1)
    return invalid(
        "--repeat averages the best value of each study, and a study of several metrics has none; "
        "run it with several seeds (--set study.seed=1 --set study.name=NAME) instead");
  print_notes(first, streams);
  std::vector<std::vector<double>> values;
  std::vector<double> times;
  for (int i = 0; i < repeat; ++i) {
    const std::uint64_t seed = first.seed + static_cast<std::uint64_t>(i);
    const app::StudySpec spec =
        TRY(spec_with(std::vector{fmt::format("study.name={}-seed{}", first.name, seed),
                                  fmt::format("study.seed={}", seed)}));
    const auto report = TRY(run(spec));
    if (const int status = exit_status(spec.name, report, streams); status != kSuccess)
      return status;
    const auto best = report.state.best();
    if (!best) return unavailable(fmt::format("{} has no best trial", spec.name));
    const Best& of = *report.state.trial(*best).best;
    values.resize(1 + of.further.size());
    values[0].push_back(of.value);
    for (std::size_t each = 0; each < of.further.size(); ++each)
      values[each + 1].push_back(of.further[each]);
    times.push_back(seconds(report.state.now()));
  }
  streams.out << '\n';
  for (std::size_t each = 0; each < values.size(); ++each)
    streams.out << fmt::format("{} over {}: {}\n", first.objective.all()[each].metric,
                               report::count(repeat, "seed"), mean_and_deviation(values[each]));
  streams.out << fmt::format("time: {} s\n", mean_and_deviation(times));
  return kSuccess;
}

/// What is set takes the place of the trial's own value, whichever table names it: `space.lr=0.1`
/// and `trainer.lr=0.1` mean the same where lr is searched. What is computed comes out anew.
void give_way(std::vector<app::Override>& overrides, Space& space) {
  std::vector<std::string> set;
  for (app::Override& each : overrides)
    for (const std::string_view table : {"space.", "trainer.model.", "trainer."}) {
      if (!each.key.starts_with(table)) continue;
      const std::string name = each.key.substr(table.size());
      if (std::ranges::find(space.parameters, name, &Parameter::name) == space.parameters.end())
        continue;
      each.key = "space." + name;
      set.push_back(name);
    }
  if (set.empty()) return;
  for (const Parameter& parameter : space.parameters)
    if (std::holds_alternative<Computed>(parameter.domain)) set.push_back(parameter.name);
  for (Config& point : space.points) {
    Config kept;
    for (const Config::Entry& entry : point.entries())
      if (std::ranges::find(set, entry.name) == set.end()) kept.append(entry.name, entry.value);
    point = std::move(kept);
  }
}

/// As its study was begun, with one trial: the same configuration, number and length.
Result<app::StudySpec> spec_to_rerun(const app::RecordedStudy& study, const Trial& trial,
                                     const std::vector<std::string>& set) {
  TRY(app::check_trials_start_alone(study.spec));
  app::StudySpec spec = study.spec;
  app::StudySpec resolved = spec;
  TRY(app::resolve_trainer(resolved));
  spec.name = fmt::format("{}-trial{}", study.folder.name(), trial.id.value);
  spec.space.points = {trial.best_config()};
  spec.space.known.clear();
  spec.warm_start.clear();
  spec.trials = 1;
  spec.stop = {};
  spec.search = {"random"};
  spec.trial.first += trial.id.value;
  spec.scheduler = {"fifo"};
  std::vector<app::Override> overrides;
  for (const std::string& text : set) overrides.push_back(TRY(app::parse_override(text)));
  // Whoever says how long it shall be is not held to how long it was.
  constexpr std::array<std::string_view, 6> kLengths{"trainer.epochs",   "trainer.batches",
                                                     "space.epochs",     "space.batches",
                                                     "trial.stop.steps", "scheduler.max_steps"};
  const bool other_length = std::ranges::any_of(overrides, [&](const app::Override& each) {
    return std::ranges::find(kLengths, each.key) != kLengths.end();
  });
  give_way(overrides, spec.space);
  const Value* limit = resolved.scheduler.options.find("max_steps");
  if (limit && !other_length) spec.scheduler.options.set("max_steps", *limit);
  auto again = TRY(app::parse_logged_study(app::to_toml(spec), spec.name + ".toml", overrides));
  TRY(app::resolve_trainer(again));
  again.working_directory = app::working_directory(study);
  return again;
}

/// One that was interrupted goes on if nothing has changed; every other begins anew.
app::Earlier earlier_rerun(const app::StudySpec& spec, const std::filesystem::path& home) {
  auto before = app::read_recorded({home / spec.name}, store::Metrics::kSkip);
  const bool goes_on = before && !before->state.finished() &&
                       app::resolve_trainer(before->spec).ok() &&
                       app::check_unchanged(before->spec, spec).ok();
  return goes_on ? app::Earlier::kGoesOn : app::Earlier::kIsKept;
}

Result<int> rerun(const RerunOptions& options, Streams& streams) {
  const auto study = TRY(open_study(options.study, store::Metrics::kSkip));
  const Trial& trial = study.state.trial(TRY(find_trial(study.state, options.trial)));
  const auto spec_with = [&](const std::vector<std::string>& further) {
    std::vector<std::string> set = options.set;
    set.insert(set.end(), further.begin(), further.end());
    return spec_to_rerun(study, trial, set);
  };
  const auto run = [&](const app::StudySpec& spec) {
    const auto earlier = earlier_rerun(spec, home_of(options.study.dir));
    return run_with_console(one_run(spec, options.study.dir, options.data_dir, earlier), streams);
  };
  if (options.repeat > 1) return run_repeated(options.repeat, spec_with, run, streams);
  const app::StudySpec spec = TRY(spec_with({}));
  return exit_status(spec.name, TRY(run(spec)), streams);
}

}  // namespace

int run_run(const RunOptions& options, Streams& streams) {
  if (options.repeat > 1) {
    const auto spec_with = [&](const std::vector<std::string>& further) {
      StudySource source = options.source;
      source.set.insert(source.set.end(), further.begin(), further.end());
      return spec_of(options, source);
    };
    const auto run = [&](const app::StudySpec& spec) { return run_one(spec, options, streams); };
    const auto status = run_repeated(options.repeat, spec_with, run, streams);
    return status ? *status : fail(streams, status.error());
  }
  const auto spec = spec_of(options, options.source);
  if (!spec) return fail(streams, spec.error());
  if (!options.source.file)
    streams.out << "# This command line stands for the study file:\n" << spec->text << '\n';
  if (!options.source.file && spec->trials == 1 && !spec->space.parameters.empty())
    streams.out << "# One trial; --trials N tries more.\n\n";
  print_notes(*spec, streams);
  if (app::is_former_home(home_of(options.dir)))
    streams.err << "clavier: the studies here are in ./clavier, which Python takes for the package "
                   "of that name: rename it to clavier-results, where new ones are kept\n";
  const auto report = run_one(*spec, options, streams);
  return report ? exit_status(spec->name, *report, streams) : fail(streams, report.error());
}

int run_rerun(const RerunOptions& options, Streams& streams) {
  const auto status = rerun(options, streams);
  return status ? *status : fail(streams, status.error());
}

}  // namespace clavier::cli
