#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/match.h"
#include "exec/sim/sim_executor.h"

namespace clavier::exec {

/// Loses 1 / step, for so many steps.
inline Curve steady(Steps steps = kForever) {
  Curve curve;
  curve.metrics = [](const Config&, TrialId, Steps step, std::uint64_t) {
    return std::vector<Metric>{{"loss", 1.0 / static_cast<double>(step)}};
  };
  curve.steps = [steps](const Config&) { return steps; };
  return curve;
}

/// One node.
inline SimOptions on_slots(std::vector<double> speeds) {
  SimOptions options;
  options.metric = "loss";
  options.nodes.front().slots.clear();
  for (const double speed : speeds) options.nodes.front().slots.push_back({.speed = speed});
  return options;
}

/// A simulator with short ways to start and talk to trials. Launch and trial have one number.
class SimTest : public testing::Test {
 protected:
  void build(SimOptions options, Curve curve = steady()) {
    sim_ = SimExecutor::create(std::move(options), std::move(curve)).value();
    nodes_ = sim_->wait(kNever);
  }
  void start(std::int64_t trial, std::int64_t slot = 0, Steps until = kForever, int attempt = 1,
             std::optional<Checkpoint> from = {}) {
    Order order;
    order.launch.id = LaunchId{launch_of_[trial] = next_launch_++};
    order.launch.members = {{TrialId{trial}, attempt, from, until}};
    order.launch.shares = {{SlotId{slot}, 1.0}};
    order.members = {{.directory = "t" + std::to_string(trial)}};
    sim_->start(order);
  }
  template <typename Content>
  void tell(std::int64_t trial, Content content) {
    sim_->send({LaunchId{launch_of_[trial]}, TrialId{trial}, content});
  }
  /// One line per signal until `seconds`: "1.5 report 0 @3".
  std::vector<std::string> story(double until_seconds) {
    std::vector<std::string> lines;
    const StudyTime limit = StudyTime(from_seconds(until_seconds));
    for (;;) {
      for (const Signal& signal : sim_->wait(limit)) {
        if (std::holds_alternative<Deadline>(signal)) return lines;
        lines.push_back(std::to_string(seconds(sim_->now())).substr(0, 5) + " " + words(signal));
      }
    }
  }
  static std::string words(const Signal& signal) {
    const auto number = [](auto id) { return std::to_string(id.value); };
    return match(
        signal,
        [&](const Reported& each) {
          const Report& report = each.reports.front();
          return "report " + number(report.trial) + " @" + std::to_string(report.step) +
                 (report.checkpoint ? " saved" : "");
        },
        [&](const CheckpointSaved& each) { return "saved " + number(each.checkpoint.trial); },
        [&](const CheckpointVoid& each) { return "void " + number(each.checkpoint.trial); },
        [&](const Exited& each) {
          const char* const kinds[] = {"completed", "stopped", "paused",
                                       "failed",    "lost",    "refused"};
          return kinds[static_cast<int>(each.kind)] + (" " + number(each.trial));
        },
        [&](const LaunchEnded& each) { return "ended " + number(each.launch); },
        [](const Waiting&) { return std::string("waiting"); },
        [&](const NodeJoined& each) { return "joined " + number(each.node.id); },
        [&](const NodeLost& each) { return "node lost " + number(each.node); },
        [](const Deadline&) { return std::string("deadline"); });
  }
  using Story = std::vector<std::string>;

  std::unique_ptr<SimExecutor> sim_;
  std::vector<Signal> nodes_;
  std::map<std::int64_t, std::int64_t> launch_of_;

 private:
  std::int64_t next_launch_ = 0;
};

}  // namespace clavier::exec
