#include "study/config.h"

#include <algorithm>

namespace clavier {

const Value* Config::find(std::string_view name) const {
  const auto at = std::ranges::find(entries_, name, &Entry::name);
  return at == entries_.end() ? nullptr : &at->value;
}

void Config::set(std::string_view name, Value value) {
  const auto at = std::ranges::find(entries_, name, &Entry::name);
  if (at == entries_.end())
    entries_.push_back({std::string(name), std::move(value)});
  else
    at->value = std::move(value);
}

bool same_config(const Config& a, const Config& b) {
  return a.entries().size() == b.entries().size() &&
         std::ranges::all_of(a.entries(), [&](const Config::Entry& entry) {
           const Value* other = b.find(entry.name);
           return other && same_value(entry.value, *other);
         });
}

}  // namespace clavier
