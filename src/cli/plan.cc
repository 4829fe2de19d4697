#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <ostream>

#include "app/plan_study.h"
#include "app/registry.h"
#include "cli/commands.h"
#include "cli/interrupts.h"
#include "cli/plans.h"
#include "cli/studies.h"
#include "report/gantt.h"
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

}  // namespace

int run_plan(const PlanOptions& options, Streams& streams) {
  const auto status = plan(options, streams);
  return status ? *status : fail(streams, status.error());
}

}  // namespace clavier::cli
