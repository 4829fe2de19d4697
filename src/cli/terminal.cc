#include "cli/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string_view>

namespace clavier::cli {

std::optional<report::ConsoleSize> terminal_size() {
  if (!::isatty(STDOUT_FILENO)) return {};
  report::ConsoleSize size;
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0) {
    size.columns = window.ws_col;
    if (window.ws_row > 0) size.rows = window.ws_row;
  }
  return size;
}

report::Colour terminal_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool plain = (no_colour && *no_colour) || !terminal || std::string_view(terminal) == "dumb";
  return plain || !terminal_size() ? report::Colour::kOff : report::Colour::kOn;
}

void prepare_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  // open() gives the lowest free number: those below 3 are filled, the first above is given back.
  for (;;) {
    const int fd = ::open("/dev/null", O_RDWR);
    if (fd < 0) return;
    if (fd <= STDERR_FILENO) continue;
    ::close(fd);
    return;
  }
}

}  // namespace clavier::cli
