#include "platform/db/migrations.hpp"

#include <map>
#include <stdexcept>
#include <string>

#include "base/clock.hpp"
#include "base/encoding.hpp"
#include "platform/db/database.hpp"

namespace madang::db {

namespace {

constexpr std::string_view make_table =
    "create table if not exists schema_migrations ("
    "module varchar(64) not null, name varchar(128) not null, hash char(64) not null, "
    "applied_at bigint not null, primary key (module, name))";

using Applied = std::map<std::string, std::map<std::string, std::string>>;  // module, name: hash

std::string hash_of(const Migration& migration) {
  return to_hex(sha256(migration.sql));
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

bool apply(Transaction& tx, std::string_view module, const Migration& migration) {
  for (const std::string& statement : split_statements(migration.sql)) tx.execute(statement);
  tx.execute("insert into schema_migrations (module, name, hash, applied_at) values (?, ?, ?, ?)",
             module, migration.name, hash_of(migration), SystemClock().now());
  return true;
}

}  // namespace

std::vector<std::string> split_statements(std::string_view sql) {
  std::vector<std::string> out;
  std::string statement;
  const auto end_statement = [&] {
    if (statement.find_first_not_of(" \t\r\n") != std::string::npos) out.push_back(statement);
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
      i = std::min(sql.find('\n', i), sql.size()) - 1;  // a remark, to the end of its line
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
      const std::string label = std::string(module->module) + "/" + std::string(migration.name);
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
  const auto look = [&](Transaction& tx) -> Result<std::vector<std::string>> {
    tx.execute(make_table);
    return migration_faults(tx, modules);
  };
  const std::vector<std::string> faults = must(database.write_blocking(look));
  if (!faults.empty()) throw std::runtime_error(faults.front());
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
