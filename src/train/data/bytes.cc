#include "train/data/bytes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <system_error>

#include "base/fd.h"
#include "base/files.h"

namespace clavier::train::data {

static_assert(std::endian::native == std::endian::little, "formats are stored little endian");

namespace {

Error system_error(const std::filesystem::path& path, std::string_view what) {
  int code = errno;
  auto message = fmt::format("{}: {}: {}", path.string(), what,
                             std::error_code(code, std::generic_category()).message());
  return code == ENOENT || code == ENOTDIR ? not_found(message) : io_error(message);
}

Status write_parts(const std::filesystem::path& path,
                   std::span<const std::span<const std::byte>> parts) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) return system_error(path, "cannot create");
  for (auto part : parts) TRY(write_all(file.get(), as_text(part), path));
  // Closing a duplicate makes network file systems tell now what they could not store.
  if (::close(::dup(file.get())) != 0) return system_error(path, "cannot write");
  return ok_status();
}

}  // namespace

Result<Bytes> read_file(const std::filesystem::path& path, std::uint64_t limit) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return system_error(path, "cannot open");
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return system_error(path, "cannot inspect");
  if (!S_ISREG(facts.st_mode)) return invalid(fmt::format("{}: not a file", path.string()));
  auto size = static_cast<std::uint64_t>(facts.st_size);
  if (size > limit)
    return invalid(
        fmt::format("{}: {} bytes are more than the {} allowed", path.string(), size, limit));
  Bytes bytes(size);
  std::size_t have = 0;
  while (have < bytes.size()) {
    ssize_t got = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(path, "cannot read");
    if (got == 0) return corrupt_at(path.string(), have, "the file shrank while it was read");
    have += static_cast<std::size_t>(got);
  }
  return bytes;
}

Status write_file(const std::filesystem::path& path,
                  std::span<const std::span<const std::byte>> parts) {
  auto temporary = path;
  temporary += fmt::format(".{}.tmp", ::getpid());
  Status written = write_parts(temporary, parts);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0)
    written = system_error(path, "cannot rename to");
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Error corrupt_at(std::string_view origin, std::uint64_t byte, std::string_view what) {
  return corrupt(fmt::format("{}: byte {}: {}", origin, byte, what));
}

std::optional<std::uint64_t> element_count(std::span<const std::int64_t> shape) {
  std::uint64_t count = 1;
  for (auto extent : shape)
    if (extent < 0 || __builtin_mul_overflow(count, static_cast<std::uint64_t>(extent), &count) ||
        count > std::uint64_t{1} << 62)
      return std::nullopt;
  return count;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

}  // namespace clavier::train::data
