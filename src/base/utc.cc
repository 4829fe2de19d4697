#include "base/utc.h"

#include <fmt/format.h>

#include <chrono>

namespace clavier {
namespace {

std::string date(std::int64_t seconds, const char* pattern) {
  namespace chrono = std::chrono;
  const chrono::sys_seconds moment{chrono::seconds(seconds)};
  const auto day = chrono::floor<chrono::days>(moment);
  const chrono::year_month_day date{day};
  const chrono::hh_mm_ss time{moment - day};
  return fmt::format(fmt::runtime(pattern), static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

}  // namespace

std::string utc_text(std::int64_t seconds) {
  return date(seconds, "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC");
}

std::string utc_stamp(std::int64_t seconds) {
  return date(seconds, "{:04}-{:02}-{:02}_{:02}-{:02}-{:02}");
}

}  // namespace clavier
