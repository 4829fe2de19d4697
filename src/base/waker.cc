#include "base/waker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace clavier {

Result<Waker> Waker::create() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return io_error("cannot create an event descriptor: too many open files?");
  return Waker(fd);
}

Waker::Waker(Waker&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Waker& Waker::operator=(Waker&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Waker::~Waker() {
  if (fd_ >= 0) ::close(fd_);
}

void Waker::wake() const {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is awake anyway.
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

bool Waker::drain() const {
  std::uint64_t count = 0;
  return ::read(fd_, &count, sizeof count) == sizeof count;
}

void Waker::rest(std::chrono::milliseconds longest) const {
  pollfd wanted{fd_, POLLIN, 0};
  ::poll(&wanted, 1, static_cast<int>(longest.count()));
  drain();
}

}  // namespace clavier
