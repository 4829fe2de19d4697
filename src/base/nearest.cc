#include "base/nearest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

namespace clavier {
namespace {

constexpr std::size_t kLongestName = 100;
constexpr std::size_t kLeastBeginning = 3;  ///< Of a name; fewer letters say too little.

/// Restricted Damerau-Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before = above;
    above = row;
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest(std::string_view wrong, std::span<const std::string> names) {
  if (wrong.size() > kLongestName) return {};
  const auto begins = [&](const std::string& name) { return name.starts_with(wrong); };
  if (wrong.size() >= kLeastBeginning && std::ranges::count_if(names, begins) == 1)
    return *std::ranges::find_if(names, begins);
  std::string best;
  std::size_t least = std::max<std::size_t>(1, wrong.size() / 3) + 1;
  for (const std::string& name : names) {
    const std::size_t d = distance(wrong, name);
    if (d < least && d < name.size()) {
      least = d;
      best = name;
    }
  }
  return best;
}

std::string meant_by(std::string_view wanted, std::span<const std::string> names) {
  if (std::string near = nearest(wanted, names); !near.empty()) return near;
  const auto related = [&](const std::string& name) {
    return name.find(wanted) != std::string::npos || wanted.find(name) != std::string::npos;
  };
  return std::ranges::count_if(names, related) == 1 ? *std::ranges::find_if(names, related) : "";
}

std::string suggestion(std::string_view wrong, std::span<const std::string> names) {
  const std::string best = nearest(wrong, names);
  if (!best.empty()) return fmt::format("; did you mean \"{}\"?", best);
  if (names.empty()) return {};
  constexpr std::size_t kMostNamed = 30;
  if (names.size() > kMostNamed)
    return fmt::format("; there are {}, and {} more", fmt::join(names.first(kMostNamed), ", "),
                       names.size() - kMostNamed);
  return fmt::format("; there {} {}", names.size() == 1 ? "is" : "are", fmt::join(names, ", "));
}

}  // namespace clavier
