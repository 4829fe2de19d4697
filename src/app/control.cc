#include "app/control.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/fd.h"
#include "study/text.h"

namespace clavier::app {
namespace {

constexpr const char* kSocketName = "control.sock";
constexpr std::size_t kMaxCommandBytes = 1 << 16;
constexpr int kAnswerTimeoutMs = 5000;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

/// A socket address holds about 100 bytes; going through the folder's descriptor makes the length
/// of its path irrelevant.
sockaddr_un address_in(int folder_fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", folder_fd, kSocketName);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

/// One line, without its end; nothing on a timeout, an end of file or too long a line.
std::optional<std::string> read_line(int fd) {
  std::string line;
  std::array<char, 4096> buffer;
  for (;;) {
    pollfd waiting{fd, POLLIN, 0};
    if (::poll(&waiting, 1, kAnswerTimeoutMs) <= 0) return {};
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got <= 0) return {};
    line.append(buffer.data(), static_cast<std::size_t>(got));
    if (const auto end = line.find('\n'); end != std::string::npos) return line.substr(0, end);
    if (line.size() > kMaxCommandBytes) return {};
  }
}

void write_all(int fd, std::string_view text) {
  // A client that has gone away needs no answer.
  [[maybe_unused]] const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

Status take_command(std::string_view line, tuner::Mailbox& mailbox) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return invalid("a command is a word and a JSON object");
  const Input input = TRY(text::input_from_json(line.substr(0, space), line.substr(space + 1)));
  const auto* command = std::get_if<UserCommand>(&input);
  if (!command) return invalid("only commands of users are taken here");
  return mailbox.post(*command);
}

/// Holds nothing if no tuner listens there.
Result<Fd> connect_to(const std::filesystem::path& folder) {
  const Fd directory(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return not_found(fmt::format("there is no study in {}", folder.string()));
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_in(directory.get());
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    socket.reset();
  return socket;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::open(const std::filesystem::path& folder,
                                                           tuner::Mailbox& mailbox) {
  const Descriptor directory(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0)
    return io_error(fmt::format("cannot open {}: {}", folder.string(), std::strerror(errno)));
  // Whoever holds the study's lock owns the name; a socket left by a killed tuner is stale.
  ::unlinkat(directory.get(), kSocketName, 0);
  Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_in(directory.get());
  if (listener.get() < 0 ||
      ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 16) != 0)
    return io_error(
        fmt::format("cannot listen for commands in {}: {}", folder.string(), std::strerror(errno)));
  Waker stop = TRY(Waker::create());
  return std::unique_ptr<ControlServer>(
      new ControlServer(folder, listener.release(), std::move(stop), mailbox));
}

ControlServer::ControlServer(std::filesystem::path folder, int listener, Waker stop,
                             tuner::Mailbox& mailbox)
    : folder_(std::move(folder)),
      listener_(listener),
      stop_(std::move(stop)),
      mailbox_(mailbox),
      thread_([this] { serve(); }) {}

ControlServer::~ControlServer() {
  stop_.wake();
  thread_.join();
  ::close(listener_);
  std::error_code ignored;
  std::filesystem::remove(folder_ / kSocketName, ignored);
}

void ControlServer::serve() {
  for (;;) {
    std::array<pollfd, 2> waiting{pollfd{listener_, POLLIN, 0}, pollfd{stop_.fd(), POLLIN, 0}};
    if (::poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) return;
    if (waiting[1].revents) return;
    if (!waiting[0].revents) continue;
    const Descriptor client(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
    if (client.get() < 0) continue;
    const auto line = read_line(client.get());
    const Status taken =
        line ? take_command(*line, mailbox_) : Status(invalid("no command within five seconds"));
    write_all(client.get(), taken.ok() ? "ok\n" : "error " + taken.error().message + "\n");
  }
}

bool is_running(const std::filesystem::path& folder) {
  const auto socket = connect_to(folder);
  return socket.ok() && *socket;
}

Result<Delivery> deliver(const std::filesystem::path& folder, const UserCommand& command) {
  const Fd socket = TRY(connect_to(folder));
  if (!socket) return Delivery::kNotRunning;
  const Input input = command;
  write_all(socket.get(), fmt::format("{} {}\n", text::kind(input), text::to_json(input)));
  const auto answer = read_line(socket.get());
  if (!answer) return unavailable("the running tuner did not answer; is it stopped or overloaded?");
  if (*answer == "ok") return Delivery::kDelivered;
  return invalid(answer->starts_with("error ") ? answer->substr(6) : *answer);
}

}  // namespace clavier::app
