#include "exec/local/worker_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include "base/fd.h"

// Why so. A guard is the subreaper of its worker and finds everything below it by its parents. When
// the guard is killed, the kernel hands its orphans to somebody else, and kinship says nothing any
// more. Two traces stay with a process whatever becomes of its parents: its environment, unless it
// overwrites it, and its session, unless it opens its own. Who loses both is most often still the
// child of one that did not. (A control group would hold them all, but few users may make one.)

namespace clavier::exec {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxEnvironmentBytes = std::size_t{4} << 20;
constexpr std::chrono::milliseconds kBetweenRounds{2};
// Without a find, where some could not be told: there are always others that come and go.
constexpr int kEmptyRounds = 3;
constexpr std::chrono::milliseconds kBecomingPatience{1000};

std::string read_proc(pid_t pid, const char* file, std::size_t limit) {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/%s", pid, file);
  const Fd fd(::open(path.data(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t size = 0;
       fd && text.size() < limit && (size = ::read(fd.get(), buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(size));
  return text;
}

// "PID (NAME) STATE PARENT GROUP SESSION …", where the name may hold anything.
std::optional<ProcessFacts> facts_of(pid_t pid) {
  const std::string text = read_proc(pid, "stat", 1024);
  const auto open = text.find('(');
  const auto bracket = text.rfind(')');
  ProcessFacts facts{.pid = pid};
  char state = 0;
  if (bracket == text.npos || std::sscanf(text.c_str() + bracket, ") %c %d %*d %d", &state,
                                          &facts.parent, &facts.session) != 3)
    return std::nullopt;
  if (state == 'Z' || state == 'X') return std::nullopt;
  facts.guard = text.compare(open + 1, bracket - open - 1, kGuardName) == 0;
  return facts;
}

enum class Mark {
  kHas,
  kHasNot,
  kGone,      // It has ended since it was listed; what it had started last is not listed.
  kBecoming,  // It is becoming another program just now and shows no environment.
};

// "env_end", the last but one of the numbers in /proc/PID/stat; 0 between two programs.
bool has_environment(const std::string& stat) {
  constexpr int kAfterName = 49;
  std::istringstream words(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  std::string word;
  for (int i = 0; i < kAfterName; ++i) words >> word;
  return words && word != "0";
}

Mark mark_of(const ProcessFacts& process, const std::string& mark) {
  constexpr pid_t kKernel = 2;  // The parent of all the kernel's own.
  const std::string wanted = fmt::format("{}={}", kMarkVariable, mark);
  errno = 0;
  const std::string environment = read_proc(process.pid, "environ", kMaxEnvironmentBytes);
  if (environment.starts_with(wanted) || environment.find('\0' + wanted) != environment.npos)
    return Mark::kHas;
  if (!environment.empty() || errno == EACCES || errno == EPERM || process.pid == kKernel ||
      process.parent == kKernel)
    return Mark::kHasNot;
  if (!facts_of(process.pid)) return Mark::kGone;
  return has_environment(read_proc(process.pid, "stat", 1024)) ? Mark::kHasNot : Mark::kBecoming;
}

std::set<pid_t> ourselves_and_ancestors(const std::vector<ProcessFacts>& all) {
  std::map<pid_t, pid_t> parents;
  for (const ProcessFacts& each : all) parents[each.pid] = each.parent;
  std::set<pid_t> line;
  for (pid_t pid = ::getpid(); pid > 0 && line.insert(pid).second;) pid = parents[pid];
  return line;
}

struct Search {
  std::vector<ProcessFacts> found;
  bool some_gone = false;
  bool some_becoming = false;
};

Search search(const std::string& mark, pid_t session) {
  std::vector<ProcessFacts> rest = living_processes();
  const std::set<pid_t> spared = ourselves_and_ancestors(rest);
  std::erase_if(rest, [&](const ProcessFacts& each) { return spared.contains(each.pid); });
  Search result;
  std::vector<ProcessFacts>& found = result.found;
  std::set<pid_t> pids;
  const auto move_if = [&](auto belongs) {
    const std::size_t before = found.size();
    std::erase_if(rest, [&](const ProcessFacts& each) {
      if (!belongs(each)) return false;
      found.push_back(each);
      return true;
    });
    for (std::size_t i = before; i < found.size(); ++i) pids.insert(found[i].pid);
    return found.size() > before;
  };
  move_if([&](const ProcessFacts& each) {
    if (session > 0 && each.session == session) return true;
    const Mark has = mark_of(each, mark);
    result.some_gone |= has == Mark::kGone;
    result.some_becoming |= has == Mark::kBecoming;
    return has == Mark::kHas;
  });
  while (move_if([&](const ProcessFacts& each) { return pids.contains(each.parent); })) {
  }
  return result;
}

}  // namespace

std::string study_mark(const std::filesystem::path& study) {
  struct stat info {};
  if (::stat(study.c_str(), &info) != 0) return {};
  return fmt::format("{}:{}:", info.st_dev, info.st_ino);
}

std::string run_mark(const std::filesystem::path& study) {
  return fmt::format("{}{}-{}/", study_mark(study), ::getpid(),
                     Clock::now().time_since_epoch().count());
}

std::vector<ProcessFacts> living_processes() {
  std::vector<ProcessFacts> result;
  DIR* proc = ::opendir("/proc");
  if (!proc) return result;
  while (const dirent* entry = ::readdir(proc)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    if (const auto facts = facts_of(std::atoi(entry->d_name))) result.push_back(*facts);
  }
  ::closedir(proc);
  return result;
}

// Stopped first: who is stopped starts nobody, so a round that finds no new one has found all.
int kill_marked(const std::string& mark, pid_t session) {
  if (mark.empty()) return 0;
  const auto begun = Clock::now();
  std::set<pid_t> stopped;
  auto last_found = begun;
  for (int empty = 1;; ++empty) {
    const auto [found, some_gone, some_becoming] = search(mark, session);
    const auto spent = Clock::now() - begun;
    if (!found.empty()) {
      last_found = Clock::now();
      empty = 0;
    }
    const bool wait = (some_gone && empty < kEmptyRounds) ||
                      (some_becoming && Clock::now() - last_found < kBecomingPatience);
    if ((found.empty() && !wait) || spent > kKillPatience) return static_cast<int>(found.size());
    bool news = false;
    for (const ProcessFacts& each : found) {
      const bool at_it = each.guard && spent < kGuardPatience;
      if (at_it) ::kill(each.pid, SIGCONT);
      if (at_it || !stopped.insert(each.pid).second) continue;
      ::kill(each.pid, SIGSTOP);
      news = true;
    }
    // Those that are started faster than they can be looked for are killed as they come.
    if (news && spent < kKillPatience / 2) continue;
    for (const ProcessFacts& each : found)
      if (stopped.contains(each.pid)) ::kill(each.pid, SIGKILL);
    std::this_thread::sleep_for(kBetweenRounds);
  }
}

}  // namespace clavier::exec
