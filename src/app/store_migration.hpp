// Moving house: a data folder's SQLite store into MariaDB.
#pragma once

#include <filesystem>
#include <string>

#include "platform/config/config.hpp"

namespace madang::app {

/// Copies everything, tells of its progress on standard error, compares both sides, and prints what
/// it did. No server may use the folder, and none will use the destination before it is complete.
/// Killed, it goes on where it was when it is run again. Throws std::runtime_error, one line.
void migrate_store(const config::Config& config, const std::filesystem::path& folder,
                   const std::string& url, bool dry_run);

}  // namespace madang::app
