#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace clavier::exec {

/// The end of a stream: its last lines, within bounds.
class LogTail {
 public:
  void append(std::string_view bytes);
  /// At most kMaxLines lines and kMaxBytes bytes, without a final newline.
  std::string lines() const;
  /// The last line that is not blank, at most kMaxLineBytes of it; empty if there is none.
  std::string last_line() const;

  static constexpr std::size_t kMaxBytes = 8 << 10;
  static constexpr std::size_t kMaxLines = 20;
  static constexpr std::size_t kMaxLineBytes = 400;

 private:
  std::string_view kept() const;
  std::string bytes_;  ///< At most 2 kMaxBytes.
};

/// One log file: appended to, up to a limit, then closed with a notice. Made at its first byte.
/// Never fails loudly: a full disk costs the log, not the trial.
class LogFile {
 public:
  /// `name` is relative to the folder. A link or a special file of that name gets nothing.
  LogFile(std::filesystem::path folder, std::filesystem::path name, std::int64_t limit_bytes)
      : folder_(std::move(folder)), name_(std::move(name)), left_(limit_bytes) {}

  /// To the file and its tail.
  void append(std::string_view bytes);
  /// Our own words, which are no part of the tail.
  void note(std::string_view bytes);
  const LogTail& tail() const { return tail_; }

 private:
  void open();
  void write(std::string_view bytes);

  std::filesystem::path folder_, name_;
  std::int64_t left_;  ///< Counted from the file's size once it is open.
  bool opened_ = false;
  Fd fd_;
  LogTail tail_;
};

}  // namespace clavier::exec
