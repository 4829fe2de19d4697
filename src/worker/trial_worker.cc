#include "worker/trial_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <utility>

#include "worker/environment.h"
#include "worker/json_scan.h"
#include "worker/launch_session.h"
#include "worker/socket_link.h"

namespace clavier::worker {
namespace {

/// So that a trial's last words are in its log, not in that of the next one.
void flush_output() {
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
}

}  // namespace

std::optional<int> inherited_descriptor() {
  const char* text = std::getenv(kDescriptorVariable);
  if (!text) return {};
  const auto fd = json::integer(text);
  ::unsetenv(kDescriptorVariable);
  if (!fd || *fd < 0 || *fd > 65535) return {};
  if (::fcntl(static_cast<int>(*fd), F_SETFD, FD_CLOEXEC) != 0) return {};
  return static_cast<int>(*fd);
}

int serve(int fd, const LaunchTrainable& train, const WorkerOptions& options) {
  SocketLink link(fd);
  HelloLine hello;
  hello.resume = options.resume;
  hello.several = true;
  hello.exploit = options.exploit;
  hello.paced = true;
  hello.takes.members = options.members;
  hello.name = options.name.empty() ? program_invocation_short_name : options.name;
  hello.pid = ::getpid();
  link.send(FromWorker(std::move(hello)));
  std::vector<StartLine> starts;
  while (true) {
    auto message = link.receive(Link::Wait::kYes);
    if (!message || std::holds_alternative<QuitLine>(*message)) return 0;
    auto* start = std::get_if<StartLine>(&*message);
    if (!start) continue;  // Meant for the trial before.
    if (!starts.empty() && starts.front().launch != start->launch) starts.clear();
    const auto members = static_cast<std::size_t>(start->members);
    starts.push_back(std::move(*start));
    if (starts.size() < members) continue;
    auto exits = LaunchSession(std::exchange(starts, {}), link).run(train);
    flush_output();
    for (ExitedLine& exited : exits) link.send(FromWorker(std::move(exited)));
  }
}

int serve(int fd, const Trainable& train, const WorkerOptions& options) {
  return serve(fd, alone(train), options);
}

int worker_main(const Trainable& train, const WorkerOptions& options) {
  return worker_main(alone(train), options);
}

int worker_main(const LaunchTrainable& train, const WorkerOptions& options) {
  const auto fd = inherited_descriptor();
  if (fd) return serve(*fd, train, options);
  fmt::print(
      stderr,
      "this program is a worker: it is started by `clavier run`, which passes a descriptor in "
      "{}\n",
      kDescriptorVariable);
  return 2;
}

}  // namespace clavier::worker
