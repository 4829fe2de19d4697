// bench local: how fast the executor of processes is by itself: no log, no policies
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/match.h"
#include "exec/local/local_executor.h"
#include "tests/support/scratch_directory.h"

namespace clavier::exec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kFloodLines = 100'000;  ///< Per worker.

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Bench {
 public:
  Bench(std::vector<std::string> command, int slots) {
    LocalOptions options{.study = study_.path(), .metric = "loss"};
    options.node = {.id = NodeId{0}, .host = "here"};
    for (int i = 0; i < slots; ++i)
      options.node.slots.push_back({.id = SlotId{i}, .node = NodeId{0}});
    options.command = std::move(command);
    options.guard = CLAVIER_GUARD;
    options.checkpoints = {.every = 0, .at_end = false};
    executor_ = *LocalExecutor::create(std::move(options), waker_);
    executor_->wait(kNever);
  }

  void start(int slot, std::int64_t steps) {
    const std::int64_t number = next_++;
    Order order;
    order.launch = {.id = LaunchId{number}, .members = {{.trial = TrialId{number}}}};
    order.launch.shares = {{.slot = SlotId{slot}}};
    order.slots = {{.id = SlotId{slot}, .node = NodeId{0}}};
    order.members = {{.directory = fmt::format("trial_{:06}", number)}};
    order.members[0].config.set("mode", "bench");
    order.members[0].config.set("steps", steps);
    executor_->start(std::move(order));
  }

  /// Keeps all slots busy until `trials` have ended. Returns trials per second.
  double trials(int trials, int slots) {
    const auto begin = Clock::now();
    int started = 0;
    std::vector<int> slot_of;
    const auto first = next_;
    for (int slot = 0; slot < slots; ++slot, ++started) slot_of.push_back(slot), start(slot, 1);
    for (int ended = 0; ended < trials;)
      for (const Signal& signal : executor_->wait(kNever))
        if (const auto* end = std::get_if<LaunchEnded>(&signal)) {
          ++ended;
          if (started++ >= trials) continue;
          const int slot = slot_of[static_cast<std::size_t>(end->launch.value - first)];
          slot_of.push_back(slot);
          start(slot, 1);
        }
    return trials / seconds_since(begin);
  }

  /// From `start` to the first report.
  double warm_start_ms(int trials) {
    std::vector<double> times;
    for (int i = 0; i < trials; ++i) {
      const auto begin = Clock::now();
      start(0, 1);
      for (bool reported = false, ended = false; !ended;)
        for (const Signal& signal : executor_->wait(kNever)) {
          if (!reported && std::holds_alternative<Reported>(signal)) {
            reported = true;
            times.push_back(1e3 * seconds_since(begin));
          }
          ended = ended || std::holds_alternative<LaunchEnded>(signal);
        }
    }
    std::ranges::nth_element(times, times.begin() + trials / 2);
    return times[static_cast<std::size_t>(trials / 2)];
  }

  /// Of this process's own processor time, while as many workers as slots send as fast as they can.
  double reports_per_core_second(int slots) {
    for (int slot = 0; slot < slots; ++slot) start(slot, 0);
    timespec cpu{};
    const auto cpu_now = [&] {
      ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
      return static_cast<double>(cpu.tv_sec) + 1e-9 * static_cast<double>(cpu.tv_nsec);
    };
    const double begin = cpu_now();
    std::int64_t reports = 0;
    int ended = 0;
    while (ended < slots)
      for (const Signal& signal : executor_->wait(kNever)) {
        reports += std::holds_alternative<Reported>(signal) ? 1 : 0;
        ended += std::holds_alternative<LaunchEnded>(signal) ? 1 : 0;
      }
    CHECK(reports == slots * kFloodLines, "reports were lost");
    return static_cast<double>(reports) / (cpu_now() - begin);
  }

 private:
  ScratchDirectory study_;
  Waker waker_ = *Waker::create();
  std::unique_ptr<LocalExecutor> executor_;
  std::int64_t next_ = 0;
};

int run() {
  Bench warm({CLAVIER_TEST_WORKER}, 2);
  warm.trials(100, 2);
  const double trials = warm.trials(10'000, 2);
  const double start_ms = warm.warm_start_ms(1000);
  // `yes` writes far faster than anyone reads, so the wire is always full.
  const std::string line =
      R"({"type":"report","seconds":0.125,"metrics":{"loss":0.31415,"accuracy":0.9375,"lr":0.001}})";
  Bench flood({"sh", "-c", fmt::format("yes '{}' | head -n {} >&3", line, kFloodLines)}, 8);
  const double reports = flood.reports_per_core_second(8);
  fmt::print(
      "{{\"local_per_second\": {:.0f}, \"warm_ms\": {:.3f}, \"reports_per_second\": {:.0f}}}\n",
      trials, start_ms, reports);
  std::fflush(stdout);  // Removing ten thousand directories may take a while.
  return 0;
}

}  // namespace
}  // namespace clavier::exec

int main() { return clavier::exec::run(); }
