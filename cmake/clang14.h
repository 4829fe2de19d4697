// Forced into builds with clang: clang 14, Debian 12's, cannot give libstdc++ what its
// std::source_location needs, and then there is none at all.
#pragma once

#include <version>

#if defined(__clang__) && !__has_builtin(__builtin_source_location)
namespace std {
struct source_location {
  const char* file = "";
  const char* function = "";
  unsigned number = 0;

  static constexpr source_location current(const char* file = __builtin_FILE(),
                                           const char* function = __builtin_FUNCTION(),
                                           unsigned number = __builtin_LINE()) {
    return {file, function, number};
  }
  constexpr const char* file_name() const { return file; }
  constexpr const char* function_name() const { return function; }
  constexpr unsigned line() const { return number; }
  constexpr unsigned column() const { return 0; }
};
}  // namespace std
#endif
