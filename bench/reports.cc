// bench reports: report lines decoded, logged, decided on and written to trial directories
#include <fmt/format.h>

#include <cstdlib>
#include <optional>

#include "bench/feed_executor.h"
#include "bench/measure.h"
#include "cluster/first_fit.h"
#include "report/trial_directories.h"
#include "sched/asha.h"
#include "search/random.h"
#include "tuner/tuner.h"

namespace {

using namespace clavier;

struct Figures {
  double reports_per_second = 0;
  double resident_mb = 0;
  double db_mb = 0;
  std::int64_t reports = 0;
};

/// One whole study of `trials` trials of up to `steps` reports, on files of a temporary folder.
Figures run(std::int64_t trials, Steps steps) {
  const bench::TemporaryFolder folder("reports");
  Space space;
  space.parameters = {{"lr", Real{1e-5, 1e-1, Scale::kLog}}, {"width", Integer{8, 512}}};
  tuner::StudyOptions options{.name = "bench", .objective = {"loss", Mode::kMin}};
  options.trials = trials;
  search::RandomSearch searcher(space, 7);
  sched::Asha scheduler(options.objective, {.max_steps = steps, .grace = steps / 16}, 7);
  cluster::FirstFit planner;
  bench::FeedExecutor executor(8, steps);
  std::optional log =
      std::move(*store::StepLog::open(folder.path() / "study.db", {.metric = "loss"}));
  auto waker = Waker::create();
  tuner::Mailbox mailbox(*waker);
  report::TrialDirectories directories({.folder = folder.path(), .study_name = "bench"});
  tuner::Tuner tuner(options, {searcher, scheduler, planner},
                     {.executor = executor,
                      .log = *log,
                      .waker = *waker,
                      .mailbox = mailbox,
                      .observers = {&directories},
                      .tick = StudyDuration::zero()});
  const bench::Watch watch;
  const double cpu_before = bench::cpu_seconds();
  if (!tuner.recover().ok() || !tuner.run({}).ok()) std::exit(1);
  const double busy = bench::cpu_seconds() - cpu_before;
  Figures figures;
  figures.reports = tuner.state().reports();
  // One core's worth: elapsed time, or processor time where other work shared the machine.
  figures.reports_per_second = static_cast<double>(figures.reports) / std::max(busy, 1e-9);
  figures.resident_mb = bench::resident_mb();
  // Closing the log folds the write-ahead part into the database.
  log.reset();
  figures.db_mb = static_cast<double>(std::filesystem::file_size(folder.path() / "study.db")) / 1e6;
  fmt::print(
      "{} trials: {} reports in {:.2f} s ({:.2f} s of processor), {:.0f} MB resident, "
      "study.db {:.0f} MB\n",
      trials, figures.reports, watch.seconds(), busy, figures.resident_mb, figures.db_mb);
  return figures;
}

}  // namespace

int main() {
  const Figures warm_up = run(8, 2000);
  (void)warm_up;
  const Figures few = run(200, 5000);
  const Figures many = run(2000, 5000);
  const double per_million = many.db_mb / (static_cast<double>(many.reports) / 1e6);
  fmt::print(
      "{{\"reports_per_second\": {:.0f}, \"reports_per_second_10x\": {:.0f}, "
      "\"rss_mb\": {:.1f}, \"db_mb_per_million\": {:.1f}, \"reports\": {}}}\n",
      few.reports_per_second, many.reports_per_second, std::max(few.resident_mb, many.resident_mb),
      per_million, many.reports);
  return 0;
}
