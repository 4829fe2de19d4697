#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "study/value.h"

namespace clavier {

/// One configuration: names with their values, in the order of the search space. Nested tables
/// are flattened with a dot (`optimizer.lr`). Inactive conditional parameters are absent.
class Config {
 public:
  struct Entry {
    std::string name;
    Value value;
    friend bool operator==(const Entry&, const Entry&) = default;
  };

  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

  /// Null when absent. Valid until the next `set`.
  const Value* find(std::string_view name) const;
  /// Replaces in place or appends.
  void set(std::string_view name, Value value);
  /// Appends without looking. REQUIRES: find(name) is null.
  void append(std::string_view name, Value value) {
    entries_.push_back({std::string(name), std::move(value)});
  }

  friend bool operator==(const Config&, const Config&) = default;

 private:
  std::vector<Entry> entries_;
};

/// The same names with the same values, whatever their order.
bool same_config(const Config& a, const Config& b);

}  // namespace clavier
