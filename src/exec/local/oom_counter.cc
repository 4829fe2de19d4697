#include "exec/local/oom_counter.h"

#include <fstream>
#include <string_view>

namespace clavier::exec {
namespace {

std::int64_t oom_kills_in(const std::string& file) {
  std::ifstream in(file);
  std::string key;
  std::int64_t value = 0;
  while (in >> key >> value)
    if (key == "oom_kill") return value;
  return 0;
}

// "7:memory:/path" or "0::/path" gives "/path" for the wanted controller.
bool names_controller(std::string_view line, std::string_view controller, std::string& path) {
  const auto first = line.find(':');
  const auto second = line.find(':', first + 1);
  if (second == std::string_view::npos) return false;
  if (line.substr(first + 1, second - first - 1) != controller) return false;
  path = line.substr(second + 1);
  return true;
}

}  // namespace

std::int64_t oom_kills(const std::string& root) {
  std::ifstream groups(root + "/proc/self/cgroup");
  std::int64_t kills = 0;
  for (std::string line, path; std::getline(groups, line);) {
    if (names_controller(line, "memory", path))
      kills += oom_kills_in(root + "/sys/fs/cgroup/memory" + path + "/memory.oom_control");
    if (names_controller(line, "", path))
      kills += oom_kills_in(root + "/sys/fs/cgroup" + path + "/memory.events");
  }
  return kills;
}

}  // namespace clavier::exec
