#include "base/host_lock.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

namespace clavier {
namespace {

struct Address {
  sockaddr_un at{};
  socklen_t size = 0;

  explicit Address(std::string_view name) {
    at.sun_family = AF_UNIX;
    name = name.substr(0, sizeof at.sun_path - 1);  // The first byte stays 0: no file.
    std::memcpy(at.sun_path + 1, name.data(), name.size());
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&at); }
};

Fd new_socket() { return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

}  // namespace

std::optional<HostLock> HostLock::take(std::string_view name) {
  const Address address(name);
  Fd socket = new_socket();
  if (socket && ::bind(socket.get(), address.get(), address.size) == 0)
    ::listen(socket.get(), 64);  // So that `holder` can ask.
  else if (socket && errno == EADDRINUSE)
    return std::nullopt;
  else
    socket.reset();
  return HostLock(std::move(socket));
}

std::optional<pid_t> HostLock::holder(std::string_view name) {
  const Address address(name);
  const Fd socket = new_socket();
  ucred peer{};
  socklen_t size = sizeof peer;
  if (!socket || ::connect(socket.get(), address.get(), address.size) != 0 ||
      ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0)
    return std::nullopt;
  return peer.pid;
}

}  // namespace clavier
