#include "worker/checkpoint_writer.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string_view>
#include <system_error>

#include "worker/protocol.h"

namespace clavier::worker {
namespace {

namespace fs = std::filesystem;

/// A step is repeated within one launch only after it took over another trial's weights.
constexpr int kMaxRepeats = 1000;

Error failed(Steps step, const fs::path& where, std::string_view why) {
  return io_error(
      fmt::format("writing the checkpoint of step {} to {} failed: {}", step, where.string(), why));
}

/// Not every library passes on why its file could not be written: then the disk is asked, before
/// what was half-written is removed.
bool disk_is_full(const fs::path& directory, std::string_view why) {
  constexpr std::uint64_t kFullBytes = 64 << 10;  // A disk with less room is full.
  for (const int error : {ENOSPC, EDQUOT})
    if (why.find(std::strerror(error)) != why.npos) return true;
  struct statvfs disk {};
  return ::statvfs(directory.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < kFullBytes;
}

Status fill(const fs::path& directory, Steps step, const Save& save) {
  std::error_code error;
  fs::remove_all(directory, error);
  if (!error) fs::create_directories(directory, error);
  if (error) return failed(step, directory, error.message());
  try {
    save(directory);
  } catch (const std::exception& thrown) {
    return failed(step, directory, thrown.what());
  } catch (...) {
    return failed(step, directory, "an exception of unknown type");
  }
  return {};
}

Result<std::string> unused_name(const fs::path& parent, Steps step, LaunchId launch) {
  const std::string first = checkpoint_name(step, launch);
  std::string name = first;
  std::error_code error;
  for (int i = 2; fs::exists(fs::symlink_status(parent / name, error)); ++i) {
    if (i > kMaxRepeats) return failed(step, parent / first, "too many of the same step");
    name = fmt::format("{}_{}", first, i);
  }
  return name;
}

}  // namespace

Result<std::string> write_checkpoint(const fs::path& trial_directory, Steps step, LaunchId launch,
                                     const Save& save) {
  auto name = TRY(unused_name(trial_directory, step, launch));
  const fs::path hidden = trial_directory / ("." + name + ".part");
  std::error_code error;
  const Status filled = fill(hidden, step, save);
  if (filled) fs::rename(hidden, trial_directory / name, error);
  if (filled && !error) return name;
  Error failure =
      filled.ok() ? failed(step, trial_directory / name, error.message()) : filled.error();
  if (disk_is_full(trial_directory, failure.message)) failure.code = ErrorCode::kUnavailable;
  fs::remove_all(hidden, error);
  return failure;
}

}  // namespace clavier::worker
