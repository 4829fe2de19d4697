#include "app/file/study_file_problems.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace clavier::app {

void Problems::add(Place place, std::string message) {
  found_.emplace_back(place, std::move(message));
}

std::vector<std::string> Problems::in_order(Lines lines) const {
  std::ranges::stable_sort(lines, {}, &Lines::value_type::first);
  std::vector<std::string> out;
  for (const auto& [place, message] : lines)
    out.push_back(fmt::format("{}: {}", source_.where(place), message));
  return out;
}

std::vector<std::string> Problems::notes() const { return in_order(notes_); }

Status Problems::status() const {
  if (found_.empty()) return {};
  auto lines = in_order(found_);
  if (lines.size() > kMostShown) {
    lines[kMostShown] = fmt::format("and {} more", lines.size() - kMostShown);
    lines.resize(kMostShown + 1);
  }
  return invalid(fmt::format("{}", fmt::join(lines, "\n")));
}

}  // namespace clavier::app
