// A program that is its own worker: the same study on threads and in processes comes out the same.
// Given a folder, it runs the study there in processes, writing down what it reports into
// $CHAOS_LOG.
#include <clavier/clavier.h>

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace {

using namespace clavier;

/// `run` tells the launches of a trial apart.
void write_down(const TrialContext& trial, double run, Steps step, double loss) {
  const char* log = std::getenv("CHAOS_LOG");
  if (!log) return;
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  // Opened for appending and written with one call: lines of two workers never mix.
  const auto line = fmt::format("{} {} {} {}\n", trial.trial().value, run, step, loss);
  std::ofstream(log, std::ios::app) << line << std::flush;
}

void train(TrialContext& trial) {
  const double x = *trial.config().find("x")->number();
  static std::atomic<int> runs = 0;
  const double run = 1000.0 * ::getpid() + ++runs;
  Steps start = 0;
  if (const auto checkpoint = trial.checkpoint()) std::ifstream(*checkpoint / "step") >> start;
  for (Steps step = start + 1; step <= 8; ++step) {
    const auto save = [&](const std::filesystem::path& folder) {
      std::ofstream(folder / "step") << step;
    };
    const double loss = (x - 1) * (x - 1) + 1.0 / static_cast<double>(step);
    write_down(trial, run, step, loss);
    if (trial.report({{"loss", loss}, {"run", run}}, step, save) == worker::Verdict::kLeave) return;
  }
}

const Registered registered("train", train);

Tuning tuning(const std::filesystem::path& folder) {
  Tuning tuning;
  tuning.name = "processes";
  tuning.objective = {"loss", Mode::kMin};
  tuning.space.parameters = {{"x", uniform(-2, 2)}};
  tuning.trials = 9;
  tuning.seed = 3;
  tuning.workers = 1;
  tuning.scheduler = {"asha"};
  tuning.scheduler.options.set("variant", "promotion");
  tuning.scheduler.options.set("max_steps", 8);
  tuning.scheduler.options.set("reduction", 2.0);
  tuning.directory = folder;
  return tuning;
}

int fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  init(argc, argv);
  if (argc == 2) {
    const auto tuned = tune(tuning(argv[1]), std::string("train"));
    return tuned.ok() ? 0 : fail(tuned.error().message);
  }
  std::string pattern = (std::filesystem::temp_directory_path() / "clavier-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  const auto threads = tune(tuning(folder / "threads"), Trainable(train));
  const auto processes = tune(tuning(folder / "processes"), std::string("train"));
  std::filesystem::remove_all(folder);
  if (!threads.ok()) return fail(threads.error().message);
  if (!processes.ok()) return fail(processes.error().message);
  if (processes->trials.size() != 9) return fail("not every trial was run");
  for (std::size_t i = 0; i < processes->trials.size(); ++i) {
    const Trial& one = threads->trials[i];
    const Trial& other = processes->trials[i];
    if (!(one.config == other.config) || one.step != other.step || one.status != other.status ||
        one.best->value != other.best->value)
      return fail("trial " + std::to_string(i) + " came out differently in a process");
  }
  if (threads->best != processes->best) return fail("another best trial");
  std::printf("%s\n", processes->reason.c_str());
  return 0;
}
