#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "search/searcher.h"
#include "study/space.h"

namespace clavier::search {

/// A study without tuner: asks a searcher, folds what it says and keeps the log of it.
class SearchedStudy {
 public:
  explicit SearchedStudy(std::unique_ptr<Searcher> searcher,
                         Objectives objective = Objective{"loss", Mode::kMin})
      : searcher_(std::move(searcher)), state_(std::move(objective), RetryLimits{}) {
    turn(Opened{});
  }

  const State& state() const { return state_; }
  const std::vector<Step>& log() const { return log_; }
  const Searcher& searcher() const { return *searcher_; }
  TrialId next() const { return TrialId{static_cast<std::int64_t>(state_.trials().size())}; }

  /// One step: an input, then `trials` new ones, all asked for before any is created.
  void step(Input input, int trials) {
    turn(std::move(input));
    Fill& fill = log_.back().fill;
    fill.asked = true;
    for (int i = 0; i < trials; ++i) {
      const TrialId id{next().value + i};
      Suggestion suggestion = searcher_->suggest(state_, id);
      if (auto* config = std::get_if<Config>(&suggestion)) {
        fill.created.push_back({.id = id, .config = *config});
        fill.launches.push_back(
            {.id = LaunchId{id.value}, .members = {{.trial = id}}, .shares = {{SlotId{0}, 1}}});
      } else {
        fill.exhausted = std::holds_alternative<Exhausted>(suggestion);
        break;
      }
    }
    state_.apply(fill, state_.now());
  }
  void ask(int trials) { step(Signal(Deadline{}), trials); }
  /// The trial reports this, of further objectives what depends on it, and ends.
  void end(TrialId trial, double value, ExitKind kind = ExitKind::kCompleted) {
    std::vector<double> values{value};
    for (const Objective& each : state_.objective().further)
      values.push_back(std::cos(value * static_cast<double>(each.metric.size() + values.size())));
    end(trial, values, kind);
  }
  void end(TrialId trial, const std::vector<double>& values, ExitKind kind = ExitKind::kCompleted) {
    Report report{
        .trial = trial, .launch = LaunchId{trial.value}, .step = 1, .value = values.front()};
    for (std::size_t i = 1; i < values.size(); ++i)
      report.metrics.push_back({state_.objective().further[i - 1].metric, values[i]});
    turn(Signal(Reported{{std::move(report)}}));
    turn(Signal(Exited{.trial = trial, .launch = LaunchId{trial.value}, .kind = kind}));
  }
  void request(Config config) { turn(UserCommand(AddTrial{.config = std::move(config)})); }

  std::vector<Config> configs() const {
    std::vector<Config> out;
    for (const Trial& trial : state_.trials()) out.push_back(trial.config);
    return out;
  }

 private:
  void turn(Input input) {
    Step step;
    step.turn.id = StepId{static_cast<std::int64_t>(log_.size())};
    step.turn.time = study_time(step.turn.id.value * 1'000'000);
    step.turn.input = std::move(input);
    state_.apply(step.turn);
    searcher_->observe(step.turn, state_);
    log_.push_back(std::move(step));
  }

  std::unique_ptr<Searcher> searcher_;
  State state_;
  std::vector<Step> log_;
};

inline Config config_of(std::initializer_list<Config::Entry> entries) {
  Config config;
  for (const Config::Entry& entry : entries) config.set(entry.name, entry.value);
  return config;
}

inline double number(const Config& config, const char* name) {
  return *config.find(name)->number();
}

/// The unit square.
inline Space plane() {
  Space space;
  space.parameters = {{"x", Real{0, 1}}, {"y", Real{0, 1}}};
  return space;
}

/// Of the plane; 0 at (0.3, 0.6).
inline double bowl(const Config& config) {
  return std::pow(number(config, "x") - 0.3, 2) + std::pow(number(config, "y") - 0.6, 2);
}

/// The best of so many trials, `pending` at a time.
template <typename Loss>
double best_of(std::unique_ptr<Searcher> searcher, int trials, const Loss& loss, int pending = 1) {
  SearchedStudy study(std::move(searcher));
  for (TrialId done{0}; std::ssize(study.state().trials()) < trials;) {
    study.ask(pending);
    for (; done < study.next(); ++done.value)
      study.end(done, loss(study.state().trial(done).config));
  }
  return study.state().trial(*study.state().best()).best->value;
}

/// In one branch of it is the best, at v = 0.2.
inline Space branches() {
  Space space;
  space.parameters = {{"kind", Choice{{"a", "b", "c"}}},
                      {"u", Real{0, 1}, {{"kind", {"a"}}}},
                      {"v", Real{0, 1}, {{"kind", {"b"}}}}};
  return space;
}
inline double branch_loss(const Config& config) {
  const auto& kind = *config.find("kind")->as<std::string>();
  if (kind == "a") return 0.2 + std::pow(number(config, "u") - 0.5, 2);
  return kind == "b" ? std::pow(number(config, "v") - 0.2, 2) : 0.5;
}

/// Where one half of the plane fails: how many of the later half of the trials lie there.
inline int late_failures(std::unique_ptr<Searcher> searcher, int trials) {
  SearchedStudy study(std::move(searcher));
  int failed = 0;
  for (int i = 0; i < trials; ++i) {
    study.ask(1);
    const Config config = study.configs().back();
    const bool fails = number(config, "x") > 0.5;
    if (i >= trials / 2) failed += fails;
    study.end(TrialId{i}, fails ? std::nan("") : bowl(config));
  }
  return failed;
}

}  // namespace clavier::search
