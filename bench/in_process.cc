// bench in_process [SLOTS]: trials of one report that the executor alone runs per second
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <ctime>

#include "base/check.h"
#include "exec/inprocess/inprocess_executor.h"

// Each trial waits at its report for the decision of a loop that keeps `slots` slots busy.

using namespace clavier;  // NOLINT: a program of one page.

namespace {

exec::Order order_of(std::int64_t number, SlotId slot) {
  exec::Order order;
  order.launch = {LaunchId{number}, {{TrialId{number}, 1, {}, 1}}, {{slot}}};
  order.members = {{.directory = fmt::format("trial_{}", number)}};
  order.members[0].config.set("x", 0.5);
  order.slots = {{.id = slot}};
  return order;
}

}  // namespace

int main(int argc, char** argv) {
  const int slots = argc > 1 ? std::atoi(argv[1]) : 1;
  constexpr std::int64_t kTrials = 100'000;
  const Waker waker = Waker::create().value();
  auto made = exec::InProcessExecutor::create(
      waker, {.slots = slots, .metric = "y"}, [](worker::TrialContext& trial) {
        const double x = *trial.config().find("x")->as<double>();
        trial.report({{"y", x * x}});
      });
  CHECK(made.ok());
  exec::Executor& executor = **made;
  executor.wait(kNever);

  const auto begin = std::chrono::steady_clock::now();
  std::int64_t started = 0;
  std::int64_t ended = 0;
  for (; started < slots; ++started) executor.start(order_of(started, SlotId{started}));
  while (ended < kTrials)
    for (const Signal& signal : executor.wait(kNever)) {
      if (const auto* reported = std::get_if<Reported>(&signal)) {
        const Report& report = reported->reports[0];
        CHECK(report.value == 0.25);
        executor.send({report.launch, report.trial, exec::StopNow{}});
      } else if (const auto* over = std::get_if<LaunchEnded>(&signal)) {
        ++ended;
        // Launches take the slots in turn, and each slot's launches are `slots` apart.
        const std::int64_t next = over->launch.value + slots;
        if (next < kTrials) executor.start(order_of(next, SlotId{next % slots}));
      }
    }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  // Processor time of all threads: what one core could do if nothing else ran on it.
  const double cpu_seconds = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  fmt::print(
      "{{\"slots\": {}, \"trials_per_second\": {:.0f}, \"trials_per_cpu_second\": {:.0f}}}\n",
      slots, kTrials / took.count(), kTrials / cpu_seconds);
}
