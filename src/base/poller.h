#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace clavier {

/// Waits for any of many descriptors. Level-triggered: what is left unread is told again.
/// One thread.
class Poller {
 public:
  struct Event {
    std::uint64_t key = 0;  ///< As given to `watch`.
    bool readable = false;  ///< Also on end-of-file and errors, which the read then shows.
    bool writable = false;
  };
  enum class Interest { kRead, kReadAndWrite };

  static Result<Poller> create();

  /// Fails with kUnavailable if the system has no room for it.
  /// `fd` must be forgotten before it is closed if another process may still hold it.
  Status watch(int fd, std::uint64_t key, Interest interest = Interest::kRead);
  void change(int fd, std::uint64_t key, Interest interest);
  void forget(int fd);

  /// Returns what is ready, at most kMaxEvents, or nothing once `timeout` has passed (never early;
  /// no timeout: waits for ever) or a signal handler ran. The result lives until the next call.
  const std::vector<Event>& wait(std::optional<std::chrono::microseconds> timeout);

  static constexpr int kMaxEvents = 128;

 private:
  explicit Poller(Fd fd) : epoll_(std::move(fd)) {}
  Fd epoll_;
  std::vector<Event> events_;
};

}  // namespace clavier
