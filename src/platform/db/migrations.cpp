#include "platform/db/migrations.hpp"

#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/clock.hpp"
#include "base/encoding.hpp"
#include "platform/db/database.hpp"
#include "platform/db/mariadb_schema.hpp"

namespace madang::db {

namespace {

constexpr std::string_view make_table =
    "create table if not exists schema_migrations ("
    "module varchar(64) not null, name varchar(128) not null, hash char(64) not null, "
    "applied_at bigint not null, primary key (module, name))";

constexpr std::string_view make_steps_table =
    "create table schema_migration_steps (module varchar(64) not null, name varchar(128) not null, "
    "step integer not null, primary key (module, name, step))";

using Applied = std::map<std::string, std::map<std::string, std::string>>;  // module, name: hash

std::string hash_of(const Migration& migration) {
  return to_hex(sha256(migration.sql));
}

std::string name_of(const ModuleSchema& module, const Migration& migration) {
  return std::string(module.module) + "/" + std::string(migration.name);
}

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error("migrations: " + result.error().detail);
  return std::move(*result);
}

Applied applied_in(Transaction& tx) {
  Applied out;
  tx.each<std::string, std::string, std::string>(
      "select module, name, hash from schema_migrations",
      [&](std::string module, std::string name, std::string hash) {
        out[std::move(module)][std::move(name)] = std::move(hash);
      });
  return out;
}

void remember(Transaction& tx, std::string_view module, const Migration& migration) {
  tx.execute("insert into schema_migrations (module, name, hash, applied_at) values (?, ?, ?, ?)",
             module, migration.name, hash_of(migration), SystemClock().now());
}

bool apply(Transaction& tx, std::string_view module, const Migration& migration) {
  for (const std::string& statement : split_statements(migration.sql, tx.dialect()))
    tx.execute(statement);
  remember(tx, module, migration);
  return true;
}

/// Statement by statement: a definition commits what was before it and itself. Each leaves a row; a
/// change of rows and its own row are one transaction, a definition can be run again.
void apply_stepwise(Transaction& tx, std::string_view module, const Migration& migration) {
  const auto done = tx.value<std::int64_t>(
                          "select count(*) from schema_migration_steps where module = ? and name "
                          "= ?",
                          module, migration.name)
                        .value_or(0);
  std::int64_t step = 0;
  for (const std::string& statement : split_statements(migration.sql, tx.dialect())) {
    if (++step <= done) continue;
    tx.execute(mariadb::definition(statement));
    tx.execute("insert into schema_migration_steps (module, name, step) values (?, ?, ?)", module,
               migration.name, step);
  }
  remember(tx, module, migration);
  tx.execute("delete from schema_migration_steps where module = ? and name = ?", module,
             migration.name);
}

/// One program migrates a store at a time; the lock goes with the connection at the latest.
class MigrationLock {
 public:
  explicit MigrationLock(Transaction& tx) : tx_(tx) {
    if (tx.value<int>("select get_lock(concat('migrate ', database()), 300)").value_or(0) != 1)
      throw std::runtime_error("migrations: another program has been migrating for 5 minutes");
  }
  ~MigrationLock() {
    try {
      tx_.value<int>("select release_lock(concat('migrate ', database()))");
    } catch (const SqlError&) {
    }
  }
  MigrationLock(const MigrationLock&) = delete;
  MigrationLock& operator=(const MigrationLock&) = delete;

