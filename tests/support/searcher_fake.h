#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "search/searcher.h"

namespace clavier::search {

/// A searcher that does as it is told, for tests of whoever asks one. Trial t gets the script's
/// t-th suggestion; past the script's end the searcher is exhausted.
class FakeSearcher final : public Searcher {
 public:
  explicit FakeSearcher(std::vector<Suggestion> script) : script_(std::move(script)) {}

  /// `trials` configurations `{"x": 0}`, `{"x": 1}`, …, then exhausted.
  static FakeSearcher counting(std::int64_t trials) {
    std::vector<Suggestion> script;
    for (std::int64_t trial = 0; trial < trials; ++trial) {
      Config config;
      config.set("x", trial);
      script.emplace_back(std::move(config));
    }
    return FakeSearcher(std::move(script));
  }

  Suggestion suggest(const State&, TrialId trial) const override {
    const auto index = static_cast<std::size_t>(trial.value);
    return index < script_.size() ? script_[index] : Exhausted{};
  }
  void observe(const Turn& turn, const State&) override { observed_.push_back(turn.id); }

  /// The ids of all turns it was told, in order.
  const std::vector<StepId>& observed() const { return observed_; }

 private:
  std::vector<Suggestion> script_;
  std::vector<StepId> observed_;
};

}  // namespace clavier::search
