// A statement prepared on a MariaDB server: binding, running, reading its rows. Rows are fetched
// as a whole when it runs, so that a connection can run others meanwhile. Private to the adapter.
#pragma once

#include <mysql.h>

#include <deque>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "platform/db/sql.hpp"

namespace madang::db::mariadb {

class Connection;

class PreparedStatement final : public Statement {
 public:
  /// Throws SqlError.
  PreparedStatement(Connection& connection, std::string_view sql, bool cached);
  ~PreparedStatement() override;
  PreparedStatement(const PreparedStatement&) = delete;
  PreparedStatement& operator=(const PreparedStatement&) = delete;

  void execute(std::span<const Value> arguments);

  bool step() override;
  bool is_null(int column) const override;
  std::int64_t integer(int column) const override;
  double real(int column) const override;
  std::string_view text(int column) const override;
  BytesView blob(int column) const override;
  void release() override;

 private:
  friend class StatementCache;

  // A result's column: integers and floating point as themselves, all else as bytes.
  struct Column {
    enum class Kind { integer, real, bytes };
    Kind kind = Kind::bytes;
    std::int64_t whole = 0;
    double fraction = 0;
    std::string bytes;
    unsigned long length = 0;
    my_bool null = 0;
    my_bool truncated = 0;
    mutable std::string spelled;  // a number that is asked for as text
  };

  [[noreturn]] void fail();
  void bind(std::span<const Value> arguments);
  void bind_columns(unsigned count);
  void attach_columns();
  void fetch_long_columns();

  Connection& connection_;
  const std::string sql_;
  const bool cached_;
  MYSQL_STMT* handle_ = nullptr;
  bool in_use_ = false;
  bool has_rows_ = false;
  std::vector<MYSQL_BIND> parameters_;
  std::vector<std::int64_t> wholes_;
  std::vector<double> fractions_;
  std::vector<MYSQL_BIND> results_;
  std::deque<Column> columns_;
  std::list<PreparedStatement*>::iterator place_;
};

}  // namespace madang::db::mariadb
