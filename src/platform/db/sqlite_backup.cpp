#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "platform/db/migrations.hpp"
#include "platform/db/sqlite.hpp"
#include "platform/db/sqlite_connection.hpp"

namespace madang::db {

namespace fs = std::filesystem;
using sqlite::Connection;
using sqlite::ConnectionTransaction;

namespace {

constexpr int pages_a_step = 256;  // 1 MiB, then the disk is left to the writer for a moment
constexpr auto pause_between_steps = std::chrono::milliseconds(1);

void copy_pages(Connection& from, Connection& to) {
  sqlite3_backup* backup = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (backup == nullptr) to.fail(sqlite3_errcode(to.handle()), "backup");
  int code = SQLITE_OK;
  while ((code = sqlite3_backup_step(backup, pages_a_step)) == SQLITE_OK)
    std::this_thread::sleep_for(pause_between_steps);
  const int ended = sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) to.fail(code, "backup");
  if (ended != SQLITE_OK) to.fail(ended, "backup");
}

void make_durable(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!synced) throw SqlError(SqlError::Cause::other, "cannot make durable: " + path.string());
}

SqlError exists_already(const fs::path& target) {
  return {SqlError::Cause::other, "the backup's target exists already: " + target.string()};
}

void copy_to(const fs::path& from, const fs::path& to) {
  Connection source(from, Connection::Use::tool);
  Connection target(to, Connection::Use::copy);
  // The snapshot that this transaction holds is what is copied, whatever is written meanwhile;
  // without it every write would make the copy begin again.
  source.run("begin");
  source.run("select count(*) from sqlite_master");
  copy_pages(source, target);
  source.run("commit");
}

std::vector<std::string> lines_of(Connection& connection, const char* sql) {
  ConnectionTransaction transaction(connection);
  std::vector<std::string> out;
  transaction.run([&](Transaction& tx) {
    tx.each<std::string>(sql, [&](std::string line) { out.push_back(std::move(line)); });
    return true;
  });
  return out;
}

void check(Connection& connection, std::span<const ModuleSchema* const> modules,
           std::vector<std::string>& faults) {
  for (std::string& line : lines_of(connection, "pragma integrity_check"))
    if (line != "ok") faults.push_back("integrity: " + line);
  for (const std::string& line :
       lines_of(connection,
                "select \"table\" || ' row ' || coalesce(rowid, '?') || ' names a row of ' "
                "|| parent || ' that is not there' from pragma_foreign_key_check"))
    faults.push_back("foreign key: " + line);
  if (lines_of(connection, "select name from sqlite_master where name = 'schema_migrations'")
          .empty()) {
    faults.emplace_back("not a store of this program: no table schema_migrations");
    return;
  }
  if (modules.empty()) return;
  ConnectionTransaction(connection).run([&](Transaction& tx) {
    for (std::string& line : migration_faults(tx, modules)) faults.push_back(std::move(line));
    return true;
  });
}

}  // namespace

void backup_sqlite(const fs::path& from, const fs::path& to) {
  if (fs::exists(to)) throw exists_already(to);
  const fs::path folder = to.has_parent_path() ? to.parent_path() : fs::path(".");
  const fs::path partial = to.string() + ".partial";
  std::error_code ignored;
  fs::remove(partial, ignored);
  try {
    copy_to(from, partial);
    make_durable(partial);
    // Fails, instead of replacing it, when the target has appeared meanwhile.
    if (::renameat2(AT_FDCWD, partial.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0)
      throw exists_already(to);
    make_durable(folder);
  } catch (...) {
    fs::remove(partial, ignored);
    throw;
  }
}

std::vector<std::string> verify_sqlite(const fs::path& file,
                                       std::span<const ModuleSchema* const> modules) {
  std::vector<std::string> faults;
  try {
    Connection connection(file, Connection::Use::tool);
    check(connection, modules, faults);
  } catch (const SqlError& error) {
    faults.emplace_back(error.what());
  }
  return faults;
}

}  // namespace madang::db
