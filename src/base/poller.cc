#include "base/poller.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>

namespace clavier {
namespace {

epoll_event event_for(std::uint64_t key, Poller::Interest interest) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (interest == Poller::Interest::kReadAndWrite) event.events |= EPOLLOUT;
  event.data.u64 = key;
  return event;
}

// Rounded up, so that a deadline has passed when the wait returns.
int milliseconds(std::optional<std::chrono::microseconds> timeout) {
  if (!timeout) return -1;
  const std::int64_t rounded = (std::max<std::int64_t>(timeout->count(), 0) + 999) / 1000;
  return static_cast<int>(std::min<std::int64_t>(rounded, std::numeric_limits<int>::max()));
}

}  // namespace

Result<Poller> Poller::create() {
  Fd fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!fd) return io_error(std::string("cannot create a poll descriptor: ") + std::strerror(errno));
  return Poller(std::move(fd));
}

Status Poller::watch(int fd, std::uint64_t key, Interest interest) {
  epoll_event event = event_for(key, interest);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return unavailable(std::string("cannot watch a descriptor: ") + std::strerror(errno));
  return ok_status();
}

void Poller::change(int fd, std::uint64_t key, Interest interest) {
  epoll_event event = event_for(key, interest);
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0, "not a watched descriptor");
}

void Poller::forget(int fd) { ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

const std::vector<Poller::Event>& Poller::wait(std::optional<std::chrono::microseconds> timeout) {
  std::array<epoll_event, kMaxEvents> ready;
  const int count = ::epoll_wait(epoll_.get(), ready.data(), kMaxEvents, milliseconds(timeout));
  events_.clear();
  for (int i = 0; i < count; ++i) {
    const auto& event = ready[static_cast<std::size_t>(i)];
    events_.push_back(
        {event.data.u64, (event.events & ~EPOLLOUT) != 0, (event.events & EPOLLOUT) != 0});
  }
  return events_;
}

}  // namespace clavier
