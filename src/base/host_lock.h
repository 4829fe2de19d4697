#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include "base/fd.h"

namespace clavier {

/// A name that one holder on this host has at a time, whoever runs it. Given up with the object and
/// with the process, however it ends. An abstract socket: no file is left behind, none can be put
/// in its place, and users who share a machine see each other. Hosts are told apart as network
/// namespaces are.
class HostLock {
 public:
  /// Nothing if somebody has it. Where the system gives no such names at all, everybody has all.
  static std::optional<HostLock> take(std::string_view name);
  /// The process that has it, where that can be told.
  static std::optional<pid_t> holder(std::string_view name);

 private:
  explicit HostLock(Fd socket) : socket_(std::move(socket)) {}
  Fd socket_;
};

}  // namespace clavier
