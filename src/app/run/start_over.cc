#include "app/run/start_over.h"

#include <fmt/format.h>

#include "base/files.h"
#include "store/study_lock.h"

namespace clavier::app {
namespace fs = std::filesystem;
namespace {

Result<store::StudyLock> lock_of(const StudyFolder& folder) {
  return store::StudyLock::take(folder.database().string() + ".lock");
}

Status rests(const StudyFolder& folder) {
  if (!folder.is_running()) return {};
  return conflict(fmt::format("{0} is running; stop it first: clavier stop {0}", folder.name()));
}

}  // namespace

Status may_go(const StudyFolder& folder) {
  std::error_code error;
  if (fs::is_symlink(folder.root, error))
    return invalid(
        fmt::format("{} is a link: delete the folder that it leads to by its own path, "
                    "and the link by hand",
                    folder.root.string()));
  return rests(folder);
}

Status delete_study(const StudyFolder& folder) {
  const auto lock = TRY(lock_of(folder));
  const auto home = Folder::open(folder.root.parent_path());
  const Status removed = home ? home->remove(folder.root.filename()) : home.error();
  if (removed) return {};
  return Error{removed.error().code, "cannot delete " + removed.error().message};
}

Result<std::string> start_over(const StudyFolder& folder, Earlier earlier) {
  const bool ours = folder.exists() || folder.lost_log();
  if (earlier == Earlier::kGoesOn || !(ours || folder.begun())) return std::string();
  // What only looks begun may be somebody's own: it is put aside.
  if (earlier == Earlier::kIsDeleted && ours) {
    TRY(may_go(folder));
    TRY(delete_study(folder));
    return std::string();
  }
  TRY(rests(folder));
  const auto lock = TRY(lock_of(folder));
  for (int number = 1;; ++number) {
    const fs::path kept =
        folder.root.parent_path() / fmt::format("{}.old-{}", folder.name(), number);
    std::error_code error;
    if (fs::exists(fs::symlink_status(kept, error))) continue;
    fs::rename(folder.root, kept, error);
    if (error)
      return io_error(fmt::format("cannot rename {} to {}: {}", folder.root.string(), kept.string(),
                                  error.message()));
    return kept.filename().string();
  }
}

}  // namespace clavier::app
