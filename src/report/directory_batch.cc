#include "report/directory_batch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

/// The order is the safety: directories are made and their files measured, then the marker is
/// replaced as a whole, and only then is anything appended. So at every moment there is a marker
/// whose lengths no file is below: cut back to them, the files hold what the marker's knowledge
/// says, and the log tells the rest again. params.json is replaced, not appended, and needs no
/// length.
/// A power cut may still leave a file shorter than its marker says. `recover` then answers nothing,
/// and all files are made again from the log, the only copy that must survive.
/// A trial whose files cannot be used is left out before the marker is written; whatever the
/// machine itself lacks (a full disk) ends the batch for all.
namespace clavier::report {
namespace {

namespace fs = std::filesystem;

/// The appended files, in the order of the sizes in the marker.
constexpr const char* kAppended[] = {"result.json", "progress.csv", "error.txt"};
/// Of one line; what is longer was not written by us.
constexpr std::int64_t kMaxLineBytes = 256 << 20;

/// Deletes a file or a link. A directory of that name is somebody else's.
bool forget(const Folder& directory, const char* name) {
  return ::unlinkat(directory.fd(), name, 0) == 0 || errno == ENOENT;
}

/// The trial's directory, made if it is fresh and not there; a fresh one forgets what lies in it.
Result<Folder> prepare(const Folder& study, const DirectoryBatch::Pending& each) {
  auto directory = study.below(each.directory);
  const bool absent = !directory.ok() && directory.error().code == ErrorCode::kNotFound;
  if (absent && each.fresh) {
    if (::mkdirat(study.fd(), each.directory.c_str(), 0777) != 0 && errno != EEXIST)
      return io_error(fmt::format("cannot make {}: {}", (study.path() / each.directory).string(),
                                  std::strerror(errno)));
    return study.below(each.directory);
  }
  if (!directory.ok()) return directory;
  if (each.fresh)
    for (const char* name : kAppended)
      if (!forget(*directory, name))
        return invalid(fmt::format("cannot replace {}: {}", (directory->path() / name).string(),
                                   std::strerror(errno)));
  return directory;
}

/// Of what is appended; 0 for what is not there. Fails for what is there and is no file.
Result<std::int64_t> size_of(const Folder& directory, const char* name) {
  if (const auto size = directory.size(name)) return *size;
  const auto file = directory.file(name, O_RDONLY);
  if (!file.ok() && file.error().code != ErrorCode::kNotFound) return file.error();
  return 0;
}

Status write_files(const Folder& study, const DirectoryBatch::Pending& pending) {
  const Folder directory = TRY(study.below(pending.directory));
  if (!pending.params.empty()) TRY(directory.replace("params.json", pending.params));
  const std::string* texts[] = {&pending.result, &pending.progress, &pending.error};
  for (std::size_t i = 0; i < std::size(kAppended); ++i)
    if (!texts[i]->empty()) TRY(directory.append(kAppended[i], *texts[i]));
  return ok_status();
}

}  // namespace

bool DirectoryBatch::is_plain(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

Result<Folder> DirectoryBatch::open(const std::string& directory) const {
  return TRY(Folder::open(folder_)).below(directory);
}

std::string DirectoryBatch::last_result(const std::string& directory) const {
  const auto trial = open(directory);
  return trial.ok() ? last_line(*trial, kAppended[0]) : std::string();
}

std::string DirectoryBatch::progress_header(const std::string& directory) const {
  const auto trial = open(directory);
  return trial.ok() ? first_record(*trial, kAppended[1]) : std::string();
}

std::int64_t DirectoryBatch::directories() const {
  std::int64_t count = 0;
  std::error_code error, ignored;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error))
    count += at->is_symlink(ignored) || at->is_directory(ignored);
  return count;
}

DirectoryBatch::Pending& DirectoryBatch::pending(TrialId trial, const std::string& directory) {
  Pending& pending = pending_[trial];
  if (pending.directory.empty()) pending.directory = directory;
  return pending;
}

std::optional<Json> DirectoryBatch::recover() {
  const auto study = Folder::open(folder_);
  if (!study.ok()) return {};
  const auto text = study->read(kMarker, kMaxMarkerBytes);
  if (!text.ok()) return {};
  const auto marker = Json::parse(*text);
  if (!marker.ok()) return {};
  const Json* knowledge = marker->find("knowledge");
  const Json* files = marker->find("files");
  if (!knowledge || !files || marker->find("left_out") || !cut_back(*study, *files)) return {};
  return *knowledge;
}

bool DirectoryBatch::cut_back(const Folder& study, const Json& files) const {
  const auto* list = files.as<Json::List>();
  if (!list) return false;
  for (const Json& each : *list) {
    const auto* entry = each.as<Json::List>();
    if (!entry || entry->size() != 1 + std::size(kAppended)) return false;
    const auto* name = (*entry)[0].as<std::string>();
    if (!name || !is_plain(*name)) return false;
    const auto directory = study.below(*name);
    if (!directory.ok()) return false;
    for (std::size_t i = 0; i < std::size(kAppended); ++i) {
      const auto* size = (*entry)[i + 1].as<std::int64_t>();
      if (!size || *size < 0 || directory->size(kAppended[i]).value_or(0) < *size) return false;
      if (*size == 0) {
        if (!forget(*directory, kAppended[i])) return false;
        continue;
      }
      const auto file = directory->file(kAppended[i], O_WRONLY);
      if (!file.ok() || ::ftruncate(file->get(), *size) != 0) return false;
    }
  }
  return true;
}

Status DirectoryBatch::leave_out(const std::string& directory, const Error& error) {
  // What the machine lacks will lack for all of them.
  if (error.code == ErrorCode::kIo) return error;
  left_out_.insert(directory);
  if (left_out_.size() <= kMaxWarnings)
    warn_(fmt::format("the files of one trial are left out of this run: {}", error.message));
  return ok_status();
}

Result<std::string> DirectoryBatch::describe_files(const Folder& study) {
  std::string files;
  const auto describe = [&](const Pending& each) -> Status {
    const Folder directory = TRY(prepare(study, each));
    std::string line;
    append_json(line, each.directory);
    for (const char* name : kAppended) {
      line += ", ";
      append_json(line, each.fresh ? 0 : TRY(size_of(directory, name)));
    }
    files += fmt::format("{}[{}]", files.empty() ? "" : ",\n", line);
    return ok_status();
  };
  for (const auto& [trial, each] : pending_) {
    if (left_out_.contains(each.directory)) continue;
    if (const Status described = describe(each); !described.ok())
      TRY(leave_out(each.directory, described.error()));
  }
  return files;
}

Status DirectoryBatch::write(std::string_view knowledge) {
  const auto attempt = [&]() -> Status {
    const Folder study = TRY(Folder::open(folder_));
    const std::string files = TRY(describe_files(study));
    TRY(study.replace(kMarker,
                      fmt::format("{{\"knowledge\": {},\n\"files\": [{}]{}}}\n", knowledge, files,
                                  left_out_.empty() ? "" : ", \"left_out\": true")));
    for (const auto& [trial, each] : pending_) {
      if (left_out_.contains(each.directory)) continue;
      if (const Status written = write_files(study, each); !written.ok())
        TRY(leave_out(each.directory, written.error()));
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
