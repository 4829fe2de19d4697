#include "app/run/control.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "base/fd.h"
#include "study/text.h"

namespace clavier::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kSocketName = "control.sock";
constexpr std::size_t kMaxCommandBytes = 1 << 16;
/// For a client to send its command, and for a tuner to answer it.
constexpr std::chrono::seconds kPatience{5};
/// The listener rests for so long when a client cannot be accepted: descriptors are short.
constexpr std::chrono::milliseconds kRest{200};
/// Between two attempts to connect to a tuner that has too many clients just now.
constexpr int kRetryMs = 20;
constexpr int kBacklog = 128;

int milliseconds_until(Clock::time_point when) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

/// A socket address holds about 100 bytes; going through the folder's descriptor makes the length
/// of its path irrelevant.
sockaddr_un address_in(int folder_fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", folder_fd, kSocketName);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

/// Waits for `events`; false once the time is up.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    pollfd waiting{fd, events, 0};
    const int ready = ::poll(&waiting, 1, milliseconds_until(deadline));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

/// What has come so far is in `line`: true once that is all of it, without the end of the line, or
/// too long. False if more is to come, nothing if none will.
std::optional<bool> read_on(int fd, std::string& line) {
  std::array<char, 4096> buffer;
  const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) return {};
  line.append(buffer.data(), static_cast<std::size_t>(got));
  const auto end = line.find('\n');
  if (end != std::string::npos) line.resize(end);
  return end != std::string::npos || line.size() > kMaxCommandBytes;
}

/// An answer is short and fits into the socket; a client that has gone away needs none.
void answer(int fd, const Status& taken) {
  const std::string text = taken.ok() ? "ok\n" : "error " + taken.error().message + "\n";
  (void)!::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

Status take_command(std::string_view line, tuner::Mailbox& mailbox) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return invalid("a command is a word and a JSON object");
  const Input input = TRY(text::input_from_json(line.substr(0, space), line.substr(space + 1)));
  const auto* command = std::get_if<UserCommand>(&input);
  if (!command) return invalid("only commands of users are taken here");
  return mailbox.post(*command);
}

/// Holds nothing, with the reason in errno, if nobody has accepted: EAGAIN means that a tuner is
/// there and has too many clients just now.
Result<Fd> connect_to(const std::filesystem::path& folder) {
  const Fd directory(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return not_found(fmt::format("there is no study in {}", folder.string()));
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return io_error(fmt::format("cannot make a socket: {}", std::strerror(errno)));
  const sockaddr_un address = address_in(directory.get());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return socket;
  const int why = errno;
  socket.reset();
  errno = why;
  return socket;
}

/// The answer to a command; nothing if none came in time.
std::optional<std::string> ask(int socket, std::string_view command, Clock::time_point deadline) {
  while (!command.empty()) {
    const ssize_t sent = ::send(socket, command.data(), command.size(), MSG_NOSIGNAL);
    if (sent > 0) command.remove_prefix(static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) break;  // It may have answered already.
    if (!command.empty() && !wait_for(socket, POLLOUT, deadline)) return {};
  }
  std::string line;
  while (wait_for(socket, POLLIN, deadline)) {
    const auto all = read_on(socket, line);
    if (!all) return {};
    if (*all) return line;
  }
  return {};
}

}  // namespace

/// Somebody who has connected and has not yet said all.
struct ControlServer::Client {
  Fd fd;
  Clock::time_point deadline;
  std::string line = {};
};

