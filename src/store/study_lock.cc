#include "store/study_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace clavier::store {
namespace {

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
  Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!fd)
    return io_error(fmt::format("cannot open the lock {}: {}", file.string(), strerror(errno)));
  int locked = 0;
  do {
    locked = ::flock(fd.get(), LOCK_EX | LOCK_NB);
  } while (locked != 0 && errno == EINTR);
  if (locked != 0 && errno == EWOULDBLOCK)
    return conflict(fmt::format("the study in {} is being run by {}; wait for it or stop it",
                                file.parent_path().string(), owner_of(fd.get())));
  if (locked != 0)
    return io_error(fmt::format("cannot lock {}: {}", file.string(), strerror(errno)));
  // The name is for the message above only: a full disk must not keep the study from resuming.
  const std::string owner = ourselves();
  if (::ftruncate(fd.get(), 0) == 0) (void)!::pwrite(fd.get(), owner.data(), owner.size(), 0);
  return StudyLock(std::move(fd));
}

}  // namespace clavier::store
