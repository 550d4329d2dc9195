// Forward-only migrations, one list a module, compiled into the binary from schema/NNNN_name.sql.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace madang::db {

class Database;
class Transaction;
enum class Dialect;

struct Migration {
  std::string_view name;  // 0001_accounts
  std::string_view sql;   // statements separated by `;` at a line's end, see split_statements
};

struct ModuleSchema {
  std::string_view module;
  std::vector<Migration> migrations;
};

/// Brings every module's tables up to date, in the given order of modules; each migration once,
/// with its text's hash remembered in `schema_migrations`. Throws when an applied migration's text
/// has changed or the store is newer than this program. Returns how many were applied.
///
/// Where a definition cannot be part of a transaction (MariaDB), each statement is remembered by
/// itself, and may be run again when the program ended in between.
int migrate(Database& database, std::span<const ModuleSchema* const> modules);

/// What keeps this program from using the store, one line each: changed texts, migrations that are
/// unknown here. Those still to be applied are no fault.
std::vector<std::string> migration_faults(Transaction& tx,
                                          std::span<const ModuleSchema* const> modules);

/// A migration's statements: they end with `;` at a line's end; `--` remarks are left out. After a
/// remark `-- only: sqlite` or `-- only: mariadb` the next statement is for that engine alone.
std::vector<std::string> split_statements(std::string_view sql, Dialect dialect);

}  // namespace madang::db
