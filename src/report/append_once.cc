#include "report/append_once.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

/// The order is the safety: directories are made and their files measured, then the marker is
/// replaced as a whole, and only then is anything appended. So at every moment there is a marker
/// whose lengths no file is below: cut back to them, the files hold what the marker's knowledge
/// says, and the log tells the rest again. What is replaced as a whole needs no length.
/// A power cut may still leave a file shorter than its marker says. `recover` then answers nothing,
/// and all files are made again from the log, the only copy that must survive.
/// A trial whose files cannot be used is left out before the marker is written; whatever the
/// machine itself lacks (a full disk) ends the batch for all.
namespace clavier::report {
namespace {

namespace fs = std::filesystem;

/// Of one line; what is longer was not written by us.
constexpr std::int64_t kMaxLineBytes = 256 << 20;

/// Deletes a file or a link. A directory of that name is somebody else's.
bool forget(const Folder& directory, const std::string& name) {
  return ::unlinkat(directory.fd(), name.c_str(), 0) == 0 || errno == ENOENT;
}

/// Of what is appended; 0 for what is not there. Fails for what is there and is no file.
Result<std::int64_t> size_of(const Folder& directory, const std::string& name) {
  if (const auto size = directory.size(name)) return *size;
  const auto file = directory.file(name, O_RDONLY);
  if (!file.ok() && file.error().code != ErrorCode::kNotFound) return file.error();
  return 0;
}

}  // namespace

bool AppendOnce::is_plain(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

Result<Folder> AppendOnce::open(const std::string& directory) const {
  return TRY(Folder::open(options_.folder)).below(directory);
}

std::int64_t AppendOnce::directories() const {
  std::int64_t count = 0;
  std::error_code error, ignored;
  for (fs::directory_iterator at(options_.folder, error), end; !error && at != end;
       at.increment(error))
    count += at->is_symlink(ignored) || at->is_directory(ignored);
  return count;
}

AppendOnce::Pending& AppendOnce::pending(const std::string& directory) {
  Pending& pending = pending_[directory];
  pending.appended.resize(options_.files.size());
  return pending;
}

std::optional<Json> AppendOnce::recover() {
  const auto study = Folder::open(options_.folder);
  if (!study.ok()) return {};
  const auto text = study->read(options_.marker, kMaxMarkerBytes);
  if (!text.ok()) return {};
  const auto marker = Json::parse(*text);
  if (!marker.ok()) return {};
  const Json* knowledge = marker->find("knowledge");
  const Json* files = marker->find("files");
  if (!knowledge || !files || marker->find("left_out") || !cut_back(*study, *files)) return {};
  return *knowledge;
}

bool AppendOnce::cut_back(const Folder& study, const Json& files) const {
  const auto* list = files.as<Json::List>();
  if (!list) return false;
  for (const Json& each : *list) {
    const auto* entry = each.as<Json::List>();
    if (!entry || entry->size() != 1 + options_.files.size()) return false;
    const auto* name = (*entry)[0].as<std::string>();
    if (!name || !is_plain(*name)) return false;
    const auto directory = study.below(*name);
    if (!directory.ok()) return false;
    for (std::size_t i = 0; i < options_.files.size(); ++i) {
      const auto* size = (*entry)[i + 1].as<std::int64_t>();
      if (!size || *size < 0 || directory->size(options_.files[i]).value_or(0) < *size)
        return false;
      if (*size == 0) {
        if (!forget(*directory, options_.files[i])) return false;
        continue;
      }
      const auto file = directory->file(options_.files[i], O_WRONLY);
      if (!file.ok() || ::ftruncate(file->get(), *size) != 0) return false;
    }
  }
  return true;
}

/// The trial's directory, made if it is fresh and not there; a fresh one forgets what lies in it.
Result<Folder> AppendOnce::prepare(const Folder& study, const std::string& name, bool fresh) const {
  auto directory = study.below(name);
  const bool absent = !directory.ok() && directory.error().code == ErrorCode::kNotFound;
  if (absent && fresh) {
    if (::mkdirat(study.fd(), name.c_str(), 0777) != 0 && errno != EEXIST)
      return io_error(
          fmt::format("cannot make {}: {}", (study.path() / name).string(), std::strerror(errno)));
    return study.below(name);
  }
  if (!directory.ok()) return directory;
  if (fresh)
    for (const std::string& file : options_.files)
      if (!forget(*directory, file))
        return invalid(fmt::format("cannot replace {}: {}", (directory->path() / file).string(),
                                   std::strerror(errno)));
  return directory;
}

Status AppendOnce::leave_out(const std::string& directory, const Error& error) {
  // What the machine lacks will lack for all of them.
  if (error.code == ErrorCode::kIo) return error;
  left_out_.insert(directory);
  if (left_out_.size() <= kMaxWarnings)
    options_.warn(
        fmt::format("the files of one trial are left out of this run: {}", error.message));
  return ok_status();
}

Result<std::string> AppendOnce::describe_files(const Folder& study) {
  std::string files;
  const auto describe = [&](const std::string& name, bool fresh) -> Status {
    const Folder directory = TRY(prepare(study, name, fresh));
    std::string line;
    append_json(line, name);
    for (const std::string& file : options_.files) {
      line += ", ";
      append_json(line, fresh ? 0 : TRY(size_of(directory, file)));
    }
    files += fmt::format("{}[{}]", files.empty() ? "" : ",\n", line);
    return ok_status();
  };
  for (const auto& [directory, each] : pending_) {
    if (left_out_.contains(directory)) continue;
    if (const Status described = describe(directory, each.fresh); !described.ok())
      TRY(leave_out(directory, described.error()));
  }
  return files;
}

Status AppendOnce::write_files(const Folder& study, const std::string& name,
                               const Pending& pending) const {
  const Folder directory = TRY(study.below(name));
  for (const auto& [file, text] : pending.replaced) TRY(directory.replace(file, text));
  for (std::size_t i = 0; i < options_.files.size(); ++i)
    if (!pending.appended[i].empty()) TRY(directory.append(options_.files[i], pending.appended[i]));
  return ok_status();
}

Status AppendOnce::write(std::string_view knowledge) {
  const auto attempt = [&]() -> Status {
    const Folder study = TRY(Folder::open(options_.folder));
    const std::string files = TRY(describe_files(study));
    TRY(study.replace(options_.marker,
                      fmt::format("{{\"knowledge\": {},\n\"files\": [{}]{}}}\n", knowledge, files,
                                  left_out_.empty() ? "" : ", \"left_out\": true")));
    for (const auto& [directory, each] : pending_) {
      if (left_out_.contains(directory)) continue;
      if (const Status written = write_files(study, directory, each); !written.ok())
        TRY(leave_out(directory, written.error()));
    }
    return ok_status();
  };
  Status status = attempt();
  pending_.clear();
  return status;
}

std::string last_line(const Folder& folder, const char* name) {
  const auto file = folder.file(name, O_RDONLY);
  const std::int64_t size = file.ok() ? ::lseek(file->get(), 0, SEEK_END) : 0;
  for (std::int64_t length = 4096; size > 0; length *= 4) {
    const std::int64_t start = std::max<std::int64_t>(size - length, 0);
    std::string tail(static_cast<std::size_t>(size - start), '\0');
    if (::pread(file->get(), tail.data(), tail.size(), start) != size - start) return {};
    const std::size_t end = tail.rfind('\n');
    if (end != tail.npos && end > 0) {
      const std::size_t before = tail.rfind('\n', end - 1);
      if (before != tail.npos) return tail.substr(before + 1, end - before - 1);
      if (start == 0) return tail.substr(0, end);
    }
    if (start == 0 || length > kMaxLineBytes) return {};
  }
  return {};
}

std::string first_record(const Folder& folder, const char* name) {
  const auto file = folder.file(name, O_RDONLY);
  std::string record;
  bool quoted = false;
  std::array<char, 4096> chunk;
  for (ssize_t got; file.ok() && record.size() < kMaxLineBytes &&
                    (got = ::read(file->get(), chunk.data(), chunk.size())) > 0;)
    for (const char c : std::string_view(chunk.data(), static_cast<std::size_t>(got))) {
      if (c == '"') quoted = !quoted;
      if (c == '\n' && !quoted) {
        if (record.ends_with('\r')) record.pop_back();
        return record;
      }
      record += c;
    }
  return {};
}

}  // namespace clavier::report
