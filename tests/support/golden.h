#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/support/scheduler_desk.h"

/// Traces that `bench/peers/ray_traces.py` recorded from Ray's own scheduler objects.
namespace clavier::sched::golden {

inline nlohmann::json read(const std::string& name) {
  std::ifstream file(std::string(CLAVIER_SCHED_TESTDATA) + "/" + name);
  EXPECT_TRUE(file.good()) << name;
  return nlohmann::json::parse(file);
}

inline std::optional<double> value(const nlohmann::json& json) {
  if (json.is_null()) return std::nullopt;
  if (json.is_number()) return json.get<double>();
  if (json == "NaN") return std::numeric_limits<double>::quiet_NaN();
  return json == "Infinity" ? INFINITY : -INFINITY;
}

inline Mode mode(const nlohmann::json& test) {
  return test.at("mode") == "min" ? Mode::kMin : Mode::kMax;
}

/// As Ray names it.
inline std::string letter(const std::optional<Decision>& decision) {
  if (is<Stop>(decision) || is<Complete>(decision)) return "S";
  return is<Pause>(decision) ? "P" : "C";
}

}  // namespace clavier::sched::golden
