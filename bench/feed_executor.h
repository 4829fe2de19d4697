#pragma once

#include <deque>
#include <string>

#include "exec/executor.h"
#include "worker/protocol.h"

namespace clavier::bench {

/// Workers that cost nothing: each live trial writes report lines of three metrics, which pass
/// through the same decoder as those of real workers. What remains is the tuner's own work.
class FeedExecutor final : public exec::Executor {
 public:
  FeedExecutor(int slots, Steps steps) : steps_(steps) {
    Node node{.id = NodeId{0}, .host = "bench"};
    for (int i = 0; i < slots; ++i) node.slots.push_back({.id = SlotId{i}, .node = NodeId{0}});
    signals_.push_back(NodeJoined{node});
  }

  void start(exec::Order order) override {
    const Member& member = order.launch.members.front();
    live_.push_back({member.trial, order.launch.id, 0, member.until});
  }

  void send(const exec::Message& message) override {
    for (auto trial = live_.begin(); trial != live_.end(); ++trial) {
      if (trial->launch != message.launch) continue;
      if (const auto* go_on = std::get_if<exec::ContinueTo>(&message.content)) {
        trial->until = go_on->until;
      } else {
        leave(*trial, ExitKind::kStopped);
        live_.erase(trial);
      }
      return;
    }
  }

  void discard(const std::string&) override {}
  bool replay(const Step&) override { return false; }

  std::vector<Signal> wait(StudyTime) override {
    now_ += std::chrono::microseconds(20);
    for (std::size_t i = 0; i < live_.size() && signals_.size() < 8;) {
      Live& trial = live_[i];
      if (trial.step >= trial.until) {
        ++i;
        continue;
      }
      ++trial.step;
      signals_.push_back(decode(trial));
      if (trial.step >= steps_) {
        leave(trial, ExitKind::kCompleted);
        live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
    std::vector<Signal> batch(std::make_move_iterator(signals_.begin()),
                              std::make_move_iterator(signals_.end()));
    signals_.clear();
    return batch;
  }

  StudyTime now() const override { return now_; }

 private:
  struct Live {
    TrialId trial;
    LaunchId launch;
    Steps step = 0;
    Steps until = kForever;
  };

  Signal decode(const Live& trial) {
    const double progress = static_cast<double>(trial.step) / static_cast<double>(steps_);
    const double loss = 1.0 / (1.0 + progress) + 1e-6 * static_cast<double>(trial.trial.value % 97);
    line_.clear();
    worker::encode(
        worker::ReportLine{.trial = trial.trial,
                           .launch = trial.launch,
                           .step = trial.step,
                           .seconds = 0.01,
                           .metrics = {{"loss", loss}, {"accuracy", 1 - loss}, {"lr", 1e-3}}},
        line_);
    line_.pop_back();
    auto decoded = worker::decode_from_worker(line_);
    auto& report = std::get<worker::ReportLine>(*decoded);
    Report result{.trial = *report.trial, .launch = *report.launch, .step = *report.step};
    result.seconds = *report.seconds;
    result.metrics = std::move(report.metrics);
    for (const Metric& metric : result.metrics)
      if (metric.name == "loss") result.value = metric.value;
    return Reported{{std::move(result)}};
  }

  void leave(const Live& trial, ExitKind kind) {
    signals_.push_back(Exited{trial.trial, trial.launch, kind});
    signals_.push_back(LaunchEnded{trial.launch});
  }

  Steps steps_;
  StudyTime now_{};
  std::vector<Live> live_;
  std::deque<Signal> signals_;
  std::string line_;
};

}  // namespace clavier::bench
