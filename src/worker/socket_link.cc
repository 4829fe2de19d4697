#include "worker/socket_link.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <utility>

namespace clavier::worker {
namespace {

/// Only needed if somebody made the descriptor non-blocking.
void wait_until_ready(int fd, short events) {
  pollfd entry{fd, events, 0};
  ::poll(&entry, 1, -1);
}

/// A worker's standard error is the trial's log.
void complain(std::string_view about, std::string_view line) {
  fmt::print(stderr, "clavier: ignored a message of the tuner: {}: {}\n", about,
             line.substr(0, LineBuffer::kBeginningBytes));
}

}  // namespace

void SocketLink::send(const FromWorker& message) {
  encode(message, out_);
  write_out();
}

void SocketLink::send(ReportLine report) {
  encode(report, out_);
  write_out();
}

void SocketLink::write_out() {
  std::string_view left = out_;
  while (!left.empty() && !closed_) {
    const ssize_t sent = ::send(fd_, left.data(), left.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      left.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      wait_until_ready(fd_, POLLOUT);
    } else if (errno != EINTR) {
      closed_ = true;
    }
  }
  out_.clear();
}

void SocketLink::read_in(Wait wait) {
  std::array<char, 4096> chunk;
  const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), wait == Wait::kNo ? MSG_DONTWAIT : 0);
  if (got < 0 && errno == EAGAIN) {
    if (wait == Wait::kYes) wait_until_ready(fd_, POLLIN);
    return;
  }
  if (got < 0 && errno == EINTR) return;
  if (got <= 0) {
    closed_ = true;
    return;
  }
  lines_.feed(
      {chunk.data(), static_cast<std::size_t>(got)},
      [&](std::string_view line) {
        auto message = decode_to_worker(line);
        if (!message)
          complain(message.error().message, line);
        else if (*message)
          inbox_.push_back(**std::move(message));
      },
      [](std::string_view beginning) { complain("too long", beginning); });
}

std::optional<ToWorker> SocketLink::receive(Wait wait) {
  if (inbox_.empty() && !closed_) read_in(wait);
  while (wait == Wait::kYes && inbox_.empty() && !closed_) read_in(wait);
  if (inbox_.empty()) {
    if (closed_) return QuitLine{};
    return {};
  }
  auto message = std::move(inbox_.front());
  inbox_.pop_front();
  return message;
}

}  // namespace clavier::worker
