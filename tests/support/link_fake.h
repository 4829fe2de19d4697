#pragma once

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "worker/trial_session.h"

namespace clavier::worker {

/// A tuner in a list: what it will say, and what it was told.
class FakeLink final : public Link {
 public:
  /// Messages that are there already.
  std::deque<ToWorker> arrived;
  /// Asked when the trial waits; none left: QuitLine.
  std::deque<ToWorker> answers;
  /// Happens while the trial waits.
  std::function<void()> before_answer = [] {};
  std::vector<FromWorker> told;

  std::vector<Steps> reported() const {
    std::vector<Steps> steps;
    for (const FromWorker& message : told)
      if (const auto* report = std::get_if<ReportLine>(&message)) steps.push_back(*report->step);
    return steps;
  }
  std::vector<std::string> checkpoints() const {
    std::vector<std::string> names;
    for (const FromWorker& message : told)
      if (const auto* saved = std::get_if<CheckpointLine>(&message))
        names.push_back(saved->checkpoint);
    return names;
  }

  void send(ReportLine report) override { told.emplace_back(std::move(report)); }
  void send(CheckpointLine saved) override { told.emplace_back(std::move(saved)); }
  void send(ExitedLine exited) override { told.emplace_back(std::move(exited)); }
  std::optional<ToWorker> receive(Wait wait) override {
    if (!arrived.empty()) return pop(arrived);
    if (wait == Wait::kNo) return {};
    before_answer();
    if (!answers.empty()) return pop(answers);
    return QuitLine{};
  }

 private:
  static ToWorker pop(std::deque<ToWorker>& from) {
    ToWorker first = std::move(from.front());
    from.pop_front();
    return first;
  }
};

}  // namespace clavier::worker
