#pragma once

#include <iosfwd>

#include <cstddef>

#include "base/result.h"
#include "report/table.h"

namespace clavier::cli {

/// What a command reads and writes. Whoever makes it owns the streams.
struct Streams {
  std::ostream& out;  ///< Text for people, in the program through a door (`door.h`).
  std::ostream& err;
  std::istream& in;
  std::size_t width = 0;  ///< Of the terminal; 0: `out` is none, lines are as long as they are.
  report::Colour colour = report::Colour::kOff;
  std::ostream* behind = nullptr;  ///< Past that door; null: there is none.

  /// For text that is clean already and may carry terminal codes of our own.
  std::ostream& clean() { return behind ? *behind : out; }
  /// For what other programs read, byte by byte; text for people where a terminal shows it.
  std::ostream& data() { return width > 0 ? out : clean(); }
};

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;  ///< What was asked for did not work out.
inline constexpr int kUsage = 2;    ///< The command line itself is wrong.

/// "clavier: what is wrong" to `err`; kFailure.
int fail(Streams& streams, const Error& error);
/// The lines of a table, cut to the terminal.
void print(Streams& streams, const report::Table& table);

}  // namespace clavier::cli
