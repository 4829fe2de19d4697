#include "train/data/child.h"

#include <poll.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace clavier::train::data {

Result<ProcessEnd> run_program(const std::vector<std::string>& command, int inherited) {
  SpawnOptions options;
  options.program = command.front();
  options.argv = command;
  options.environment = own_environment();
  options.death_signal = SIGTERM;
  if (inherited >= 0) options.descriptors.push_back({inherited, 3});
  Process process = TRY(Process::spawn(options));
  for (;;) {
    pollfd end{process.end_fd(), POLLIN, 0};
    if (::poll(&end, 1, -1) < 0 && errno != EINTR) return io_error("cannot wait for a program");
    if (auto how = process.reap()) return *how;
  }
}

bool has_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  return path && !find_program(name, path).empty();
}

}  // namespace clavier::train::data
