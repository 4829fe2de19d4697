// bench trials: 10,000 trials of one report with a full log, in process and through warm workers
#include <fmt/format.h>

#include <cstdlib>

#include "bench/measure.h"
#include "clavier.h"

namespace {

using namespace clavier;

double objective(const Config& config) {
  const double x = *config.find("x")->number(), y = *config.find("y")->number();
  return x * x + y * y;
}

const Registered one_report("one_report", [](TrialContext& trial) {
  trial.report({{"loss", objective(trial.config())}});
});

Tuning tuning(const std::filesystem::path& folder, std::int64_t trials) {
  Tuning tuning;
  tuning.name = "bench";
  tuning.objective = {"loss", Mode::kMin};
  tuning.space.parameters = {{"x", uniform(-1, 1)}, {"y", uniform(-1, 1)}};
  tuning.trials = trials;
  tuning.workers = 2;
  tuning.checkpoint.at_end = false;
  tuning.directory = folder;
  tuning.report.directories = false;
  return tuning;
}

template <typename Objective>
double trials_per_second(std::int64_t trials, const Objective& objective) {
  const bench::TemporaryFolder folder("trials");
  const bench::Watch watch;
  const auto tuned = tune(tuning(folder.path(), trials), objective);
  const double seconds = watch.seconds();
  if (!tuned.ok() || static_cast<std::int64_t>(tuned->trials.size()) != trials || !tuned->best) {
    fmt::print(stderr, "the study failed: {}\n",
               tuned.ok() ? tuned->reason : tuned.error().message);
    std::exit(1);
  }
  return static_cast<double>(trials) / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  init(argc, argv);
  constexpr std::int64_t kTrials = 10000;
  const Trainable in_process = [](TrialContext& trial) {
    trial.report({{"loss", objective(trial.config())}});
  };
  trials_per_second(500, in_process);
  std::vector<double> threads, processes;
  for (int i = 0; i < 3; ++i) {
    threads.push_back(trials_per_second(kTrials, in_process));
    processes.push_back(trials_per_second(kTrials, std::string("one_report")));
    fmt::print("in process {:.0f}/s, local workers {:.0f}/s\n", threads.back(), processes.back());
  }
  fmt::print("{{\"in_process_per_second\": {:.0f}, \"local_per_second\": {:.0f}}}\n",
             bench::median(threads), bench::median(processes));
  return 0;
}
