#include "exec/sim/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "study/text.h"

namespace clavier::exec {

std::string value_text(const Value& value) {
  if (const auto number = value.number(); number && !value.as<bool>())
    return fmt::format("{}", *number);
  return text::plain(value);
}

std::string config_text(const Config& config) {
  std::vector<std::string> parts;
  for (const Config::Entry& entry : config.entries())
    parts.push_back(entry.name + "=" + value_text(entry.value));
  std::ranges::sort(parts);
  return fmt::format("{}", fmt::join(parts, " "));
}

}  // namespace clavier::exec
