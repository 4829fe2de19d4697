#include "app/study_file_problems.h"

#include <fmt/format.h>

#include <algorithm>

namespace clavier::app {

void Problems::add(Place place, std::string message) {
  found_.emplace_back(place, std::move(message));
}

Status Problems::status() const {
  if (found_.empty()) return {};
  auto sorted = found_;
  std::ranges::stable_sort(sorted, {}, &std::pair<Place, std::string>::first);
  std::string out;
  for (std::size_t i = 0; i < std::min(sorted.size(), kMostShown); ++i)
    out += fmt::format("{}{}: {}", i ? "\n" : "", source_.where(sorted[i].first), sorted[i].second);
  if (sorted.size() > kMostShown) out += fmt::format("\nand {} more", sorted.size() - kMostShown);
  return invalid(std::move(out));
}

}  // namespace clavier::app
