#include "store/version.h"

#include <sqlite3.h>

namespace clavier::store {

std::string sqlite_version() { return sqlite3_libversion(); }

}  // namespace clavier::store
