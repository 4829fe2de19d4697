#include "exec/local/manifest.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>

#include "base/json.h"
#include "exec/local/crc32c.h"

namespace clavier::exec {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr int kVersion = 1;

Error failed(const fs::path& path) {
  return io_error(fmt::format("{}: {}", path.string(), std::strerror(errno)));
}

Error damaged(const fs::path& name, std::string_view why) {
  return corrupt(fmt::format("{} {}", name.string(), why));
}

/// The whole file's checksum; `bytes` says how many there were.
Result<std::uint32_t> checksum(int fd, const fs::path& path, std::int64_t& bytes,
                               const GiveUp& give_up) {
  std::vector<char> chunk(kChunkBytes);
  std::uint32_t sum = 0;
  bytes = 0;
  while (true) {
    if (give_up()) return unavailable("given up");
    const ssize_t size = ::read(fd, chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return failed(path);
    if (size == 0) return sum;
    sum = crc32c({chunk.data(), static_cast<std::size_t>(size)}, sum);
    bytes += size;
  }
}

Result<ManifestEntry> sync_file(const Folder& directory, const std::string& name,
                                const GiveUp& give_up) {
  const Fd fd = TRY(directory.file(name, O_RDONLY));
  ManifestEntry entry{.name = name};
  entry.crc32c = TRY(checksum(fd.get(), directory.path() / name, entry.bytes, give_up));
  TRY(sync(fd.get(), directory.path() / name));
  return entry;
}

Status check_file(const Folder& directory, const ManifestEntry& entry, Thorough thorough) {
  const auto size = directory.size(entry.name);
  if (size && *size != entry.bytes)
    return damaged(entry.name, fmt::format("has {} bytes instead of {}", *size, entry.bytes));
  if (size && thorough == Thorough::kSizes) return ok_status();
  const auto fd = directory.file(entry.name, O_RDONLY);
  if (!fd) return corrupt(fd.error().message);
  std::int64_t bytes = 0;
  const auto sum = checksum(fd->get(), entry.name, bytes, [] { return false; });
  if (!sum) return corrupt(sum.error().message);
  if (*sum != entry.crc32c) return damaged(entry.name, "has changed: its checksum is wrong");
  return ok_status();
}

/// Every lost write shows as a file without content: its name was on the disk, its bytes were not.
Status check_without_manifest(const Folder& folder, std::int64_t written, std::int64_t booted) {
  if (written >= booted) return ok_status();
  const fs::path directory = folder.held();
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error))
    if (at->is_regular_file(error) && !at->is_symlink(error) && at->file_size(error) == 0)
      return damaged(at->path().lexically_relative(directory),
                     "is empty: the machine went down before it was on the disk");
  if (error) return corrupt(error.message());
  return ok_status();
}

std::optional<ManifestEntry> entry_from(const Json& json) {
  const Json* name = json.find("name");
  const Json* bytes = json.find("bytes");
  const Json* sum = json.find("crc32c");
  if (!name || !bytes || !sum || !name->as<std::string>() || !bytes->as<std::int64_t>() ||
      !sum->as<std::int64_t>())
    return std::nullopt;
  ManifestEntry entry{*name->as<std::string>(), *bytes->as<std::int64_t>()};
  const fs::path path = fs::path(entry.name).lexically_normal();
  const std::int64_t value = *sum->as<std::int64_t>();
  if (entry.bytes < 0 || value < 0 || value > std::numeric_limits<std::uint32_t>::max() ||
      path.empty() || path.is_absolute() || *path.begin() == "..")
    return std::nullopt;
  entry.crc32c = static_cast<std::uint32_t>(value);
  return entry;
}

}  // namespace

std::string to_text(const Manifest& manifest) {
  std::string text = fmt::format("{{\"version\":{},\"files\":[", kVersion);
  for (const ManifestEntry& entry : manifest) {
    text += &entry == manifest.data() ? "\n{\"name\":" : ",\n{\"name\":";
    append_json(text, std::string_view(entry.name));
    text += fmt::format(",\"bytes\":{},\"crc32c\":{}}}", entry.bytes, entry.crc32c);
  }
  return text + "]}\n";
}

Result<Manifest> manifest_from(std::string_view text) {
  const Json json = TRY(Json::parse(text));
  const Json* files = json.find("files");
  if (!files || !files->as<Json::List>()) return invalid("it is no manifest");
  Manifest manifest;
  for (const Json& each : *files->as<Json::List>()) {
    const auto entry = entry_from(each);
    if (!entry) return invalid("an entry needs name, bytes and crc32c");
    manifest.push_back(*entry);
  }
  return manifest;
}

Status sync(int fd, const fs::path& shown) {
  // File systems that know nothing of it answer EINVAL.
  if (::fsync(fd) != 0 && errno != EINVAL) return failed(shown);
  return ok_status();
}

Result<Manifest> sync_files(const Folder& directory, const GiveUp& give_up) {
  Manifest manifest;
  std::error_code error;
  const fs::path root = directory.held();
  for (fs::recursive_directory_iterator at(root, error), end; !error && at != end;
       at.increment(error)) {
    const fs::file_status status = at->symlink_status(error);
    const std::string name = at->path().lexically_relative(root).string();
    if (fs::is_directory(status)) {
      const Folder inner = TRY(directory.below(name));
      TRY(sync(inner.fd(), inner.path()));
    }
    if (!fs::is_regular_file(status) || name == kManifestName || name == kManifestPart) continue;
    if (manifest.size() == kMaxManifestFiles)
      return invalid(
          fmt::format("{}: more than {} files", directory.path().string(), kMaxManifestFiles));
    manifest.push_back(TRY(sync_file(directory, name, give_up)));
  }
  if (error) return io_error(fmt::format("{}: {}", directory.path().string(), error.message()));
  TRY(sync(directory.fd(), directory.path()));
  std::ranges::sort(manifest, {}, &ManifestEntry::name);
  return manifest;
}

Status check_checkpoint(const fs::path& directory, Thorough thorough, std::int64_t booted) {
  const auto as_damage = [](const Error& error) { return corrupt(error.message); };
  // The trial's directory may have been moved and linked back: reading there harms nobody.
  const auto trial = Folder::open(directory.parent_path());
  if (!trial) return as_damage(trial.error());
  const auto folder = trial->below(directory.filename());
  if (!folder) return as_damage(folder.error());
  struct stat info {};
  if (::fstat(folder->fd(), &info) != 0) return corrupt(std::strerror(errno));
  const auto text = folder->read(kManifestName, kMaxManifestBytes);
  if (!text && text.error().code == ErrorCode::kNotFound)
    return check_without_manifest(*folder, info.st_mtime, booted);
  if (!text) return as_damage(text.error());
  const auto manifest = manifest_from(*text);
  if (!manifest) return damaged(kManifestName, manifest.error().message);
  for (const ManifestEntry& entry : *manifest) TRY(check_file(*folder, entry, thorough));
  return ok_status();
}

std::int64_t boot_time(const fs::path& proc_stat) {
  constexpr std::string_view kWord = "btime ";
  std::ifstream file(proc_stat);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(kWord)) continue;
    std::int64_t seconds = 0;
    std::from_chars(line.data() + kWord.size(), line.data() + line.size(), seconds);
    return seconds;
  }
  return 0;
}

}  // namespace clavier::exec
