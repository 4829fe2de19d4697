#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/registry/registry.h"
#include "base/check.h"

/// What the tables behind the registry are made of; for its own files alone.
namespace clavier::app::registry {

inline constexpr double kMany = 1e15;

/// Checked options with their defaults, by name.
class Options {
 public:
  explicit Options(const AlgorithmSpec& spec) : config_(spec.options) {}
  std::int64_t whole(std::string_view name) const { return *get(name).as<std::int64_t>(); }
  double real(std::string_view name) const { return *get(name).as<double>(); }
  const std::string& text(std::string_view name) const { return *get(name).as<std::string>(); }
  bool flag(std::string_view name) const { return *get(name).as<bool>(); }
  const Value::List& list(std::string_view name) const { return *get(name).as<Value::List>(); }

 private:
  const Value& get(std::string_view name) const {
    const Value* value = config_.find(name);
    CHECK(value, "an option that `complete` did not fill in");
    return *value;
  }
  const Config& config_;
};

/// One line of a table. `options` are those of its own `AlgorithmSpec`, checked and complete.
template <typename Policy>
struct Entry {
  AlgorithmInfo info;
  /// Null: it is not there any more (`info.instead`).
  std::unique_ptr<Policy> (*make)(const StudySpec& spec, const Options& options) = nullptr;
  /// What only the whole study shows to be wrong with it; null: nothing.
  Status (*check)(const StudySpec& spec, const Options& options) = nullptr;
  /// Every so many steps its trials must save themselves; null: it does not care.
  Steps (*checkpoints_needed)(const StudySpec& spec, const Options& options) = nullptr;
  /// It takes trials off their slots while others go on; null: it does not.
  bool (*pauses)(const Options& options) = nullptr;
  /// Where it compares trials, and their end: steps, ascending; null: it has no rungs.
  std::vector<Steps> (*rungs)(const Options& options) = nullptr;
  /// The space as this choice makes it; null: as it is.
  Space (*space)(const StudySpec& spec, const Options& options) = nullptr;
  /// What it does now, and why, beyond its name; null: nothing.
  std::string (*explain)(const StudySpec& spec, const State& state) = nullptr;
};
template <typename Policy>
using Table = std::vector<Entry<Policy>>;

/// A number of steps or trials with this default.
inline OptionSpec count(std::string_view name, std::int64_t fallback, std::string_view help) {
  return {name, fallback, 1, kMany, {}, help};
}
inline OptionSpec real(std::string_view name, double fallback, double low, std::string_view help) {
  return {name, fallback, low, kMany, {}, help};
}
inline OptionSpec flag(std::string_view name, bool fallback, std::string_view help) {
  return {name, fallback, 0, 0, {}, help};
}
/// Any text.
inline OptionSpec free_text(std::string_view name, std::string_view help) {
  return {name, "", 0, 0, {}, help};
}
/// One of these words.
inline OptionSpec word(std::string_view name, const char* fallback, std::vector<std::string> words,
                       std::string_view help) {
  return {name, fallback, 0, 0, std::move(words), help};
}

/// Each in a file of its own.
const Table<search::Searcher>& searchers();
const Table<sched::Scheduler>& schedulers();
const Table<cluster::Planner>& planners();

/// Trials make room for each other themselves: no planner sees to it.
inline bool shares_slots(const StudySpec& spec) {
  return !traits_of(Family::kPlanner, spec.planner).multiplexes;
}

}  // namespace clavier::app::registry
