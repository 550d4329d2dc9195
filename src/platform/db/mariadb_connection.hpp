// One MariaDB connection, used by one thread at a time: opening and settings, the statement cache,
// the mapping of errors. Private to the adapter.
#pragma once

#include <mysql.h>

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "platform/db/mariadb.hpp"
#include "platform/db/mariadb_statement.hpp"

namespace madang::db::mariadb {

/// Why the open transaction cannot go on, whatever its body does next.
enum class Doom {
  none,
  conflict,  // deadlock or lock wait: rolled back, may be run again
  lost,      // no connection, or its host takes no writes any more
};

/// Least recently used statements go first; those in use stay.
class StatementCache {
 public:
  StatementCache(Connection& connection, std::size_t capacity)
      : connection_(connection), capacity_(capacity) {}
  /// A statement marked as in use.
  PreparedStatement& acquire(std::string_view sql);
  void clear();

  std::uint64_t hits = 0;
  std::uint64_t misses = 0;

 private:
  void make_room();

  Connection& connection_;
  const std::size_t capacity_;
  std::list<PreparedStatement*> by_use_;  // the most recent in front
  std::unordered_map<std::string_view, std::unique_ptr<PreparedStatement>> by_text_;
};

class Connection {
 public:
  enum class Use {
    writer,  // READ COMMITTED
    reader,  // refuses to write; one snapshot a transaction
    probe,   // autocommit, every answer within probe_timeout
  };

  /// Throws SqlError, its text naming the host.
  Connection(const MariaDbOptions& options, const MariaDbHost& host, Use use);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const MariaDbHost& host() const { return host_; }
  /// When it was begun to be made.
  Deadline::Steady::time_point since() const { return since_; }
  unsigned long id() { return mysql_thread_id(handle_); }
  MYSQL* handle() { return handle_; }
  StatementCache& statements() { return statements_; }

  /// Runs SQL of our own without parameters: settings, commit, rollback. Throws SqlError.
  void run(const char* sql);
  /// The same, and reads its rows as text.
  std::vector<std::vector<std::string>> rows(const char* sql);
  /// The global transaction id of the last commit on this connection; empty when there was none.
  std::string commit_position();

  Doom doom() const { return doom_; }
  void begin_anew() { doom_ = Doom::none; }
  [[noreturn]] void fail(unsigned code, const char* message, std::string_view sql);
  /// Throws when the transaction is doomed already.
  void refuse_doomed() const;

  /// Ends the conversation from another thread: what waits for the server fails as lost.
  void abandon();

  std::int64_t changes = 0;  // rows the last statement found to change

 private:
  void configure(const MariaDbOptions& options, Use use);

  const MariaDbHost host_;
  const Deadline::Steady::time_point since_ = Deadline::Steady::now();
  MYSQL* handle_ = nullptr;
  StatementCache statements_;
  Doom doom_ = Doom::none;
};

/// What the bodies of one connection see.
class ConnectionTransaction final : public Transaction {
 public:
  explicit ConnectionTransaction(Connection& connection) : connection_(connection) {}
  std::int64_t statements() const override { return statements_; }
  Dialect dialect() const override { return Dialect::mariadb; }

  /// Runs one body; its errors pass through. A body that went on after its transaction was doomed
  /// has done nothing.
  bool run(const Database::Body& body);

 protected:
  StatementUse start(std::string_view sql, std::span<const Value> arguments) override;
  std::int64_t changes() const override { return connection_.changes; }

 private:
  Connection& connection_;
  std::int64_t statements_ = 0;
};

}  // namespace madang::db::mariadb
