#include "report/directory_batch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/fd.h"

namespace clavier::report {
namespace {

namespace fs = std::filesystem;

/// The appended files, in the order of the sizes in the marker.
constexpr const char* kAppended[] = {"result.json", "progress.csv", "error.txt"};

Error failed(std::string_view what, const fs::path& path) {
  return io_error(fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

Status write_all(const fs::path& path, int flags, std::string_view text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666));
  if (!file) return failed("open", path);
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ok_status();
}

/// -1 if there is no such file.
std::int64_t size_of(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_size : -1;
}

/// Makes the directory and, for a fresh trial, forgets what lies in it.
Status prepare(const fs::path& directory, bool fresh) {
  if (::mkdir(directory.c_str(), 0777) == 0) return ok_status();
  if (errno != EEXIST) return failed("make the directory", directory);
  if (!fresh) return ok_status();
  for (const char* name : kAppended)
    if (::unlink((directory / name).c_str()) != 0 && errno != ENOENT)
      return failed("replace", directory / name);
  return ok_status();
}

}  // namespace

bool DirectoryBatch::is_plain(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

fs::path DirectoryBatch::result_file(const std::string& directory) const {
  return folder_ / directory / kAppended[0];
}
fs::path DirectoryBatch::progress_file(const std::string& directory) const {
  return folder_ / directory / kAppended[1];
}

DirectoryBatch::Pending& DirectoryBatch::pending(TrialId trial, const std::string& directory) {
  Pending& pending = pending_[trial];
  if (pending.directory.empty()) pending.directory = directory;
  return pending;
}

std::optional<Json> DirectoryBatch::recover() {
  std::ifstream stream(folder_ / kMarker, std::ios::binary);
  if (!stream) return {};
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  const auto marker = Json::parse(text);
  if (!marker.ok()) return {};
  const Json* knowledge = marker->find("knowledge");
  const Json* files = marker->find("files");
  if (!knowledge || !files || !cut_back(*files)) return {};
  return *knowledge;
}

bool DirectoryBatch::cut_back(const Json& files) const {
  const auto* list = files.as<Json::List>();
  if (!list) return false;
  for (const Json& each : *list) {
    const auto* entry = each.as<Json::List>();
    if (!entry || entry->size() != 1 + std::size(kAppended)) return false;
    const auto* directory = (*entry)[0].as<std::string>();
    if (!directory || !is_plain(*directory)) return false;
    for (std::size_t i = 0; i < std::size(kAppended); ++i) {
      const auto* size = (*entry)[i + 1].as<std::int64_t>();
      const fs::path file = folder_ / *directory / kAppended[i];
      if (!size || *size < 0 || std::max<std::int64_t>(size_of(file), 0) < *size) return false;
      const bool gone = *size == 0 ? ::unlink(file.c_str()) == 0 || errno == ENOENT
                                   : ::truncate(file.c_str(), *size) == 0;
      if (!gone) return false;
    }
  }
  return true;
}

Result<std::string> DirectoryBatch::describe_files() {
  std::string files = "[";
  for (const auto& [trial, each] : pending_) {
    const fs::path directory = folder_ / each.directory;
    TRY(prepare(directory, each.fresh));
    if (files.size() > 1) files += ",\n";
    files += '[';
    append_json(files, each.directory);
    for (const char* name : kAppended) {
      files += ", ";
      append_json(files, each.fresh ? 0 : std::max<std::int64_t>(size_of(directory / name), 0));
    }
    files += ']';
  }
  return files + ']';
}

Status DirectoryBatch::write(std::string_view knowledge) {
  const auto attempt = [&]() -> Status {
    const std::string files = TRY(describe_files());
    TRY(write_marker(knowledge, files));
    for (const auto& [trial, each] : pending_) TRY(write_files(each));
    return ok_status();
  };
  Status status = attempt();
  pending_.clear();
  return status;
}

Status DirectoryBatch::write_marker(std::string_view knowledge, std::string_view files) const {
  const fs::path marker = folder_ / kMarker;
  const fs::path fresh = marker.string() + ".new";
  TRY(write_all(fresh, O_TRUNC,
                fmt::format("{{\"knowledge\": {},\n\"files\": {}}}\n", knowledge, files)));
  if (::rename(fresh.c_str(), marker.c_str()) != 0) return failed("replace", marker);
  return ok_status();
}

Status DirectoryBatch::write_files(const Pending& pending) const {
  const fs::path directory = folder_ / pending.directory;
  if (!pending.params.empty()) TRY(write_all(directory / "params.json", O_TRUNC, pending.params));
  const std::string* texts[] = {&pending.result, &pending.progress, &pending.error};
  for (std::size_t i = 0; i < std::size(kAppended); ++i)
    if (!texts[i]->empty()) TRY(write_all(directory / kAppended[i], O_APPEND, *texts[i]));
  return ok_status();
}

std::string last_line(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  if (!stream) return {};
  const auto size = static_cast<std::int64_t>(stream.tellg());
  for (std::int64_t length = 4096;; length *= 4) {
    const std::int64_t start = std::max<std::int64_t>(size - length, 0);
    std::string tail(static_cast<std::size_t>(size - start), '\0');
    stream.seekg(start);
    if (!stream.read(tail.data(), static_cast<std::streamsize>(tail.size()))) return {};
    const std::size_t end = tail.rfind('\n');
    if (end != tail.npos && end > 0) {
      const std::size_t before = tail.rfind('\n', end - 1);
      if (before != tail.npos) return tail.substr(before + 1, end - before - 1);
      if (start == 0) return tail.substr(0, end);
    }
    if (start == 0) return {};
  }
}

std::string first_record(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string record;
  bool quoted = false;
  for (char c = 0; stream.get(c);) {
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
