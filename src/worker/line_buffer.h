#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace clavier::worker {

/// Longest line of the protocol, in bytes without its '\n'.
inline constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

/// Cuts a stream of bytes into lines, never holding more than the limit and one chunk.
class LineBuffer {
 public:
  explicit LineBuffer(std::size_t max_line_bytes = kMaxLineBytes) : max_(max_line_bytes) {}

  /// Calls `line(std::string_view)` for every line that `bytes` completes, without its '\n'
  /// (valid during the call only), and `too_long(std::string_view beginning)` once for every
  /// line beyond the limit, whose bytes are dropped up to its '\n'.
  template <typename Line, typename TooLong>
  void feed(std::string_view bytes, Line&& line, TooLong&& too_long);
  /// At the stream's end: hands over a last line without '\n', if any.
  template <typename Line>
  void finish(Line&& line);

  static constexpr std::size_t kBeginningBytes = 80;

 private:
  std::size_t max_;
  std::string rest_;       ///< Of a line not complete yet; at most max_ bytes.
  bool dropping_ = false;  ///< Inside a line beyond the limit.
};

template <typename Line, typename TooLong>
void LineBuffer::feed(std::string_view bytes, Line&& line, TooLong&& too_long) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    const bool complete = end != std::string_view::npos;
    if (!dropping_ && rest_.size() + part.size() > max_) {
      rest_.append(part.substr(0, kBeginningBytes));
      too_long(std::string_view(rest_).substr(0, kBeginningBytes));
      rest_ = {};
      dropping_ = true;
    }
    if (dropping_) {
      dropping_ = !complete;
    } else if (!complete) {
      rest_.append(part);
    } else if (rest_.empty()) {
      line(part);
    } else {
      rest_.append(part);
      line(std::string_view(rest_));
      rest_.clear();
    }
    bytes.remove_prefix(complete ? end + 1 : bytes.size());
  }
}

template <typename Line>
void LineBuffer::finish(Line&& line) {
  if (!dropping_ && !rest_.empty()) line(std::string_view(rest_));
  rest_ = {};
  dropping_ = false;
}

}  // namespace clavier::worker
