#pragma once

#include <filesystem>
#include <string>

#include "store/sqlite.h"

namespace clavier::store {

/// Written into `user_version`; raised whenever an older program could misread the file.
inline constexpr int kSchemaVersion = 1;

/// Creates table and views in a database that is still empty; else checks that it is a log which
/// this program can read (kCorrupt for another program's file, kInvalid for a newer version), and
/// that it was written for the same metric (kInvalid).
Status create_or_check_schema(Database& database, const std::filesystem::path& file,
                              const std::string& metric);
/// The second half only; kNotFound for a database without tables. Answers the metric's name.
Result<std::string> check_schema(Database& database, const std::filesystem::path& file);

}  // namespace clavier::store
