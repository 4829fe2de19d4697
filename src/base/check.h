#pragma once

#include <source_location>
#include <string_view>

namespace clavier {

/// Prints `what` with its place to standard error and aborts.
[[noreturn]] void check_failed(std::string_view what, std::source_location where);

}  // namespace clavier

#undef CHECK  // LibTorch has a macro of this name; include its headers first.

/// Guards our own invariants, in release builds too. Never used on data from outside the process.
#define CHECK(condition, ...)                                                      \
  do {                                                                             \
    if (!(condition)) [[unlikely]]                                                 \
      ::clavier::check_failed("CHECK(" #condition ")" __VA_OPT__(" " __VA_ARGS__), \
                              std::source_location::current());                    \
  } while (false)
