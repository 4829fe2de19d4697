#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
  /// Makes the folder itself if it is not there.
  Status make() const;
  /// There is a log of ours in it, damaged or not.
  bool exists() const;
  /// There is a file in the log's place that is none, and our lock beside it.
  bool lost_log() const;
  /// What lies in it shows that trials have run, whatever the log says.
  bool begun() const;
  /// A tuner has its lock.
  bool is_running() const;
};

/// Letters, digits and `_ - . , + =` without a leading dot, at most 100 bytes: it names a folder.
Status check_study_name(std::string_view name);
/// A name made of a file's: what a study's may not have becomes `_`.
std::string study_name_of(std::string_view file_name);

/// The folder of all studies: `dir` if given, else `environment` (the value of $CLAVIER_HOME, null
/// if unset) unless empty, else `clavier-results` in the current folder. Absolute.
std::filesystem::path studies_home(const std::optional<std::string>& dir, const char* environment);
/// Whether `home` is `clavier` in the current folder, where studies were kept before: it is meant
/// where it has studies and there is no `clavier-results`.
bool is_former_home(const std::filesystem::path& home);

/// The study's folder in `home`, made if it is not there.
Result<StudyFolder> make_study_folder(const std::filesystem::path& home, std::string_view name);
/// The study file's text beside the log, replaced as a whole. REQUIRES: its log is open, for only
/// who has the lock may say what was run.
Status write_study_file(const StudyFolder& folder, std::string_view text);

/// Takes back what was made for a study that did not begin: at its end, unless `keep` was called,
/// the empty log, its lock and the folder go, if nothing else is in it.
/// REQUIRES: the log is open and holds nothing.
class Unbegun {
 public:
  explicit Unbegun(StudyFolder folder) : folder_(std::move(folder)) {}
  Unbegun(const Unbegun&) = delete;
  Unbegun& operator=(const Unbegun&) = delete;
  ~Unbegun();
  void keep() { kept_ = true; }

 private:
  StudyFolder folder_;
  bool kept_ = false;
};

/// The folders in `home` for which `which` holds, in order of name.
std::vector<StudyFolder> list_studies(const std::filesystem::path& home,
                                      bool (StudyFolder::*which)() const = &StudyFolder::exists);

/// A study by its name in `home`, by the path of its folder, or by its study file (whose study's
/// folder is then looked for in `home`). Without a name: the one written to last.
/// kNotFound names the studies there are.
Result<StudyFolder> find_study(const std::filesystem::path& home,
                               const std::optional<std::string>& name_or_path);

/// Bytes of everything in the folder, without following links.
std::int64_t size_bytes(const StudyFolder& folder);

}  // namespace clavier::app
