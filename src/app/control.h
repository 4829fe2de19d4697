#pragma once

#include <filesystem>
#include <memory>
#include <thread>

#include "base/result.h"
#include "base/waker.h"
#include "study/command.h"
#include "tuner/mailbox.h"

namespace clavier::app {

/// Takes users' commands for a running study through a socket in its folder and posts them into
/// the mailbox. Has a thread of its own; the destructor ends it and removes the socket.
class ControlServer {
 public:
  /// `mailbox` must outlive the server.
  static Result<std::unique_ptr<ControlServer>> open(const std::filesystem::path& folder,
                                                     tuner::Mailbox& mailbox);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

 private:
  ControlServer(std::filesystem::path folder, int listener, Waker stop, tuner::Mailbox& mailbox);
  void serve();

  std::filesystem::path folder_;
  int listener_;
  Waker stop_;
  tuner::Mailbox& mailbox_;
  std::thread thread_;
};

enum class Delivery { kDelivered, kNotRunning };

/// Whether a tuner of this folder listens just now.
bool is_running(const std::filesystem::path& folder);

/// Hands a command to the tuner of this folder, if one is running.
Result<Delivery> deliver(const std::filesystem::path& folder, const UserCommand& command);

}  // namespace clavier::app
