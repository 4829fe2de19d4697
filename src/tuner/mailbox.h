#pragma once

#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/waker.h"
#include "study/command.h"

namespace clavier::tuner {

/// Commands of users on their way to the loop. `post` from any thread; `take` from the loop's.
class Mailbox {
 public:
  /// `waker` must outlive this.
  explicit Mailbox(const Waker& waker) : waker_(waker) {}

  /// Fails when kCapacity commands are waiting.
  Status post(UserCommand command);
  /// Everything that waits, oldest first.
  std::vector<UserCommand> take();

  static constexpr std::size_t kCapacity = 1024;

 private:
  const Waker& waker_;
  std::mutex mutex_;
  std::vector<UserCommand> waiting_;
};

}  // namespace clavier::tuner
