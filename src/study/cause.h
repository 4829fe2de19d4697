#pragma once

#include <string>
#include <string_view>

namespace clavier {

/// What failures of one cause have in common, whatever differs in their texts. Where the log ends
/// in the traceback of an exception: its type and the place that raised it. Else the message
/// without numbers, addresses, sizes, quoted text and paths.
std::string cause_of(std::string_view error, std::string_view log_tail = {});

/// A disk was full, which is the machine's fault: what the program could not write is missing now,
/// and may not be the next time.
bool disk_was_full(std::string_view error);

}  // namespace clavier
