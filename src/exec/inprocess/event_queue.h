#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "base/waker.h"
#include "study/signal.h"

namespace clavier::exec {

/// What trials on threads tell the loop, in the order in which it happened. Bounded: a trial that
/// reports faster than the loop reads waits. Any thread pushes, the loop's thread takes.
class EventQueue {
 public:
  static constexpr std::size_t kMaxEvents = 1024;

  /// `waker` is woken when the queue is no longer empty; must outlive this.
  explicit EventQueue(const Waker& waker) : waker_(waker) {}

  /// Neighbours stay neighbours. Blocks while the queue is full; without effect once closed.
  void push(std::span<Signal> signals);
  /// At most `limit` of the oldest; empty if there are none.
  std::vector<Signal> take(std::size_t limit);
  /// Releases whoever waits in `push`, for good.
  void close();

 private:
  const Waker& waker_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Signal> signals_;  // Guarded by mutex_, as all below.
  std::size_t waiting_ = 0;
  bool closed_ = false;
};

}  // namespace clavier::exec
