#include "cli/door.h"

#include <cerrno>
#include <string_view>
#include <utility>

#include "report/width.h"

namespace clavier::cli {

Door::Door(std::ostream& stream)
    : stream_(stream),
      to_(*stream.rdbuf()),
      through_(to_, Passes::kVisible),
      past_(to_, Passes::kAll),
      behind_(&past_) {
  stream_.rdbuf(&through_);
}

Door::~Door() {
  through_.end();
  stream_.rdbuf(&to_);
}

int Door::flush() {
  through_.end();
  stream_.flush();
  behind_.flush();
  return through_.failed ? through_.failed : past_.failed;
}

void Door::Buffer::end() {
  if (!begun_.empty()) pass(report::visible(std::exchange(begun_, {})));
}

/// Full buffers, closed pipes and full disks show here or in `sync`.
bool Door::Buffer::pass(std::string_view text) {
  errno = 0;
  const auto size = static_cast<std::streamsize>(text.size());
  if (to_.sputn(text.data(), size) == size) return true;
  if (failed == 0) failed = errno ? errno : EIO;
  return false;
}

int Door::Buffer::sync() {
  errno = 0;
  const int result = to_.pubsync();
  if (result != 0 && failed == 0) failed = errno ? errno : EIO;
  return result;
}

Door::Buffer::int_type Door::Buffer::overflow(int_type byte) {
  if (traits_type::eq_int_type(byte, traits_type::eof())) return traits_type::not_eof(byte);
  const char c = traits_type::to_char_type(byte);
  return xsputn(&c, 1) == 1 ? byte : traits_type::eof();
}

std::streamsize Door::Buffer::xsputn(const char* text, std::streamsize count) {
  const std::string_view given(text, static_cast<std::size_t>(count));
  if (passes_ == Passes::kAll) return pass(given) ? count : 0;
  begun_ += given;
  const std::size_t left = report::begun(begun_);
  const std::string rest = begun_.substr(begun_.size() - left);
  begun_.resize(begun_.size() - left);
  const bool passed = pass(report::visible(begun_));
  begun_ = rest;
  return passed ? count : 0;
}

}  // namespace clavier::cli
