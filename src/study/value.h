#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace clavier {

/// One setting of a parameter: nothing, a truth value, a number, text, or a list of such.
struct Value {
  using List = std::vector<Value>;
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List> data;

  Value() = default;
  Value(bool value) : data(value) {}
  Value(int value) : data(std::int64_t{value}) {}
  Value(std::int64_t value) : data(value) {}
  Value(double value) : data(value) {}
  Value(const char* value) : data(std::string(value)) {}
  Value(std::string value) : data(std::move(value)) {}
  Value(List value) : data(std::move(value)) {}

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&data);
  }

  /// Integers and reals as a real, truth values as 0 or 1; nothing for the rest.
  std::optional<double> number() const;

  /// Exact: `1` and `1.0` differ, as they do in a study file.
  friend bool operator==(const Value&, const Value&) = default;
};

/// Equal as a user sees it: `1` and `1.0` are the same number, also in lists.
bool same_value(const Value& a, const Value& b);

}  // namespace clavier
