#include "tuner/mailbox.h"

#include <utility>

namespace clavier::tuner {

Status Mailbox::post(UserCommand command) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kCapacity)
      return unavailable("the study is busy with 1024 earlier commands; try again in a moment");
    waiting_.push_back(std::move(command));
  }
  waker_.wake();
  return {};
}

std::vector<UserCommand> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

}  // namespace clavier::tuner
