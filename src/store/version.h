#pragma once

#include <string>

namespace clavier::store {

/// Of the SQLite library in use, such as "3.40.1".
std::string sqlite_version();

}  // namespace clavier::store
