#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

/// Finding and killing what workers have started, when no guard does it any more.
namespace clavier::exec {

/// In the environment of every guard, and so of all that its worker starts: whose it is. Marks
/// nest: the study's begins the run's, and that the worker's.
inline constexpr const char* kMarkVariable = "CLAVIER_MARK";

/// Of all processes that ever work for the study in this folder, wherever it is moved on its disk.
std::string study_mark(const std::filesystem::path& study);
/// Of those of one run of this process; no other run has it.
std::string run_mark(const std::filesystem::path& study);

struct ProcessFacts {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  bool guard = false;
};
/// The living, as /proc shows them; zombies are not among them.
std::vector<ProcessFacts> living_processes();

/// Kills every process whose mark begins with `mark` or which is of `session` (0: of none), with
/// all their descendants, until none is left or kKillPatience has passed; but neither this process
/// nor its ancestors. Guards among them have noticed the end of their tuner and are at it
/// themselves, so they get kGuardPatience first. Returns how many are left: what waits for a disk
/// or a device in the kernel cannot be killed.
int kill_marked(const std::string& mark, pid_t session = 0);

/// What a guard calls itself, as /proc shows it.
inline constexpr const char* kGuardName = "clavier-guard";

inline constexpr std::chrono::milliseconds kKillPatience{5000};
inline constexpr std::chrono::milliseconds kGuardPatience{1000};

}  // namespace clavier::exec
