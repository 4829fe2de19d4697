#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/registry.h"
#include "base/check.h"
#include "sched/pbt_replay.h"

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

template <typename Policy>
struct Entry {
  AlgorithmInfo info;
  std::unique_ptr<Policy> (*make)(const StudySpec& spec, const Options& options);
};

using Schedulers = std::vector<Entry<sched::Scheduler>>;

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

/// In `registry_schedulers.cc`.
const Schedulers& schedulers();
/// Trials make room for each other themselves: no planner sees to it.
inline bool shares_slots(const StudySpec& spec) { return spec.planner.algorithm == "first-fit"; }
/// What pbt_replay is to replay. Empty if `check_scheduler` refuses it: a configuration that never
/// changes.
sched::Policy checked_policy(const StudySpec& spec);

}  // namespace clavier::app::registry
