// One SQLite connection, used by one thread at a time: opening and settings, the statement cache,
// the mapping of errors. Private to the adapter.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "platform/db/sql.hpp"

namespace madang::db::sqlite {

class Connection;

/// A prepared statement. Those of the cache live as long as the cache keeps them; a second use of
/// one that is in use already gets a statement of its own that ends with that use.
class PreparedStatement final : public Statement {
 public:
  PreparedStatement(Connection& connection, std::string_view sql, bool cached);
  ~PreparedStatement() override;
  PreparedStatement(const PreparedStatement&) = delete;
  PreparedStatement& operator=(const PreparedStatement&) = delete;

  void bind(std::span<const Value> arguments);

  bool step() override;
  bool is_null(int column) const override;
  std::int64_t integer(int column) const override;
  double real(int column) const override;
  std::string_view text(int column) const override;
  BytesView blob(int column) const override;
  void release() override;

 private:
  friend class StatementCache;

  Connection& connection_;
  const std::string sql_;
  const bool cached_;
  sqlite3_stmt* handle_ = nullptr;
  bool in_use_ = false;
  bool failed_ = false;
  std::list<PreparedStatement*>::iterator place_;
};

/// Least recently used statements go first; those in use stay.
class StatementCache {
 public:
  static constexpr std::size_t capacity = 512;

  explicit StatementCache(Connection& connection) : connection_(connection) {}
  /// A statement marked as in use.
  PreparedStatement& acquire(std::string_view sql);
  void clear();

  std::uint64_t hits = 0;
  std::uint64_t misses = 0;

 private:
  void make_room();

  Connection& connection_;
  std::list<PreparedStatement*> by_use_;  // the most recent in front
  std::unordered_map<std::string_view, std::unique_ptr<PreparedStatement>> by_text_;
};

class Connection {
 public:
  enum class Use {
    writer,  // created when absent
    reader,  // refuses to write
    tool,    // an existing file, as it is: backup, verify
    copy,    // created; without a journal: thrown away unless it is finished
  };

  /// How long a statement waits for another program that holds the store.
  static constexpr int busy_timeout_ms = 5000;

  /// Throws SqlError.
  Connection(const std::filesystem::path& path, Use use);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs SQL of our own that returns nothing of interest: settings.
  void run(const char* sql);
  bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
  sqlite3* handle() { return handle_; }
  StatementCache& statements() { return statements_; }

  [[noreturn]] void fail(int code, std::string_view sql) const;

  /// A statement that fails while it is given back half read can only be reported by what comes
  /// next: the body's next statement, or its end.
  void keep_late_error(int code, std::string_view sql);
  void throw_late_error();
  void drop_late_error() { late_error_.reset(); }

 private:
  void configure(Use use);

  sqlite3* handle_ = nullptr;
  StatementCache statements_{*this};
  std::optional<SqlError> late_error_;
};

/// One of the adapter's own statements (begin, commit, savepoint), prepared once. Only these may
/// begin or end transactions; a body's attempt is refused.
class Command {
 public:
  Command(Connection& connection, const char* sql);
  ~Command() { sqlite3_finalize(handle_); }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  /// Throws SqlError.
  void run();

 private:
  Connection& connection_;
  const char* sql_;
  sqlite3_stmt* handle_ = nullptr;
};

/// What the bodies of one connection see.
class ConnectionTransaction final : public Transaction {
 public:
  explicit ConnectionTransaction(Connection& connection) : connection_(connection) {}
  std::int64_t statements() const override { return statements_; }

  /// Runs one body; its errors pass through, also those that were noticed late.
  template <class Body>
  bool run(const Body& body) {
    statements_ = 0;
    connection_.drop_late_error();
    const bool keep = body(*this);
    connection_.throw_late_error();
    return keep;
  }

 protected:
  StatementUse start(std::string_view sql, std::span<const Value> arguments) override;
  std::int64_t changes() const override;

 private:
  Connection& connection_;
  std::int64_t statements_ = 0;
  std::int64_t changes_before_ = 0;
};

}  // namespace madang::db::sqlite
