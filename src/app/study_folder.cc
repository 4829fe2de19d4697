#include "app/study_folder.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/study_file.h"
#include "base/files.h"
#include "base/nearest.h"
#include "report/trial_directories.h"
#include "store/step_log.h"
#include "store/study_lock.h"

namespace clavier::app {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kLongestName = 100;
// Python would take a folder called `clavier` for the package of that name: it was the default.
constexpr const char* kDefaultHome = "clavier-results";
constexpr const char* kFormerHome = "clavier";

bool may_be_in_name(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("_-.,+=").find(static_cast<char>(c)) != std::string_view::npos;
}

/// Of the log and its write-ahead part.
fs::file_time_type last_write(const StudyFolder& folder) {
  fs::file_time_type latest = fs::file_time_type::min();
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    fs::path file = folder.database();
    const auto time = fs::last_write_time(file += suffix, error);
    if (!error) latest = std::max(latest, time);
  }
  return latest;
}

fs::path lock_of(const StudyFolder& folder) {
  fs::path lock = folder.database();
  return lock += ".lock";
}

Error no_study(const fs::path& home, std::string_view wanted) {
  std::vector<std::string> names;
  for (const StudyFolder& folder : list_studies(home)) names.push_back(folder.name());
  if (names.empty())
    return not_found(
        fmt::format("there is no study in {}; use --dir or $CLAVIER_HOME if yours are "
                    "elsewhere",
                    home.string()));
  return not_found(
      fmt::format("no study \"{}\" in {}{}", wanted, home.string(), suggestion(wanted, names)));
}

bool has_only_former_home() {
  std::error_code error;
  return !fs::exists(kDefaultHome, error) && !list_studies(kFormerHome).empty();
}

}  // namespace

Status StudyFolder::make() const {
  std::error_code error;
  fs::create_directories(root, error);
  if (error) return io_error(fmt::format("cannot make {}: {}", root.string(), error.message()));
  return {};
}

bool StudyFolder::exists() const { return store::StepLog::exists(database()); }

bool StudyFolder::lost_log() const {
  std::error_code error;
  const fs::path lock = lock_of(*this);
  return !exists() && fs::is_regular_file(fs::symlink_status(database(), error)) &&
         fs::is_regular_file(fs::symlink_status(lock, error));
}

bool StudyFolder::begun() const {
  std::error_code error, ignored;
  for (fs::directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    const std::string entry = at->path().filename().string();
    if (entry == report::TrialDirectories::kMarker) return true;
    if (entry.starts_with(name() + "_") && at->is_directory(ignored)) return true;
  }
  return false;
}

bool StudyFolder::is_running() const { return store::StudyLock::is_held(lock_of(*this)); }

Status check_study_name(std::string_view name) {
  if (!name.empty() && name.size() <= kLongestName && name[0] != '.' &&
      std::ranges::all_of(name, may_be_in_name))
    return {};
  return invalid(fmt::format(
      "the study's name becomes a folder: up to {} letters, digits and _ - . , + = without a "
      "leading dot, not \"{}\"",
      kLongestName, name.substr(0, kLongestName)));
}

bool is_former_home(const fs::path& home) {
  std::error_code error;
  return has_only_former_home() && home == fs::absolute(kFormerHome, error);
}

std::string study_name_of(std::string_view file_name) {
  std::string name(file_name.substr(0, kLongestName));
  std::ranges::replace_if(
      name, [](unsigned char c) { return !may_be_in_name(c); }, '_');
  if (name.starts_with('.')) name.front() = '_';
  return name.empty() ? "study" : name;
}

fs::path studies_home(const std::optional<std::string>& dir, const char* environment) {
  const fs::path home = dir && !dir->empty()          ? fs::path(*dir)
                        : environment && *environment ? fs::path(environment)
                        : has_only_former_home()      ? fs::path(kFormerHome)
                                                      : fs::path(kDefaultHome);
  std::error_code error;
  const fs::path absolute = fs::absolute(home, error);
  return (error ? home : absolute).lexically_normal();
}

Result<StudyFolder> make_study_folder(const fs::path& home, std::string_view name) {
  TRY(check_study_name(name));
  StudyFolder folder{home / name};
  TRY(folder.make());
  return folder;
}

Status write_study_file(const StudyFolder& folder, std::string_view text) {
  const auto write = [&]() -> Status {
    return TRY(Folder::open(folder.root)).replace(folder.study_file().filename(), text);
  };
  const Status written = write();
  if (written) return {};
  return Error{written.error().code, "cannot write " + written.error().message};
}

Unbegun::~Unbegun() {
  if (kept_) return;
  const auto opened = Folder::open(folder_.root);
  if (!opened) return;
  const std::string log = folder_.database().filename().string();
  for (const char* suffix : {"", "-wal", "-shm", "-journal", ".lock"})
    (void)opened->remove(log + suffix);
  (void)opened->remove("data.json");  // What the data are, which no trial has seen.
  std::error_code not_empty;
  fs::remove(folder_.root, not_empty);
}

std::vector<StudyFolder> list_studies(const fs::path& home, bool (StudyFolder::*which)() const) {
  std::vector<StudyFolder> found;
  std::error_code error;
  for (fs::directory_iterator at(home, error), end; !error && at != end; at.increment(error))
    if (StudyFolder folder{at->path()}; (folder.*which)()) found.push_back(std::move(folder));
  std::ranges::sort(found, {}, &StudyFolder::root);
  return found;
}

Result<StudyFolder> find_study(const fs::path& home,
                               const std::optional<std::string>& name_or_path) {
  if (!name_or_path) {
    const auto all = list_studies(home);
    const auto latest = std::ranges::max_element(all, {}, last_write);
    if (latest == all.end()) return no_study(home, "");
    return *latest;
  }
  const fs::path path = *name_or_path;
  std::error_code error;
  fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();
  std::vector<StudyFolder> candidates;
  if (check_study_name(*name_or_path)) candidates.push_back({home / path});
  candidates.push_back({absolute});
  if (absolute.filename() == "study.db") candidates.push_back({absolute.parent_path()});
  for (const StudyFolder& folder : candidates)
    if (folder.exists()) return folder;
  for (const StudyFolder& folder : candidates)
    if (fs::exists(fs::symlink_status(folder.database(), error)))
      return corrupt(fmt::format("{} is not a study log", folder.database().string()));
  if (fs::is_regular_file(absolute, error)) {
    const StudySpec spec = TRY(read_study(absolute, {}, home));
    if (StudyFolder folder{home / spec.name}; folder.exists()) return folder;
    return not_found(fmt::format("the study \"{}\" of {} has not been run in {}", spec.name,
                                 path.string(), home.string()));
  }
  return no_study(home, *name_or_path);
}

std::int64_t size_bytes(const StudyFolder& folder) {
  std::int64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder.root, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code ignored;
    if (at->is_regular_file(ignored) && !at->is_symlink(ignored))
      if (const auto size = at->file_size(ignored); !ignored)
        bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

}  // namespace clavier::app
