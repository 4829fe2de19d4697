#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace clavier {

/// The whole of a file that the user named: whatever can be read, links included, but kInvalid if
/// there is more than `limit_bytes`. kNotFound if it is not there.
Result<std::string> read_file(const std::filesystem::path& file, std::size_t limit_bytes);

/// kIo with the system's reason; what was written before stays.
Status write_all(int fd, std::string_view text, const std::filesystem::path& shown);

/// A directory, held open, and the way to what lies in it. Workers and strangers may have put
/// anything there, so no link below it is followed, only regular files are opened, and nothing
/// blocks. Names are relative and may lead through directories.
///
/// Failures name the path and the reason: kNotFound for what is not there; kInvalid for what cannot
/// be used as it is (a link, a pipe, a directory, no permission), whatever becomes of the rest; kIo
/// for what the system lacks (a full disk, no descriptors).
class Folder {
 public:
  /// Links in `path` itself are followed: it is the user's own.
  static Result<Folder> open(const std::filesystem::path& path);
  /// A directory in it.
  Result<Folder> below(const std::filesystem::path& name) const;

  /// `flags` are those of open(2).
  Result<Fd> file(const std::filesystem::path& name, int flags) const;
  /// Bytes of a regular file; nothing if there is none.
  std::optional<std::int64_t> size(const std::filesystem::path& name) const;
  /// kInvalid if it is longer than `limit_bytes`.
  Result<std::string> read(const std::filesystem::path& name, std::size_t limit_bytes) const;
  Status append(const std::filesystem::path& name, std::string_view text) const;
  /// Of something in this directory itself, over whatever has the new name.
  Status rename(const std::filesystem::path& from, const std::filesystem::path& to) const;
  /// As a whole: nobody sees half of it. Written beside it under the name with ".new".
  Status replace(const std::filesystem::path& name, std::string_view text) const;
  /// Deletes a file, a link or a directory with everything in it, if it is there.
  Status remove(const std::filesystem::path& name) const;

  int fd() const { return fd_.get(); }
  const std::filesystem::path& path() const { return path_; }
  /// A path for functions of the library that leads here whatever lies on the way by now. Valid as
  /// long as the folder is open.
  std::filesystem::path held() const;

 private:
  Folder(Fd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Error failure(const char* name) const;

  Fd fd_;
  std::filesystem::path path_;
};

}  // namespace clavier
