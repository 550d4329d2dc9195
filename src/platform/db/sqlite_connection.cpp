#include "platform/db/sqlite_connection.hpp"

#include <mutex>

#include "platform/db/sqlite_statement_log.hpp"

namespace madang::db::sqlite {

namespace {

SqlError::Cause cause_of(int code) {
  using enum SqlError::Cause;
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return unique;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return foreign_key;
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_NOTNULL:
    case SQLITE_CONSTRAINT_DATATYPE:
      return check;
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return busy;
    case SQLITE_FULL:
      return full;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return corrupt;
    case SQLITE_INTERRUPT:
      return interrupted;
    default:
      return other;
  }
}

// The library counts memory behind one lock for all threads; nobody asks for the figure.
void configure_library() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

// Bodies may not begin or end transactions: that is the adapter's. Not a wall, a guard rail.
bool controls_transactions(std::string_view sql) {
  const std::size_t start = sql.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return false;
  std::string word;
  for (const char c : sql.substr(start, 10)) {
    const char lower = static_cast<char>(c | 0x20);
    if (lower < 'a' || lower > 'z') break;
    word += lower;
  }
  for (const char* control :
       {"begin", "commit", "end", "rollback", "savepoint", "release", "attach", "detach"})
    if (word == control) return true;
  return false;
}

bool only_space(std::string_view text) {
  return text.find_first_not_of(" \t\r\n;") == std::string_view::npos;
}

}  // namespace

Connection::Connection(const std::filesystem::path& path, Use use) {
  configure_library();
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (use == Use::writer || use == Use::copy) flags |= SQLITE_OPEN_CREATE;
  try {
    if (const int code = sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr))
      fail(code, "open " + path.string());
    configure(use);
  } catch (...) {
    sqlite3_close_v2(handle_);
    throw;
  }
}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close_v2(handle_);
}

void Connection::configure(Use use) {
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, busy_timeout_ms);
  // "text" in double quotes is a name, here as in standard SQL.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  run("pragma foreign_keys = on");
  run("pragma temp_store = memory");
  if (use == Use::copy) run("pragma journal_mode = off");
  if (use == Use::copy || use == Use::tool) return;
  run("pragma journal_mode = wal");
  run("pragma synchronous = full");
  run("pragma secure_delete = on");  // what is erased is overwritten, not only forgotten
  run("pragma mmap_size = 268435456");
  run("pragma journal_size_limit = 67108864");
  run(use == Use::writer ? "pragma cache_size = -65536" : "pragma cache_size = -16384");
  if (use == Use::reader) run("pragma query_only = on");
}

void Connection::run(const char* sql) {
  if (const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr)) fail(code, sql);
}

void Connection::fail(int code, std::string_view sql) const {
  std::string what = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  what.append(" (SQLite ").append(std::to_string(code)).append(") in: ").append(sql.substr(0, 500));
  throw SqlError(cause_of(code), what);
}

void Connection::keep_late_error(int code, std::string_view sql) {
  if (late_error_) return;
  try {
    fail(code, sql);
  } catch (const SqlError& error) {
    late_error_ = error;
  }
}

void Connection::throw_late_error() {
  if (!late_error_) return;
  const SqlError error = *std::exchange(late_error_, std::nullopt);
  throw error;
}

PreparedStatement::PreparedStatement(Connection& connection, std::string_view sql, bool cached)
    : connection_(connection), sql_(sql), cached_(cached) {
  if (controls_transactions(sql))
    throw SqlError(SqlError::Cause::other, "a body may not control transactions: " + sql_);
  sqlite3* db = connection.handle();
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v3(db, sql_.c_str(), static_cast<int>(sql_.size() + 1),
                                      cached ? SQLITE_PREPARE_PERSISTENT : 0, &handle_, &rest);
  if (code != SQLITE_OK) connection.fail(code, sql_);
  if (handle_ == nullptr || !only_space(rest)) {
    sqlite3_finalize(handle_);
    throw SqlError(SqlError::Cause::other, "not exactly one statement: " + sql_);
  }
  log_statement(db, sql_);
}

PreparedStatement::~PreparedStatement() {
  sqlite3_finalize(handle_);
}

