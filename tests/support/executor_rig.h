#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "exec/local/local_executor.h"
#include "tests/support/scratch_directory.h"

namespace clavier::exec {

/// A study's folder with a local executor of one or more slots, and the signals it gives.
class ExecutorRig : public testing::Test {
 protected:
  void SetUp() override {
    options_.study = study_;
    options_.metric = "loss";
    options_.guard = CLAVIER_GUARD;
    options_.command = {CLAVIER_TEST_WORKER};
    options_.node = {.id = NodeId{0}, .host = "here", .cpus = 2};
    for (int i = 0; i < 2; ++i) options_.node.slots.push_back({.id = SlotId{i}, .node = NodeId{0}});
  }

  LocalExecutor& executor() {
    if (!executor_) {
      auto made = LocalExecutor::create(options_, waker_);
      CHECK(made.ok());
      executor_ = std::move(*made);
      const auto joined = executor_->wait(kNever);
      CHECK(joined.size() == 1 && std::holds_alternative<NodeJoined>(joined.front()));
    }
    return *executor_;
  }

  void shell(std::string script) { options_.command = {"sh", "-c", std::move(script)}; }

  Order order(int number, Config config = {}, Steps until = kForever) {
    Order order;
    order.slots = {options_.node.slots[static_cast<std::size_t>(number) % 2]};
    order.launch = {.id = LaunchId{100 + number},
                    .members = {{.trial = TrialId{number}, .until = until}},
                    .shares = {{.slot = order.slots[0].id}}};
    order.members = {{.config = std::move(config), .directory = "trial_" + std::to_string(number)}};
    return order;
  }
  static Config mode(const char* mode, std::int64_t steps = 1) {
    Config config;
    config.set("mode", mode);
    config.set("steps", steps);
    return config;
  }
  Message message(int number, decltype(Message::content) content) {
    return {LaunchId{100 + number}, TrialId{number}, std::move(content)};
  }

  /// The next signal of type T; every other one is kept in `seen_`. Fails after ten seconds.
  template <typename T>
  T next() {
    for (;;) {
      while (!queue_.empty()) {
        Signal signal = std::move(queue_.front());
        queue_.erase(queue_.begin());
        if (T* wanted = std::get_if<T>(&signal)) return std::move(*wanted);
        seen_.push_back(std::move(signal));
      }
      auto signals = executor().wait(executor().now() + std::chrono::seconds(10));
      if (signals.size() == 1 && std::holds_alternative<Deadline>(signals.front())) {
        ADD_FAILURE() << "nothing happened for ten seconds";
        return {};
      }
      queue_.insert(queue_.end(), signals.begin(), signals.end());
    }
  }
  Report next_report() {
    auto reported = next<Reported>();
    return reported.reports.empty() ? Report{} : reported.reports.front();
  }
  Exited run(Order order) {
    executor().start(std::move(order));
    Exited exited = next<Exited>();
    EXPECT_EQ(next<LaunchEnded>().launch, exited.launch);
    return exited;
  }
  std::vector<Report> reports_seen() const {
    std::vector<Report> result;
    for (const Signal& signal : seen_)
      if (const auto* reported = std::get_if<Reported>(&signal))
        result.insert(result.end(), reported->reports.begin(), reported->reports.end());
    return result;
  }
  std::string file(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(study_ / name).rdbuf();
    return text.str();
  }

  ScratchDirectory folder_;
  std::filesystem::path study_ = folder_.path();
  LocalOptions options_;
  Waker waker_ = *Waker::create();
  std::unique_ptr<LocalExecutor> executor_;
  std::vector<Signal> queue_;
  std::vector<Signal> seen_;
};

}  // namespace clavier::exec