 private:
  Transaction& tx_;
};

/// Applies the first that is missing; whether there was one.
bool migrate_next(Transaction& tx, std::span<const ModuleSchema* const> modules) {
  const MigrationLock lock(tx);
  tx.execute(mariadb::definition(make_steps_table));
  if (const auto faults = migration_faults(tx, modules); !faults.empty())
    throw std::runtime_error(faults.front());
  Applied applied = applied_in(tx);
  for (const ModuleSchema* module : modules)
    for (const Migration& migration : module->migrations) {
      if (applied[std::string(module->module)].contains(std::string(migration.name))) continue;
      apply_stepwise(tx, module->module, migration);
      return true;
    }
  return false;
}

int migrate_stepwise(Database& database, std::span<const ModuleSchema* const> modules) {
  const auto next = [&](Transaction& tx) -> Result<bool> { return migrate_next(tx, modules); };
  int count = 0;
  while (must(database.write_blocking(next))) ++count;
  return count;
}

}  // namespace

std::vector<std::string> split_statements(std::string_view sql, Dialect dialect) {
  std::vector<std::string> out;
  std::string statement;
  std::optional<Dialect> only;
  const auto end_statement = [&] {
    const bool empty = statement.find_first_not_of(" \t\r\n") == std::string::npos;
    if (!empty && only.value_or(dialect) == dialect) out.push_back(statement);
    if (!empty) only.reset();
    statement.clear();
  };
  char quote = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '-' && sql.substr(i, 2) == "--") {
      const std::size_t end = std::min(sql.find('\n', i), sql.size());
      const std::string_view remark = sql.substr(i, end - i);
      if (remark.starts_with("-- only: sqlite")) only = Dialect::sqlite;
      if (remark.starts_with("-- only: mariadb")) only = Dialect::mariadb;
      i = end - 1;
      continue;
    } else if (c == ';') {
      const std::size_t next = sql.find_first_not_of(" \t\r", i + 1);
      if (next == std::string_view::npos || sql[next] == '\n' || sql.substr(next, 2) == "--") {
        end_statement();
        continue;
      }
    }
    statement += c;
  }
  end_statement();
  return out;
}

std::vector<std::string> migration_faults(Transaction& tx,
                                          std::span<const ModuleSchema* const> modules) {
  std::vector<std::string> faults;
  Applied applied = applied_in(tx);
  for (const ModuleSchema* module : modules) {
    auto& names = applied[std::string(module->module)];
    bool gap = false;
    for (const Migration& migration : module->migrations) {
      const std::string label = name_of(*module, migration);
      const auto found = names.find(std::string(migration.name));
      if (found == names.end()) {
        gap = true;
        continue;
      }
      if (found->second != hash_of(migration))
        faults.push_back("the text of migration " + label + " has changed since it was applied");
      if (gap) faults.push_back("migration " + label + " was applied before its predecessor");
      names.erase(found);
    }
  }
  for (const auto& [module, names] : applied)
    for (const auto& [name, hash] : names) {
      std::string fault = "the store is newer than this program: migration ";
      faults.push_back(fault.append(module).append("/").append(name).append(" is unknown"));
    }
  return faults;
}

int migrate(Database& database, std::span<const ModuleSchema* const> modules) {
  Dialect dialect{};
  const auto look = [&](Transaction& tx) -> Result<std::vector<std::string>> {
    dialect = tx.dialect();
    tx.execute(dialect == Dialect::mariadb ? mariadb::definition(make_table)
                                           : std::string(make_table));
    return migration_faults(tx, modules);
  };
  const std::vector<std::string> faults = must(database.write_blocking(look));
  if (!faults.empty()) throw std::runtime_error(faults.front());
  if (dialect == Dialect::mariadb) return migrate_stepwise(database, modules);
  const auto load = [](Transaction& tx) -> Result<Applied> { return applied_in(tx); };
  Applied applied = must(database.read_blocking(load));
  int count = 0;
  for (const ModuleSchema* module : modules) {
    const auto& names = applied[std::string(module->module)];
    for (const Migration& migration : module->migrations) {
      if (names.contains(std::string(migration.name))) continue;
      const auto body = [&](Transaction& tx) -> Result<bool> {
        return apply(tx, module->module, migration);
      };
      must(database.write_blocking(body));
      ++count;
    }
  }
  return count;
}

}  // namespace madang::db
