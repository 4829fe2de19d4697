#pragma once

#include <chrono>

#include "base/result.h"

namespace clavier {

/// Wakes the one loop of the program from other threads and from signal handlers.
/// The loop polls `fd()` together with whatever else it waits for.
class Waker {
 public:
  static Result<Waker> create();
  Waker(Waker&& other) noexcept;
  Waker& operator=(Waker&& other) noexcept;
  ~Waker();

  /// Readable once `wake` was called. Valid as long as this object.
  int fd() const { return fd_; }
  /// Any thread; async-signal-safe.
  void wake() const;
  /// Forgets all earlier calls of `wake`; true if there were any. The loop's thread only.
  bool drain() const;
  /// Returns after `wake`, which is forgotten then, or when so long has passed. The loop's thread
  /// only.
  void rest(std::chrono::milliseconds longest) const;

 private:
  explicit Waker(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace clavier
