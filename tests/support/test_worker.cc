#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>

#include "tests/support/scripted_trial.h"
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

/// A trial with a state of a mebibyte, which it resumes from and takes over; reports the number of
/// the file that it started from.
void train_with_state(TrialContext& trial, Steps steps) {
  constexpr std::size_t kStateBytes = std::size_t{1} << 20;
  const auto inode = [&] {
    struct stat info {};
    const auto from = trial.checkpoint();
    if (!from) return 0.0;
    if (::stat((*from / "state").c_str(), &info) != 0) throw std::runtime_error("no state");
    return static_cast<double>(info.st_ino);
  };
  int takeovers = trial.takeovers();
  for (Steps step = trial.step() + 1; steps == 0 || step <= steps; ++step) {
    const auto save_state = [&](const std::filesystem::path& directory) {
      std::ofstream(directory / "state") << std::string(kStateBytes, 'x');
      save(directory, step);
    };
    if (trial.report({{"loss", 1.0 / static_cast<double>(step)}, {"inode", inode()}}, step,
                     save_state) == Verdict::kLeave)
      return;
    if (trial.takeovers() == takeovers) continue;
    takeovers = trial.takeovers();
    step = trial.step();
  }
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
  if (mode == "state") return train_with_state(trial, steps);
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
  const std::int64_t members = argc > 2 ? std::stoi(argv[2]) : 1;
  return clavier::worker::worker_main(
      [](clavier::worker::LaunchContext& launch) {
        if (launch.members().size() == 1) return train(*launch.members().front());
        clavier::exec::scripted_launch(launch);
      },
      {.exploit = exploit, .members = members});
}
