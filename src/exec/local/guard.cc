#include "exec/local/guard.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>

#include "exec/local/oom_counter.h"
#include "exec/local/worker_tree.h"

namespace clavier::exec {
namespace {

using Clock = std::chrono::steady_clock;

// Returns how many there were.
int kill_children() {
  const pid_t self = ::getpid();
  int killed = 0;
  for (const ProcessFacts& each : living_processes()) {
    if (each.parent != self) continue;
    ::kill(each.pid, SIGKILL);
    ++killed;
  }
  return killed;
}

class Guard {
 public:
  Guard(Process worker, std::int64_t grace_ms) : worker_(std::move(worker)), grace_(grace_ms) {}

  GuardReport run(int signals) {
    const std::int64_t kills_before = oom_kills();
    while (!end_) {
      std::array<pollfd, 2> wanted{{{kGuardControlFd, POLLIN, 0}, {signals, POLLIN, 0}}};
      const int ready = ::poll(wanted.data(), wanted.size(), milliseconds_left());
      if (ready == 0) kill_all();
      if (ready <= 0) continue;
      if (wanted[0].revents != 0) obey();
      if (wanted[1].revents != 0) take_signals(signals);
    }
    end_everything();
    return {.end = *end_,
            .out_of_memory = end_->signal == SIGKILL && !killed_ && oom_kills() > kills_before};
  }

 private:
  int milliseconds_left() const {
    if (!deadline_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
  }

  void obey() {
    char order = 0;
    const ssize_t size = ::recv(kGuardControlFd, &order, 1, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // End-of-file: the tuner is gone, and with it every reason to wait.
    if (size <= 0 || order == kKill) return kill_all();
    if (order == kTerminate) terminate();
  }

  void terminate() {
    if (deadline_) return;
    deadline_ = Clock::now() + std::chrono::milliseconds(grace_);
    worker_.signal_group(SIGTERM);
  }

  void kill_all() {
    killed_ = true;
    worker_.signal_group(SIGKILL);
    kill_children();
    reap();
  }

  void take_signals(int signals) {
    signalfd_siginfo info;
    while (::read(signals, &info, sizeof info) == sizeof info)
      if (info.ssi_signo != SIGCHLD) terminate();
    reap();
  }

  // Buries whoever is dead: the worker, and orphans that became ours.
  void reap() {
    siginfo_t dead{};
    while (::waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT) == 0 && dead.si_pid != 0) {
      if (dead.si_pid == worker_.pid()) {
        worker_.signal_group(SIGKILL);  // While the dead leader still keeps the group's number.
        end_ = worker_.reap();
      } else {
        ::waitpid(dead.si_pid, nullptr, 0);
      }
      dead = {};
    }
  }

  // Every round kills all children there are; theirs become ours for the next one.
  void end_everything() {
    for (;;) {
      const pid_t pid = ::waitpid(-1, nullptr, WNOHANG);
      if (pid < 0 && errno == ECHILD) return;
      if (pid > 0) continue;
      if (kill_children() > 0) ::waitpid(-1, nullptr, 0);
    }
  }

  Process worker_;
  std::int64_t grace_;
  std::optional<Clock::time_point> deadline_;
  std::optional<ProcessEnd> end_;
  bool killed_ = false;
};

Result<Process> spawn_worker(const GuardOrder& order) {
  return Process::spawn({.program = order.command.front(),
                         .argv = order.command,
                         .environment = own_environment(),
                         .descriptors = {{0, 0}, {1, 1}, {2, 2}, {kGuardWireFd, kWorkerFd}},
                         .cpu_ids = order.cpu_ids,
                         .data_limit_bytes = order.memory_mb << 20,
                         .death_signal = SIGKILL});
}

// Signals that arrive from now on are read from the returned descriptor.
Fd catch_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Only the worker's side may keep its pipes and its wire open.
void let_go_of_worker_descriptors() {
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd : {STDOUT_FILENO, STDERR_FILENO}) ::dup2(null.get(), fd);
  ::close(kGuardWireFd);
}

void send_report(const GuardReport& report) {
  const std::string packet = to_packet(report);
  [[maybe_unused]] const auto sent =
      ::send(kGuardControlFd, packet.data(), packet.size(), MSG_NOSIGNAL);
}

int run_guard(const GuardOrder& order) {
  ::prctl(PR_SET_NAME, kGuardName);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::fcntl(kGuardControlFd, F_SETFD, FD_CLOEXEC);
  ::fcntl(kGuardWireFd, F_SETFD, FD_CLOEXEC);
  const Fd signals = catch_signals();
  auto worker = spawn_worker(order);
  if (!worker.ok()) {
    const bool later = worker.error().code == ErrorCode::kUnavailable;
    send_report({.kind = later ? GuardReport::Kind::kNoRoom : GuardReport::Kind::kNotStarted,
                 .error = worker.error().message});
    return 1;
  }
  let_go_of_worker_descriptors();
  send_report(Guard(std::move(worker).value(), order.grace_ms).run(signals.get()));
  return 0;
}

}  // namespace

std::optional<int> guard_main_if_asked(int argc, char** argv) {
  if (argc < 2 || argv[1] != kGuardFlag) return std::nullopt;
  const auto order = guard_order_from({argv + 1, argv + argc});
  if (!order.ok()) {
    std::fprintf(stderr, "%s\n", order.error().message.c_str());
    return 2;
  }
  // At once: there is nothing to tidy up, and the tuner may wake us (SIGCONT) until the very end,
  // which the leak check of a sanitizer's orderly exit waits for without end.
  ::_exit(run_guard(*order));
}

}  // namespace clavier::exec
