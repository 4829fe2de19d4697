#pragma once

#include <filesystem>

#include "base/fd.h"
#include "base/result.h"

namespace clavier::store {

/// Keeps a second writer out of a study, on this host and, where the file system forwards locks,
/// on others. Held as long as the object lives; the system frees it when the process dies.
class StudyLock {
 public:
  /// Locks `file`, which is created if need be and never removed. kConflict if another process has
  /// it; the message names that process.
  static Result<StudyLock> take(const std::filesystem::path& file);
  /// Whether a process has it just now. Asking takes it for an instant, which `take` waits for.
  static bool is_held(const std::filesystem::path& file);

 private:
  explicit StudyLock(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

}  // namespace clavier::store
