#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace clavier::app {

/// Where one study lives. Everything inside is named relative to the folder, so that it can be
/// moved. The folder of a study's trial is the name that `NewTrial::directory` holds.
struct StudyFolder {
  std::filesystem::path root;

  /// The study's name: that of the folder.
  std::string name() const { return root.filename().string(); }
  std::filesystem::path database() const { return root / "study.db"; }
  /// The study file as it was run last.
  std::filesystem::path study_file() const { return root / "study.toml"; }
  /// There is a log in it.
  bool exists() const;
};

/// Letters, digits and `_ - . , + =` without a leading dot, at most 100 bytes: it names a folder.
Status check_study_name(std::string_view name);

/// The folder of all studies: `dir` if given, else `environment` (the value of $CLAVIER_HOME, null
/// if unset) unless empty, else `clavier` in the current folder. Absolute.
std::filesystem::path studies_home(const std::optional<std::string>& dir, const char* environment);

/// The study's folder in `home`, made if it is not there, with the study file's text beside the
/// log (replaced as a whole).
Result<StudyFolder> make_study_folder(const std::filesystem::path& home, std::string_view name,
                                      std::string_view study_text);

/// All studies in `home`, in order of name; none if there is no such folder.
std::vector<StudyFolder> list_studies(const std::filesystem::path& home);

/// A study by its name in `home`, by the path of its folder, or by its study file (whose study's
/// folder is then looked for in `home`). Without a name: the one written to last.
/// kNotFound names the studies there are.
Result<StudyFolder> find_study(const std::filesystem::path& home,
                               const std::optional<std::string>& name_or_path);

/// Bytes of everything in the folder, without following links.
std::int64_t size_bytes(const StudyFolder& folder);

}  // namespace clavier::app
