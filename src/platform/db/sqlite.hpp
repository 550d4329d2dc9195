// The embedded adapter: SQLite in WAL mode, synchronous=FULL. One writer thread commits many
// callers' transactions as one group, each in its own savepoint; several reader threads have a
// connection each.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "platform/db/database.hpp"
#include "platform/db/migrations.hpp"

namespace madang::metrics {
class Registry;
}

namespace madang::db {

struct SqliteOptions {
  std::filesystem::path path;
  int readers = 2;
  std::size_t write_queue = 4096;         // waiting interactive writes; beyond: database_busy
  std::size_t background_queue = 256;     // waiting background writes
  std::size_t read_queue = 4096;          // waiting reads
  std::size_t max_group = 256;            // transactions a commit
  std::chrono::milliseconds max_wait{2};  // that may go on; then some are refused: database_busy
  int checkpoint_pages = 4096;            // the log is copied back at this size (4 KiB each)
};

/// Opens (creating when absent) and starts the threads. Throws SqlError when the file cannot be
/// used.
std::unique_ptr<Database> open_sqlite(const SqliteOptions& options, metrics::Registry& registry);

/// Copies the live database into a new file, consistent as of one moment, without stopping writers
/// (SQLite's backup API). Throws SqlError; an existing target is refused.
void backup_sqlite(const std::filesystem::path& from, const std::filesystem::path& to);

/// What `madang restore --verify` checks: integrity, foreign keys, and, when modules are given,
/// that every applied migration is known to this program with the same text. One line a fault;
/// empty: sound.
std::vector<std::string> verify_sqlite(const std::filesystem::path& file,
                                       std::span<const ModuleSchema* const> modules = {});

}  // namespace madang::db
