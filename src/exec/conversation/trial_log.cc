#include "exec/conversation/trial_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"

namespace clavier::exec {
namespace {

constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kNotice = "\n[clavier] the log ends here: it has reached its limit\n";

}  // namespace

void LogTail::append(std::string_view bytes) {
  if (bytes.size() > kMaxBytes) bytes.remove_prefix(bytes.size() - kMaxBytes);
  if (bytes_.size() + bytes.size() > 2 * kMaxBytes) bytes_.erase(0, bytes_.size() - kMaxBytes);
  bytes_.append(bytes);
}

std::string_view LogTail::kept() const {
  std::string_view text = bytes_;
  if (text.size() > kMaxBytes) text.remove_prefix(text.size() - kMaxBytes);
  return text.substr(0, text.find_last_not_of(kBlank) + 1);
}

std::string LogTail::lines() const {
  const std::string_view text = kept();
  std::size_t from = text.size();
  for (std::size_t line = 0; line < kMaxLines && from > 0; ++line) {
    const auto newline = text.rfind('\n', from - 1);
    if (newline == std::string_view::npos) return std::string(text);
    from = newline;
  }
  return std::string(text.substr(from + (from < text.size() ? 1 : 0)));
}

std::string LogTail::last_line() const {
  std::string_view text = kept();
  const auto newline = text.rfind('\n');
  if (newline != std::string_view::npos) text.remove_prefix(newline + 1);
  const auto start = text.find_first_not_of(kBlank);
  if (start == std::string_view::npos) return {};
  return std::string(text.substr(start, kMaxLineBytes));
}

void LogFile::append(std::string_view bytes) {
  tail_.append(bytes);
  note(bytes);
}

void LogFile::note(std::string_view bytes) {
  if (bytes.empty()) return;
  if (!opened_) open();
  if (!fd_) return;
  const auto part = static_cast<std::size_t>(
      std::clamp<std::int64_t>(left_, 0, static_cast<std::int64_t>(bytes.size())));
  write(bytes.substr(0, part));
  left_ -= static_cast<std::int64_t>(part);
  if (part == bytes.size()) return;
  write(kNotice);
  fd_.reset();
}

void LogFile::open() {
  opened_ = true;
  const auto folder = Folder::open(folder_);
  if (!folder.ok()) return;
  auto file = folder->file(name_, O_WRONLY | O_CREAT | O_APPEND);
  if (!file.ok()) return;
  fd_ = *std::move(file);
  struct stat info {};
  if (!fd_ || ::fstat(fd_.get(), &info) != 0) return;
  // Later attempts go on in the same file, under the same limit, with one notice.
  if (info.st_size > left_)
    fd_.reset();
  else
    left_ -= info.st_size;
}

void LogFile::write(std::string_view bytes) { (void)write_all(fd_.get(), bytes, name_); }

}  // namespace clavier::exec
