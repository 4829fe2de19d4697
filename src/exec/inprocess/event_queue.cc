#include "exec/inprocess/event_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace clavier::exec {

void EventQueue::push(std::span<Signal> signals) {
  std::unique_lock lock(mutex_);
  ++waiting_;
  room_.wait(lock, [&] { return closed_ || signals_.size() + signals.size() <= kMaxEvents; });
  --waiting_;
  if (closed_) return;
  const bool was_empty = signals_.empty();
  std::move(signals.begin(), signals.end(), std::back_inserter(signals_));
  lock.unlock();
  if (was_empty) waker_.wake();
}

std::vector<Signal> EventQueue::take(std::size_t limit) {
  std::vector<Signal> taken;
  const std::lock_guard lock(mutex_);
  const auto end = signals_.begin() + static_cast<std::ptrdiff_t>(std::min(limit, signals_.size()));
  taken.assign(std::move_iterator(signals_.begin()), std::move_iterator(end));
  signals_.erase(signals_.begin(), end);
  if (waiting_ > 0) room_.notify_all();
  return taken;
}

void EventQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  signals_.clear();
  room_.notify_all();
}

}  // namespace clavier::exec
