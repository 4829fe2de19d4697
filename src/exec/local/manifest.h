#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"

/// A checkpoint's manifest: a hidden file in its directory with the sizes and checksums of the
/// others, written once all of them are on the disk. Who finds it knows what there must be.
namespace clavier::exec {

inline constexpr char kManifestName[] = ".manifest.json";
inline constexpr char kManifestPart[] = ".manifest.json.part";
inline constexpr std::size_t kMaxManifestFiles = 100'000;
inline constexpr std::int64_t kMaxManifestBytes = 64 << 20;

struct ManifestEntry {
  std::string name;  ///< Relative to the checkpoint's directory.
  std::int64_t bytes = 0;
  std::uint32_t crc32c = 0;
  friend bool operator==(const ManifestEntry&, const ManifestEntry&) = default;
};
/// In order of name.
using Manifest = std::vector<ManifestEntry>;

std::string to_text(const Manifest& manifest);
Result<Manifest> manifest_from(std::string_view text);

/// Asked between pieces of work; true: give up.
using GiveUp = std::function<bool()>;

/// Reads every regular file below `directory`, forces it and the directories to the disk, and
/// says what there is. Symbolic links and the manifest itself are left out. Fails with
/// kUnavailable if it gave up.
Result<Manifest> sync_files(const Folder& directory, const GiveUp& give_up);
/// To the disk; `shown` is for the message.
Status sync(int fd, const std::filesystem::path& shown);

enum class Thorough { kSizes, kChecksums };

/// Whether the checkpoint can be trusted. With a manifest: whether everything in it is there as it
/// says. Without one it was not yet known to be on the disk when its tuner ended: it is good if
/// this machine has not been started since (`booted`, seconds since 1970); else an empty file in it
/// is what a lost write leaves, and it is not. Fails with kCorrupt, saying which file and why.
Status check_checkpoint(const std::filesystem::path& directory, Thorough thorough,
                        std::int64_t booted);

/// When this machine was started, seconds since 1970; 0 where that cannot be read.
std::int64_t boot_time(const std::filesystem::path& proc_stat = "/proc/stat");

}  // namespace clavier::exec
