// A program that is its own worker: the same study on threads and in processes comes out the same.
#include <clavier/clavier.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

using namespace clavier;

void train(TrialContext& trial) {
  const double x = *trial.config().find("x")->number();
  Steps start = 0;
  if (const auto checkpoint = trial.checkpoint()) std::ifstream(*checkpoint / "step") >> start;
  for (Steps step = start + 1; step <= 8; ++step) {
    const auto save = [&](const std::filesystem::path& folder) {
      std::ofstream(folder / "step") << step;
    };
    if (trial.report({{"loss", (x - 1) * (x - 1) + 1.0 / static_cast<double>(step)}}, step, save) ==
        worker::Verdict::kLeave)
      return;
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
