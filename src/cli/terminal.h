#pragma once

#include <optional>

#include "report/console.h"

namespace clavier::cli {

/// The size of the terminal that standard output is; nothing if it is none.
std::optional<report::ConsoleSize> terminal_size();
/// Off for NO_COLOR, dumb terminals and everything that is no terminal.
report::Colour terminal_colour();
/// Makes descriptors 0, 1 and 2 exist, so that no file we open is taken for one of them, and lets
/// a reader that went away show as a failed write instead of a signal.
void prepare_standard_streams();

}  // namespace clavier::cli
