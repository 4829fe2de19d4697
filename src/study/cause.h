#pragma once

#include <string>
#include <string_view>

namespace clavier {

/// An error message without what differs from trial to trial (numbers, addresses, quoted paths),
/// so that failures can be grouped by cause.
std::string cause_of(std::string_view error);

}  // namespace clavier
