#pragma once

#include <atomic>

#include "base/waker.h"

namespace clavier::cli {

/// Counts Ctrl-C and SIGTERM while it lives, and a closed terminal once, and wakes the loop. One at
/// a time.
class Interrupts {
 public:
  /// `waker` must outlive this object.
  explicit Interrupts(const Waker& waker);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  const std::atomic<int>& count() const;

 private:
  void (*hangs_up_)(int) = nullptr;  ///< What SIGHUP did before.
};

}  // namespace clavier::cli
