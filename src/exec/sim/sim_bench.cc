#include <fmt/format.h>

#include <chrono>

#include "exec/sim/sim_executor.h"

/// Events per second of the simulator alone: 1,000 slots of different speeds, trials of 100 steps
/// with a cheap curve, each replaced as soon as it ends.
int main() {
  using namespace clavier;
  constexpr std::int64_t kSlots = 1000;
  constexpr std::int64_t kEvents = 5'000'000;

  exec::SimOptions options;
  options.metric = "loss";
  options.nodes.front().slots.clear();
  for (std::int64_t slot = 0; slot < kSlots; ++slot)
    options.nodes.front().slots.push_back({.speed = 1.0 + static_cast<double>(slot % 17) / 4});
  exec::Curve curve;
  curve.metrics = [](const Config&, TrialId, Steps step, std::uint64_t) {
    return std::vector<Metric>{{"loss", 1.0 / static_cast<double>(step)}};
  };
  curve.steps = [](const Config&) { return Steps{100}; };
  auto sim = exec::SimExecutor::create(std::move(options), std::move(curve)).value();

  std::int64_t next = 0, reports = 0;
  std::vector<SlotId> slot_of;
  const auto start = [&](SlotId slot) {
    exec::Order order;
    order.launch = {LaunchId{next}, {{TrialId{next}}}, {{slot, 1.0}}};
    order.configs = {Config{}};
    order.directories = {"t"};
    slot_of.push_back(slot);
    ++next;
    sim->start(std::move(order));
  };
  sim->wait(kNever);
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t slot = 0; slot < kSlots; ++slot) start(SlotId{slot});
  while (sim->events() < kEvents) {
    for (const Signal& signal : sim->wait(kNever)) {
      reports += std::holds_alternative<Reported>(signal);
      if (const auto* ended = std::get_if<LaunchEnded>(&signal))
        start(slot_of[static_cast<std::size_t>(ended->launch.value)]);
    }
  }
  const double took =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  fmt::print("{{\"events_per_second\": {:.0f}, \"reports_per_second\": {:.0f}}}\n",
             static_cast<double>(sim->events()) / took, static_cast<double>(reports) / took);
}
