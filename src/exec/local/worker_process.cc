#include "exec/local/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "exec/local/worker_tree.h"

namespace clavier::exec {
namespace {

struct Ends {
  Fd ours, theirs;
};

Error no_room(const char* what) {
  return unavailable(fmt::format("cannot start a worker: {}: {}", what, std::strerror(errno)));
}

// Whatever a worker does with its ends, ours never block. Its own stay blocking: a program does not
// expect its output to refuse.
Ends ends_of(const std::array<int, 2>& fds) {
  ::fcntl(fds[0], F_SETFL, O_NONBLOCK);
  return {Fd(fds[0]), Fd(fds[1])};
}

Result<Ends> socket_pair(int type) {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds.data()) != 0) return no_room("no socket");
  return ends_of(fds);
}

Result<Ends> output_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) return no_room("no pipe");
  return ends_of(fds);
}

}  // namespace

Result<WorkerProcess> WorkerProcess::start(const WorkerProcessOptions& options) {
  Ends control = TRY(socket_pair(SOCK_SEQPACKET));
  Ends wire = TRY(socket_pair(SOCK_STREAM));
  Ends output = TRY(output_pipe());
  Ends error = TRY(output_pipe());
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return no_room("/dev/null");

  std::vector<std::string> argv = to_arguments(options.order);
  argv.insert(argv.begin(), "clavier");
  std::vector<std::string> environment = options.environment;
  environment.push_back(fmt::format("{}={}", kMarkVariable, options.mark));
  Process guard = TRY(Process::spawn({.program = options.guard,
                                      .argv = std::move(argv),
                                      .environment = std::move(environment),
                                      .directory = options.working_directory,
                                      .descriptors = {{null.get(), STDIN_FILENO},
                                                      {output.theirs.get(), STDOUT_FILENO},
                                                      {error.theirs.get(), STDERR_FILENO},
                                                      {control.theirs.get(), kGuardControlFd},
                                                      {wire.theirs.get(), kGuardWireFd}},
                                      .new_session = true}));
  WorkerProcess worker(std::move(guard), std::move(control.ours), options.mark);
  worker.wire = std::move(wire.ours);
  worker.output = std::move(output.ours);
  worker.error = std::move(error.ours);
  return worker;
}

WorkerProcess::~WorkerProcess() {
  if (!control_ || over_) return;
  kill();
  const auto ended = [this](std::chrono::milliseconds patience) {
    pollfd end{guard_.end_fd(), POLLIN, 0};
    int ready = 0;
    while ((ready = ::poll(&end, 1, static_cast<int>(patience.count()))) < 0 && errno == EINTR) {
    }
    return ready > 0;
  };
  if (!ended(kFarewell)) {
    kill_guard();
    ended(kFarewell);
  }
  take_report();
}

void WorkerProcess::order(char byte) {
  guard_.signal(SIGCONT);  // Somebody may have stopped it.
  [[maybe_unused]] const auto sent = ::send(control_.get(), &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void WorkerProcess::terminate() { order(kTerminate); }
void WorkerProcess::kill() { order(kKill); }

std::optional<GuardReport> WorkerProcess::take_report() {
  std::array<char, 4096> packet;
  const ssize_t size = ::recv(control_.get(), packet.data(), packet.size(), MSG_DONTWAIT);
  std::optional<GuardReport> report;
  if (size > 0) report = guard_report_from({packet.data(), static_cast<std::size_t>(size)});
  // As long as the dead guard is not reaped, its session's number means nobody else.
  if (!report) kill_marked(mark_, guard_.pid());
  guard_.reap();
  over_ = true;
  return report;
}

bool WorkerProcess::write(std::string_view line) {
  if (!wire) undelivered_ = true;  // It closed its end: its exit tells the rest.
  if (!wire) return true;
  if (queue_.size() + line.size() > kMaxQueuedBytes) return false;
  const bool waiting = !queue_.empty();  // Then the poller says when there is room.
  queue_.append(line);
  if (!waiting) flush();
  return true;
}

void WorkerProcess::flush() {
  std::size_t done = 0;
  while (done < queue_.size()) {
    const ssize_t sent =
        ::send(wire.get(), queue_.data() + done, queue_.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    // Broken: nobody will read it. Its exit tells the rest.
    undelivered_ |= sent < 0;
    done = sent < 0 ? queue_.size() : done + static_cast<std::size_t>(sent);
  }
  queue_.erase(0, done);
}

}  // namespace clavier::exec
