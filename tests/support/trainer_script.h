#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/trainer/run_trial.h"

namespace clavier::train::testing {

/// Plays the tuner: takes reports, saves every one, stops at a given step.
class Script : public worker::TrialContext {
 public:
  Script(std::filesystem::path directory, Steps stop, std::int64_t trial = 3)
      : trial_{trial}, directory_(std::move(directory)), stop_(stop) {}

  TrialId trial() const override { return trial_; }
  const Config& config() const override { return config_; }
  const std::filesystem::path& directory() const override { return directory_; }
  std::optional<std::filesystem::path> checkpoint() const override { return checkpoint_; }
  int takeovers() const override { return takeovers_; }
  double width() const override { return width_; }
  worker::Verdict report(const std::vector<Metric>& metrics, std::optional<Steps> step,
                         const std::function<void(const std::filesystem::path&)>& save) override {
    steps_.push_back(*step);
    metrics_.push_back(metrics);
    saved_ = directory_ / ("at_" + std::to_string(*step));
    std::filesystem::create_directories(saved_);
    save(saved_);
    if (on_report_) on_report_(*step);
    if (const auto donor = std::exchange(exploit_, {})) {
      checkpoint_ = donor->checkpoint;
      config_ = donor->config;
      ++takeovers_;
    }
    return *step >= stop_ ? worker::Verdict::kLeave : worker::Verdict::kGoOn;
  }
  bool should_stop() const override { return ++asked_ == told_at_; }
  Steps step() const override { return 0; }
  Steps until() const override { return until_; }

  /// Every metric of a report that is no time.
  std::vector<Metric> results(std::size_t report) const {
    std::vector<Metric> kept;
    for (const Metric& metric : metrics_.at(report))
      if (!metric.name.starts_with("time_")) kept.push_back(metric);
    return kept;
  }
  double value(std::size_t report, std::string_view name) const {
    for (const Metric& metric : metrics_.at(report))
      if (metric.name == name) return metric.value;
    return std::nan("");
  }

  struct Donor {
    std::filesystem::path checkpoint;
    Config config;
  };
  std::optional<Donor> exploit_;  ///< Obeyed at the next report.
  std::function<void(Steps)> on_report_;
  int takeovers_ = 0;
  Steps until_ = kForever;
  mutable int asked_ = 0;
  int told_at_ = 0;  ///< The question that is answered by yes.
  Config config_;
  TrialId trial_;
  std::filesystem::path directory_;
  Steps stop_;
  double width_ = 1;
  std::optional<std::filesystem::path> checkpoint_;
  std::vector<Steps> steps_;
  std::vector<std::vector<Metric>> metrics_;
  std::filesystem::path saved_;
};

/// A launch of such trials.
class ScriptedLaunch : public worker::LaunchContext {
 public:
  explicit ScriptedLaunch(const std::vector<Script*>& trials)
      : members_(trials.begin(), trials.end()) {}

  const std::vector<worker::TrialContext*>& members() const override { return members_; }
  std::int64_t shares() const override { return 1; }
  std::int64_t rank() const override { return 0; }
  void report(const std::vector<worker::MemberReport>& reports) override {
    ++boundaries_;
    const auto there = members_;
    for (const worker::MemberReport& each : reports)
      for (worker::TrialContext* trial : there)
        if (trial->trial() == each.trial &&
            trial->report(each.metrics, each.step, each.save) == worker::Verdict::kLeave)
          leave(each.trial);
  }
  void leave(TrialId trial) override {
    std::erase_if(members_, [&](const auto* each) { return each->trial() == trial; });
  }
  void fail(TrialId trial, const std::string& error) override {
    failed_[trial.value] = error;
    leave(trial);
  }

  int boundaries_ = 0;
  std::map<std::int64_t, std::string> failed_;

 private:
  std::vector<worker::TrialContext*> members_;
};

/// One trial alone; throws its failure.
inline void run(Trainer& trainer, Script& trial) {
  ScriptedLaunch launch({&trial});
  trainer.run(launch);
  for (const auto& [id, error] : launch.failed_) throw std::runtime_error(error);
}

}  // namespace clavier::train::testing
