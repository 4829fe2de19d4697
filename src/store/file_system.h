#pragma once

#include <filesystem>

namespace clavier::store {

/// The directory lies on a file system shared between hosts, where memory shared between
/// processes (and so SQLite's WAL) does not work. False if unknown.
bool is_network_file_system(const std::filesystem::path& directory);

/// For `statfs::f_type` of Linux.
bool is_network_type(unsigned long type);

}  // namespace clavier::store
