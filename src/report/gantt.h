#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/timeline.h"

namespace clavier::report {

/// The timeline as a picture: a row per slot, a bar per leg with its facts as hover title, absences
/// hatched, a line at the lower bound (seconds; 0: none). One SVG file that needs nothing else and
/// follows the viewer's light or dark scheme. Bars beyond 20,000 are left out, and it says so.
std::string gantt_svg(const Timeline& timeline, const std::string& title, double bound = 0);

/// The same in characters: a row per slot, at most `rows` of them, the fastest first. A cell shows
/// the trial that had most of its time, as its number's last digit or letter of base 36; `.` is
/// idle.
std::vector<std::string> gantt_text(const Timeline& timeline, std::size_t width, std::size_t rows);

}  // namespace clavier::report
