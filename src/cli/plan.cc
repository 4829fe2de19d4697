#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <ostream>

#include "app/plan_study.h"
#include "app/registry.h"
#include "app/simulate_study.h"
#include "app/study_folder.h"
#include "cli/commands.h"
#include "cli/interrupts.h"
#include "cli/plans.h"
#include "cli/studies.h"
#include "report/gantt.h"
#include "report/wording.h"
#include "train/data/dataset.h"

namespace clavier::cli {
namespace {

constexpr std::size_t kMostRows = 40;
constexpr std::size_t kPlainWidth = 100;

/// A folder for what the probe writes, gone with it.
class Scratch {
 public:
  static Result<Scratch> create() {
    std::error_code failed;
    auto base = std::filesystem::temp_directory_path(failed);
    std::string name = (base / "clavier-probe-XXXXXX").string();
    if (failed || ::mkdtemp(name.data()) == nullptr)
      return io_error("cannot make a scratch folder for the probe in " + base.string());
    return Scratch(name);
  }
  Scratch(Scratch&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit Scratch(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

Result<app::StudySpec> probed(const app::StudySpec& spec, const PlanOptions& options) {
  const Scratch scratch = TRY(Scratch::create());
  const Waker waker = TRY(Waker::create());
  const Interrupts interrupts(waker);
  return app::probe_speeds(
      spec, {.folder = scratch.path(),
             .data_directory = options.data_dir ? std::filesystem::path(*options.data_dir)
                                                : train::data::default_data_dir(),
             .waker = waker,
             .interrupts = &interrupts.count()});
}

Result<int> plan(const PlanOptions& options, Streams& streams) {
  const app::StudySpec asked = TRY(load_study(options.source, options.dir));
  const app::StudySpec spec = options.probe ? TRY(probed(asked, options)) : asked;
  const app::Planned planned = TRY(app::plan_study(
      spec, {.home = home_of(options.dir), .from = options.from, .probed = options.probe}));
  streams.out << account_of(spec, planned.simulated, Account::kPlanned)
              << fmt::format("{:<13} {}\n", "durations", planned.source)
              << fmt::format("{:<13} {}\n", "", planned.starts);
  if (const auto& advice = planned.advice)
    streams.out << fmt::format(
        "{:<13} every {} least, {:.3g} % of the time to saves and failures (Daly 2006); "
        "[checkpoint] every = {} loses {:.3g} %\n",
        "checkpoints",
        advice->every == 1 ? "step loses" : fmt::format("{} steps lose", advice->every),
        100 * advice->loss, spec.checkpoint.every, 100 * advice->loss_now);
  if (!app::traits_of(app::Family::kScheduler, spec.scheduler).to_the_end)
    streams.out << fmt::format(
        "{:<13} which trials {} favours is guessed by made-up learning curves\n", "",
        spec.scheduler.algorithm);
  streams.out << '\n';
  const std::size_t width = streams.width > 0 ? streams.width : kPlainWidth;
  for (const std::string& line : report::gantt_text(planned.simulated.timeline, width, kMostRows))
    streams.out << line << '\n';
  TRY(write_traces(spec, planned.simulated, options.traces));
  return kSuccess;
}

Result<app::Simulated> simulate(const SimulateOptions& options, const app::StudySpec& spec,
                                Streams& streams) {
  const auto home = home_of(options.dir);
  app::SimulateOptions how{.home = home};
  how.warn = [&](const std::string& line) { streams.err << "clavier: " << line << '\n'; };
  if (options.keep) how.folder = TRY(app::make_study_folder(home, spec.name)).root;
  return app::simulate_study(spec, how);
}

Result<app::StudySpec> spec_for(const SimulateOptions& options, int repetition) {
  StudySource source = options.source;
  auto spec = TRY(load_study(source, options.dir));
  if (!options.seed && repetition == 0) return spec;
  const std::uint64_t seed =
      options.seed.value_or(spec.seed) + static_cast<std::uint64_t>(repetition);
  source.set.push_back(fmt::format("study.seed={}", seed));
  if (repetition > 0) source.set.push_back(fmt::format("study.name={}-seed{}", spec.name, seed));
  return load_study(source, options.dir);
}

Result<int> simulate_all(const SimulateOptions& options, Streams& streams) {
  std::vector<double> makespans, ratios;
  for (int i = 0; i < options.repeat; ++i) {
    const app::StudySpec spec = TRY(spec_for(options, i));
    const app::Simulated done = TRY(simulate(options, spec, streams));
    if (i > 0) streams.out << '\n';
    if (options.repeat > 1) streams.out << fmt::format("seed          {}\n", spec.seed);
    streams.out << account_of(spec, done, Account::kSimulated)
                << fmt::format("trace hash    {:016x}\n", done.hash);
    if (i == 0) TRY(write_traces(spec, done, options.traces));
    makespans.push_back(done.makespan());
    ratios.push_back(done.ratio());
  }
  if (options.repeat > 1)
    streams.out << fmt::format("\nover {}: makespan {} s, ratio {}\n",
                               report::count(options.repeat, "seed"), mean_and_deviation(makespans),
                               mean_and_deviation(ratios));
  return kSuccess;
}

}  // namespace

int run_plan(const PlanOptions& options, Streams& streams) {
  const auto status = plan(options, streams);
  return status ? *status : fail(streams, status.error());
}

int run_simulate(const SimulateOptions& options, Streams& streams) {
  const auto status = simulate_all(options, streams);
  return status ? *status : fail(streams, status.error());
}

}  // namespace clavier::cli
