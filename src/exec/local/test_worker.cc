#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>

#include "exec/scripted_trial.h"
#include "worker/trial_worker.h"

// A worker on the library's own loop that does what its trial's configuration says: `mode`, and
// `steps` reports of a metric `loss` (0: for ever). Plays the contract suite's trials, too.
namespace {

using clavier::Steps;
using clavier::worker::TrialContext;
using clavier::worker::Verdict;

std::string text(const TrialContext& trial, const char* name) {
  const clavier::Value* value = trial.config().find(name);
  const auto* string = value ? value->as<std::string>() : nullptr;
  return string ? *string : "";
}

Steps whole(const TrialContext& trial, const char* name, Steps fallback) {
  const clavier::Value* value = trial.config().find(name);
  const auto* number = value ? value->as<std::int64_t>() : nullptr;
  return number ? *number : fallback;
}

void save(const std::filesystem::path& directory, Steps step) {
  std::ofstream(directory / "step") << step;
}

void train(TrialContext& trial) {
  if (trial.config().find("fails_at")) return clavier::exec::scripted_trial(trial);
  const std::string mode = text(trial, "mode");
  std::printf("trial %lld begins\n", static_cast<long long>(trial.trial().value));
  std::fflush(stdout);
  if (mode == "throw") throw std::runtime_error("layer 3 is broken");
  if (mode == "no memory") throw std::bad_alloc();
  if (mode == "crash") ::raise(SIGABRT);
  if (mode == "die") ::raise(SIGKILL);
  if (mode == "exit 5") ::_exit(5);
  if (mode == "leave") std::exit(0);
  const Steps steps = whole(trial, "steps", 1);
  for (Steps step = trial.step() + 1; steps == 0 || step <= steps; ++step) {
    const double loss =
        mode == "nan" ? std::numeric_limits<double>::quiet_NaN() : 1.0 / static_cast<double>(step);
    const Verdict verdict =
        trial.report({{"loss", loss}, {"pid", static_cast<double>(::getpid())}}, step,
                     [&](const std::filesystem::path& directory) { save(directory, step); });
    if (mode == "deaf") continue;
    if (verdict == Verdict::kLeave) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool exploit = argc > 1 && std::string(argv[1]) == "exploit";
  return clavier::worker::worker_main(train, {.exploit = exploit});
}