Result<std::unique_ptr<ControlServer>> ControlServer::open(const std::filesystem::path& folder,
                                                           tuner::Mailbox& mailbox) {
  const auto failure = [&](const char* why) {
    return io_error(fmt::format("cannot listen for commands in {}: {}", folder.string(), why));
  };
  const Fd directory(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return failure(std::strerror(errno));
  // Whoever holds the study's lock owns the name; a socket left by a killed tuner is stale.
  ::unlinkat(directory.get(), kSocketName, 0);
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_in(directory.get());
  // Nobody can connect before it listens, and then only its owner may.
  if (!listener ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::fchmodat(directory.get(), kSocketName, S_IRUSR | S_IWUSR, 0) != 0 ||
      ::listen(listener.get(), kBacklog) != 0)
    return failure(std::strerror(errno));
  Waker stop = TRY(Waker::create());
  std::unique_ptr<ControlServer> server(
      new ControlServer(folder, std::move(listener), std::move(stop), mailbox));
  try {
    server->thread_ = std::thread([raw = server.get()] { raw->serve(); });
  } catch (const std::system_error& error) {
    return failure(error.what());
  }
  return server;
}

ControlServer::ControlServer(std::filesystem::path folder, Fd listener, Waker stop,
                             tuner::Mailbox& mailbox)
    : folder_(std::move(folder)),
      listener_(std::move(listener)),
      stop_(std::move(stop)),
      mailbox_(mailbox) {}

ControlServer::~ControlServer() {
  stop_.wake();
  if (thread_.joinable()) thread_.join();
  std::error_code ignored;
  std::filesystem::remove(folder_ / kSocketName, ignored);
}

// One loop over all clients: however slow some are, none waits for another, and the end for none.
void ControlServer::serve() {
  std::vector<Client> clients;
  Clock::time_point rests_until{};
  std::vector<pollfd> waiting;
  for (;;) {
    const bool rests = Clock::now() < rests_until;
    waiting.assign({{stop_.fd(), POLLIN, 0}, {rests ? -1 : listener_.get(), POLLIN, 0}});
    for (const Client& client : clients) waiting.push_back({client.fd.get(), POLLIN, 0});
    int timeout = rests ? milliseconds_until(rests_until) : -1;
    if (!clients.empty()) {  // In the order of their deadlines.
      const int first = milliseconds_until(clients.front().deadline);
      timeout = timeout < 0 ? first : std::min(timeout, first);
    }
    if (::poll(waiting.data(), waiting.size(), timeout) < 0 && errno != EINTR) return;
    if (waiting[0].revents != 0) return;
    std::vector<Client> left;
    for (std::size_t i = 0; i < clients.size(); ++i)
      if (!hear(clients[i], waiting[i + 2].revents != 0)) left.push_back(std::move(clients[i]));
    clients = std::move(left);
    if (waiting[1].revents != 0 && !accept(clients)) rests_until = Clock::now() + kRest;
  }
}

/// True once there is nothing more to be done for it.
bool ControlServer::hear(Client& client, bool readable) {
  const auto all = readable ? read_on(client.fd.get(), client.line) : std::optional(false);
  if (!all) return true;
  if (!*all && Clock::now() < client.deadline) return false;
  answer(client.fd.get(), *all ? take_command(client.line, mailbox_)
                               : Status(invalid("no command within five seconds")));
  return true;
}

/// Everybody who waits; false if the system refuses.
bool ControlServer::accept(std::vector<Client>& clients) {
  for (;;) {
    Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED;
    if (clients.size() < kMaxClients)
      clients.push_back({std::move(fd), Clock::now() + kPatience});
    else
      answer(fd.get(), unavailable("too many others talk to this study; try again"));
  }
}

bool is_listening(const std::filesystem::path& folder) {
  const auto socket = connect_to(folder);
  return socket && (*socket || errno == EAGAIN);
}

Result<Delivery> deliver(const std::filesystem::path& folder, const UserCommand& command) {
  const auto deadline = Clock::now() + kPatience;
  Fd socket = TRY(connect_to(folder));
  while (!socket && errno == EAGAIN && Clock::now() < deadline) {
    ::poll(nullptr, 0, kRetryMs);
    socket = TRY(connect_to(folder));
  }
  if (!socket && errno != EAGAIN) return Delivery::kNotRunning;
  std::optional<std::string> answered;
  if (socket) {
    const Input input = command;
    const auto line = fmt::format("{} {}\n", text::kind(input), text::to_json(input));
    answered = ask(socket.get(), line, deadline);
  }
  if (!answered)
    return unavailable(
        "the running tuner has not answered within five seconds; is it stopped or overloaded? It "
        "may still take the command");
  if (*answered == "ok") return Delivery::kDelivered;
  return invalid(answered->starts_with("error ") ? answered->substr(6) : *answered);
}

}  // namespace clavier::app
