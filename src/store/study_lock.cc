#include "store/study_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/files.h"

namespace clavier::store {
namespace {

/// A reading command that asks whether a study runs has the lock for some microseconds.
constexpr int kTries = 10;
constexpr int kTryMs = 2;

std::string owner_of(int fd) {
  char buffer[256];
  const ssize_t size = ::pread(fd, buffer, sizeof buffer, 0);
  std::string owner(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
  if (const auto end = owner.find('\n'); end != owner.npos) owner.resize(end);
  return owner.empty() ? "another process" : owner;
}

std::string ourselves() {
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) std::strcpy(host, "this host");
  return fmt::format("process {} on {}\n", ::getpid(), host);
}

}  // namespace

Result<StudyLock> StudyLock::take(const std::filesystem::path& file) {
  const auto cannot_open = [](const Error& error) {
    return io_error("cannot open the lock " + error.message);
  };
  const auto folder = Folder::open(file.parent_path());
  if (!folder) return cannot_open(folder.error());
  auto opened = folder->file(file.filename(), O_RDWR | O_CREAT);
  if (!opened) return cannot_open(opened.error());
  Fd fd = *std::move(opened);
  for (int tries = 0; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EINTR && errno != EWOULDBLOCK)
      return io_error(fmt::format("cannot lock {}: {}", file.string(), strerror(errno)));
    if (tries == kTries)
      return conflict(fmt::format("the study in {} is being run by {}; wait for it or stop it",
                                  file.parent_path().string(), owner_of(fd.get())));
    ::poll(nullptr, 0, kTryMs);
  }
  // The name is for the message above only: a full disk must not keep the study from resuming.
  const std::string owner = ourselves();
  if (::ftruncate(fd.get(), 0) == 0) (void)!::pwrite(fd.get(), owner.data(), owner.size(), 0);
  return StudyLock(std::move(fd));
}

bool StudyLock::is_held(const std::filesystem::path& file) {
  const auto folder = Folder::open(file.parent_path());
  if (!folder) return false;
  const auto fd = folder->file(file.filename(), O_RDONLY);
  return fd.ok() && ::flock(fd->get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

}  // namespace clavier::store