void PreparedStatement::bind(std::span<const Value> arguments) {
  if (sqlite3_bind_parameter_count(handle_) != static_cast<int>(arguments.size()))
    throw SqlError(SqlError::Cause::other, "wrong number of arguments for: " + sql_);
  int at = 0;
  int code = SQLITE_OK;
  struct Binder {
    sqlite3_stmt* to;
    int at;
    int operator()(std::nullptr_t) const { return sqlite3_bind_null(to, at); }
    int operator()(std::int64_t value) const { return sqlite3_bind_int64(to, at, value); }
    int operator()(double value) const { return sqlite3_bind_double(to, at, value); }
    int operator()(std::string_view value) const {
      const char* data = value.data() != nullptr ? value.data() : "";
      return sqlite3_bind_text64(to, at, data, value.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    int operator()(BytesView value) const {
      if (value.empty()) return sqlite3_bind_zeroblob(to, at, 0);
      return sqlite3_bind_blob64(to, at, value.data(), value.size(), SQLITE_STATIC);
    }
  };
  for (const Value& argument : arguments) {
    code = std::visit(Binder{handle_, ++at}, argument);
    if (code != SQLITE_OK) connection_.fail(code, sql_);
  }
}

bool PreparedStatement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  failed_ = true;
  connection_.fail(code, sql_);
}

bool PreparedStatement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

std::int64_t PreparedStatement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

double PreparedStatement::real(int column) const {
  return sqlite3_column_double(handle_, column);
}

std::string_view PreparedStatement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

BytesView PreparedStatement::blob(int column) const {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(handle_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

void PreparedStatement::release() {
  const int code = sqlite3_reset(handle_);
  if (code != SQLITE_OK && !failed_) connection_.keep_late_error(code, sql_);
  if (!cached_) {
    delete this;  // made for this one use by StatementCache::acquire
    return;
  }
  sqlite3_clear_bindings(handle_);
  in_use_ = false;
}

PreparedStatement& StatementCache::acquire(std::string_view sql) {
  if (const auto found = by_text_.find(sql); found != by_text_.end()) {
    PreparedStatement& statement = *found->second;
    ++hits;
    if (statement.in_use_) return *new PreparedStatement(connection_, sql, false);
    by_use_.splice(by_use_.begin(), by_use_, statement.place_);
    statement.in_use_ = true;
    statement.failed_ = false;
    return statement;
  }
  ++misses;
  make_room();
  auto made = std::make_unique<PreparedStatement>(connection_, sql, true);
  PreparedStatement& statement = *made;
  statement.place_ = by_use_.insert(by_use_.begin(), &statement);
  by_text_.emplace(statement.sql_, std::move(made));
  statement.in_use_ = true;
  return statement;
}

void StatementCache::make_room() {
  auto at = by_use_.end();
  while (by_use_.size() >= capacity && at != by_use_.begin()) {
    PreparedStatement* oldest = *--at;
    if (oldest->in_use_) continue;
    at = by_use_.erase(at);
    by_text_.erase(std::string_view(oldest->sql_));
  }
}

void StatementCache::clear() {
  by_text_.clear();
  by_use_.clear();
}

Command::Command(Connection& connection, const char* sql) : connection_(connection), sql_(sql) {
  sqlite3* db = connection.handle();
  if (const int code =
          sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr))
    connection.fail(code, sql);
}

void Command::run() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_DONE || code == SQLITE_ROW) {
    sqlite3_reset(handle_);
    return;
  }
  try {
    connection_.fail(code, sql_);
  } catch (...) {
    sqlite3_reset(handle_);
    throw;
  }
}

StatementUse ConnectionTransaction::start(std::string_view sql, std::span<const Value> arguments) {
  connection_.throw_late_error();
  ++statements_;
  PreparedStatement& statement = connection_.statements().acquire(sql);
  StatementUse use(statement);
  statement.bind(arguments);
  changes_before_ = sqlite3_total_changes64(connection_.handle());
  return use;
}

std::int64_t ConnectionTransaction::changes() const {
  // SQLite's figure is of the last statement that could change rows, which need not be this one.
  sqlite3* db = connection_.handle();
  return sqlite3_total_changes64(db) == changes_before_ ? 0 : sqlite3_changes64(db);
}

}  // namespace madang::db::sqlite
