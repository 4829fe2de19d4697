#pragma once

#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/waker.h"
#include "study/command.h"
#include "tuner/mailbox.h"

namespace clavier::app {

/// Takes users' commands for a running study through a socket in its folder and posts them into
/// the mailbox, for as many clients at once as kMaxClients, whatever they do. Has a thread of its
/// own; the destructor ends it, at once, and removes the socket, which only its owner may use.
class ControlServer {
 public:
  /// `mailbox` must outlive the server. Fails if the folder can hold no socket or there is no room
  /// for a thread.
  static Result<std::unique_ptr<ControlServer>> open(const std::filesystem::path& folder,
                                                     tuner::Mailbox& mailbox);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  static constexpr std::size_t kMaxClients = 64;

 private:
  struct Client;
  ControlServer(std::filesystem::path folder, Fd listener, Waker stop, tuner::Mailbox& mailbox);
  void serve();
  bool hear(Client& client, bool readable);
  bool accept(std::vector<Client>& clients);

  std::filesystem::path folder_;
  Fd listener_;
  Waker stop_;
  tuner::Mailbox& mailbox_;
  std::thread thread_;
};

/// Whether the tuner of this folder takes commands, and so runs trials.
bool is_listening(const std::filesystem::path& folder);

enum class Delivery { kDelivered, kNotRunning };

/// Hands a command to the tuner of this folder, if one is running.
Result<Delivery> deliver(const std::filesystem::path& folder, const UserCommand& command);

}  // namespace clavier::app
