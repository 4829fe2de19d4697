#include "base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

/// Every component is opened without following a link (O_NOFOLLOW), relative to the directory
/// before it, so that nobody can put a link in between. openat2 would do this in one call but is
/// not there on older kernels and in some containers. O_NONBLOCK keeps a pipe from holding up the
/// open; what turns out to be no regular file is closed again unread.
namespace clavier {
namespace {

namespace fs = std::filesystem;

Error with_reason(const fs::path& path, int error, const char* kind) {
  const std::string why = kind ? fmt::format("it is {}", kind) : std::strerror(error);
  const std::string message = fmt::format("{}: {}", path.string(), why);
  switch (error) {
    case ENOENT: return kind ? invalid(message) : not_found(message);
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case ENXIO:
    case ENODEV:
    case EEXIST:
    case ENOTEMPTY:
    case EINVAL:
    case ENAMETOOLONG:
    case EACCES:
    case EPERM: return invalid(message);
    default: return io_error(message);
  }
}

/// Null for what is one, and for what is not there.
const char* not_a_file(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFLNK: return "a link, and none is followed in a study's folder";
    case S_IFDIR: return "a directory, not a file";
    case S_IFIFO: return "a pipe, not a file";
    case S_IFSOCK: return "a socket, not a file";
    case S_IFCHR:
    case S_IFBLK: return "a device, not a file";
    default: return nullptr;
  }
}

Result<std::string> read_all(int fd, const fs::path& shown, std::size_t limit_bytes) {
  std::string text;
  while (true) {
    constexpr std::size_t kChunkBytes = 64 << 10;
    const std::size_t before = text.size();
    if (before > limit_bytes)
      return invalid(fmt::format("{}: larger than {} bytes", shown.string(), limit_bytes));
    text.resize(before + std::min(kChunkBytes, limit_bytes + 1 - before));
    const ssize_t got = ::read(fd, text.data() + before, text.size() - before);
    if (got < 0 && errno != EINTR) return with_reason(shown, errno, nullptr);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return text;
  }
}

}  // namespace

Result<std::string> read_file(const fs::path& file, std::size_t limit_bytes) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return with_reason(file, errno, nullptr);
  return read_all(fd.get(), file, limit_bytes);
}

Status write_all(int fd, std::string_view text, const fs::path& shown) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return with_reason(shown, errno, nullptr);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ok_status();
}

Error Folder::failure(const char* name) const {
  const int error = errno;
  struct stat info {};
  const bool there = ::fstatat(fd_.get(), name, &info, AT_SYMLINK_NOFOLLOW) == 0;
  const char* kind = there ? not_a_file(info.st_mode) : nullptr;
  // What is meant to be a directory may be one that may not be entered.
  if (error == EACCES || error == EPERM || (there && error == ENOTDIR && !S_ISLNK(info.st_mode)))
    kind = nullptr;
  return with_reason(path_ / name, error, kind);
}

Result<Folder> Folder::open(const fs::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return with_reason(path, errno, nullptr);
  return Folder(std::move(fd), path);
}

Result<Folder> Folder::below(const fs::path& name) const {
  std::optional<Folder> at;
  for (const fs::path& part : name) {
    const Folder& parent = at ? *at : *this;
    if (part == ".." || part == "/")
      return invalid(fmt::format("'{}' leads out of {}", name.string(), path_.string()));
    Fd next(::openat(parent.fd(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return parent.failure(part.c_str());
    at = Folder(std::move(next), parent.path_ / part);
  }
  if (!at) return invalid(fmt::format("no directory is named in {}", path_.string()));
  return *std::move(at);
}

Result<Fd> Folder::file(const fs::path& name, int flags) const {
  if (name.has_parent_path()) return TRY(below(name.parent_path())).file(name.filename(), flags);
  Fd fd(::openat(fd_.get(), name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666));
  if (!fd) return failure(name.c_str());
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return failure(name.c_str());
  if (const char* kind = not_a_file(info.st_mode)) return with_reason(path_ / name, EINVAL, kind);
  return fd;
}

std::optional<std::int64_t> Folder::size(const fs::path& name) const {
  if (name.has_parent_path()) {
    const auto parent = below(name.parent_path());
    return parent.ok() ? parent->size(name.filename()) : std::nullopt;
  }
  struct stat info {};
  const bool there = ::fstatat(fd_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  return there && S_ISREG(info.st_mode) ? std::optional(info.st_size) : std::nullopt;
}

Result<std::string> Folder::read(const fs::path& name, std::size_t limit_bytes) const {
  const Fd fd = TRY(file(name, O_RDONLY));
  return read_all(fd.get(), path_ / name, limit_bytes);
}

Status Folder::append(const fs::path& name, std::string_view text) const {
  const Fd fd = TRY(file(name, O_WRONLY | O_CREAT | O_APPEND));
  return write_all(fd.get(), text, path_ / name);
}

Status Folder::replace(const fs::path& name, std::string_view text) const {
  if (name.has_parent_path()) return TRY(below(name.parent_path())).replace(name.filename(), text);
  const std::string fresh = name.string() + ".new";
  // Whatever lies there is of an earlier attempt or a stranger's.
  ::unlinkat(fd_.get(), fresh.c_str(), 0);
  {
    const Fd fd = TRY(file(fresh, O_WRONLY | O_CREAT | O_EXCL));
    TRY(write_all(fd.get(), text, path_ / fresh));
  }
  return rename(fresh, name);
}

Status Folder::rename(const fs::path& from, const fs::path& to) const {
  if (::renameat(fd_.get(), from.c_str(), fd_.get(), to.c_str()) != 0) return failure(to.c_str());
  return ok_status();
}

Status Folder::remove(const fs::path& name) const {
  if (name.has_parent_path()) {
    const auto parent = below(name.parent_path());
    if (!parent.ok() && parent.error().code == ErrorCode::kNotFound) return ok_status();
    if (!parent.ok()) return parent.error();
    return parent->remove(name.filename());
  }
  if (name.empty() || name == "." || name == "..")
    return invalid(fmt::format("'{}' is nothing in {}", name.string(), path_.string()));
  std::error_code error;
  fs::remove_all(held() / name, error);
  if (error) return with_reason(path_ / name, error.value(), nullptr);
  return ok_status();
}

fs::path Folder::held() const { return fmt::format("/proc/self/fd/{}", fd_.get()); }

}  // namespace clavier
