#include "train/data/child.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

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
  std::string_view rest = path != nullptr ? path : "";
  while (!rest.empty()) {
    auto end = std::min(rest.find(':'), rest.size());
    auto file = std::filesystem::path(rest.substr(0, end)) / name;
    if (::access(file.c_str(), X_OK) == 0) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

}  // namespace clavier::train::data
