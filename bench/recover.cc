// bench recover: reopening a log of a million reports
#include <fmt/format.h>

#include <cstdlib>

#include "bench/feed_executor.h"
#include "bench/measure.h"
#include "cluster/first_fit.h"
#include "sched/fifo.h"
#include "search/random.h"
#include "tuner/tuner.h"

namespace {

using namespace clavier;

/// Runs (or reopens) a study of 100 trials of 10,000 reports; returns the seconds of recovery.
double open_and(bool run, const std::filesystem::path& file) {
  Space space;
  space.parameters = {{"lr", Real{1e-5, 1e-1, Scale::kLog}}};
  tuner::StudyOptions options{.name = "bench", .objective = {"loss", Mode::kMin}};
  options.trials = 100;
  search::RandomSearch searcher(space, 7);
  sched::Fifo scheduler({.max_steps = 10000});
  cluster::FirstFit planner;
  bench::FeedExecutor executor(8, 10000);
  const bench::Watch watch;
  auto log = store::StepLog::open(file, {.metric = "loss"});
  auto waker = Waker::create();
  tuner::Mailbox mailbox(*waker);
  tuner::Tuner tuner(options, {searcher, scheduler, planner},
                     {.executor = executor, .log = *log, .waker = *waker, .mailbox = mailbox});
  if (!tuner.recover().ok()) std::exit(1);
  const double seconds = watch.seconds();
  if (run && !tuner.run({}).ok()) std::exit(1);
  if (!run) fmt::print("recovered {} reports in {:.2f} s\n", tuner.state().reports(), seconds);
  return seconds;
}

}  // namespace

int main() {
  const bench::TemporaryFolder folder("recover");
  open_and(true, folder.path() / "study.db");
  std::vector<double> seconds;
  for (int i = 0; i < 3; ++i) seconds.push_back(open_and(false, folder.path() / "study.db"));
  fmt::print("{{\"seconds\": {:.3f}}}\n", bench::median(seconds));
  return 0;
}
