#pragma once

#include <cstdint>
#include <string>

namespace clavier::exec {

/// How often the kernel's out-of-memory killer has struck in this process's control group (both
/// generations of control groups); 0 where that cannot be read. `root` stands for "/" in tests.
std::int64_t oom_kills(const std::string& root = "");

}  // namespace clavier::exec
