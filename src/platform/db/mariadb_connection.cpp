#include "platform/db/mariadb_connection.hpp"

#include <sys/socket.h>

#include <mutex>

namespace madang::db::mariadb {

namespace {

// Numbers of mysqld_error.h and errmsg.h; the headers themselves collide with other libraries'.
SqlError::Cause cause_of(unsigned code) {
  using enum SqlError::Cause;
  switch (code) {
    case 1062:  // duplicate entry
    case 1169:
    case 1586:
      return unique;
    case 1216:
    case 1217:
    case 1451:
    case 1452:
      return foreign_key;
    case 4025:  // check constraint
    case 1048:  // null
    case 1364:
    case 1264:  // out of range
    case 1265:
    case 1366:
    case 1406:  // too long
      return check;
    case 1205:  // lock wait
    case 1213:  // deadlock
    case 1020:
      return busy;
    case 1021:
    case 1114:
    case 1041:
      return full;
    case 1024:  // reading or writing a file
    case 1026:
    case 1598:  // the log of commits cannot be written
      return io;
    case 1034:
    case 1194:
    case 1712:
      return corrupt;
    case 1317:
    case 1969:
      return interrupted;
    default:
      return other;
  }
}

// The connection is gone, or its host is no primary any more: another has to be found.
bool means_lost(unsigned code) {
  switch (code) {
    case 2002:  // cannot connect
    case 2003:
    case 2006:  // has gone away
    case 2013:  // lost during a query
    case 2014:  // out of step
    case 2026:
    case 2027:
    case 2055:
    case 1053:  // shutdown
    case 1077:
    case 1927:  // killed
    case 1290:  // read-only
    case 1836:
      return true;
    default:
      return false;
  }
}

// Bodies may not begin or end transactions nor turn the connection into another: that is the
// adapter's. Not a wall, a guard rail.
bool controls_connection(std::string_view sql) {
  const std::size_t start = sql.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return false;
  if (sql.substr(start).starts_with("--"))
    return true;  // the server takes a remark for a statement
  std::string word;
  for (const char c : sql.substr(start, 10)) {
    const char lower = static_cast<char>(c | 0x20);
    if (lower < 'a' || lower > 'z') break;
    word += lower;
  }
  for (const char* control : {"begin", "start", "commit", "rollback", "savepoint", "release", "set",
                              "use", "lock", "unlock", "xa", "kill"})
    if (word == control) return true;
  return false;
}

void initialise_library() {
  static std::once_flag once;
  std::call_once(once, [] { mysql_library_init(0, nullptr, nullptr); });
}

unsigned whole_seconds(std::chrono::milliseconds time) {
  return static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

}  // namespace

Connection::Connection(const MariaDbOptions& options, const MariaDbHost& host, Use use)
    : host_(host), statements_(*this, options.statements) {
  initialise_library();
  handle_ = mysql_init(nullptr);
  if (handle_ == nullptr) throw std::bad_alloc();
  const unsigned patience = whole_seconds(options.probe_timeout);
  mysql_options(handle_, MYSQL_OPT_CONNECT_TIMEOUT, &patience);
  if (use == Use::probe) {
    mysql_options(handle_, MYSQL_OPT_READ_TIMEOUT, &patience);
    mysql_options(handle_, MYSQL_OPT_WRITE_TIMEOUT, &patience);
  }
  mysql_options(handle_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const unsigned protocol = MYSQL_PROTOCOL_TCP;  // also for localhost: the port says which server
  mysql_options(handle_, MYSQL_OPT_PROTOCOL, &protocol);
  try {
    if (mysql_real_connect(handle_, host.name.c_str(), options.user.c_str(),
                           options.password.c_str(), options.database.c_str(), host.port, nullptr,
                           CLIENT_FOUND_ROWS) == nullptr)
      fail(mysql_errno(handle_), mysql_error(handle_), "connect to " + host.label());
    configure(options, use);
  } catch (...) {
    mysql_close(handle_);
    throw;
  }
}

Connection::~Connection() {
  statements_.clear();
  mysql_close(handle_);
}

void Connection::configure(const MariaDbOptions& options, Use use) {
  run("set names utf8mb4 collate utf8mb4_nopad_bin");
  if (use == Use::probe) return;
  // "text" in double quotes is a name, || joins texts and a backslash is a character, here as in
  // standard SQL; what does not fit is refused.
  run("set session sql_mode = 'STRICT_ALL_TABLES,ANSI_QUOTES,PIPES_AS_CONCAT,"
      "NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO,ERROR_FOR_DIVISION_BY_ZERO,"
      "NO_ENGINE_SUBSTITUTION'");
  const std::string seconds = std::to_string(whole_seconds(options.lock_timeout));
  run(("set session innodb_lock_wait_timeout = " + seconds +
       ", lock_wait_timeout = " + std::to_string(10 * whole_seconds(options.lock_timeout)))
          .c_str());
  // What loses its client without being told gives its locks back as soon as others cease to wait
  // for them. A commit under way is not touched by this.
  run(("set session idle_transaction_timeout = " + seconds).c_str());
  if (use == Use::writer) {
    run("set session session_track_system_variables = 'last_gtid'");
    run("set session transaction isolation level read committed");
  } else {
    run("set session transaction isolation level repeatable read, read only");
  }
  run("set session autocommit = 0");
}

void Connection::run(const char* sql) {
  if (mysql_query(handle_, sql) != 0) fail(mysql_errno(handle_), mysql_error(handle_), sql);
}

std::vector<std::vector<std::string>> Connection::rows(const char* sql) {
  run(sql);
  MYSQL_RES* result = mysql_store_result(handle_);
  if (result == nullptr) fail(mysql_errno(handle_), mysql_error(handle_), sql);
  std::vector<std::vector<std::string>> out;
  const unsigned count = mysql_num_fields(result);
  while (MYSQL_ROW row = mysql_fetch_row(result)) {
    std::vector<std::string>& columns = out.emplace_back();
    for (unsigned at = 0; at < count; ++at) columns.emplace_back(row[at] ? row[at] : "");
  }
  mysql_free_result(result);
  return out;
}

std::string Connection::commit_position() {
  // The tracker tells names and values in turn; only one variable is tracked.
  const char* data = nullptr;
  std::size_t size = 0;
  if (mysql_session_track_get_first(handle_, SESSION_TRACK_SYSTEM_VARIABLES, &data, &size) != 0)
    return {};
  do {
    const std::string_view name(data, size);
    if (mysql_session_track_get_next(handle_, SESSION_TRACK_SYSTEM_VARIABLES, &data, &size) != 0)
      return {};
    if (name == "last_gtid") return std::string(data, size);
  } while (mysql_session_track_get_next(handle_, SESSION_TRACK_SYSTEM_VARIABLES, &data, &size) ==
           0);
  return {};
}

void Connection::fail(unsigned code, const char* message, std::string_view sql) {
  if (means_lost(code)) {
    doom_ = Doom::lost;
  } else if (cause_of(code) == SqlError::Cause::busy && doom_ == Doom::none) {
    doom_ = Doom::conflict;
  }
  std::string what = message;
  what.append(" (MariaDB ")
      .append(std::to_string(code))
      .append(") in: ")
      .append(sql.substr(0, 500));
  throw SqlError(cause_of(code), what);
}

void Connection::refuse_doomed() const {
  if (doom_ == Doom::conflict)
    throw SqlError(SqlError::Cause::busy, "the transaction was rolled back already");
  if (doom_ == Doom::lost)
    throw SqlError(SqlError::Cause::other, "the connection to the database was lost already");
}

void Connection::abandon() {
  ::shutdown(mysql_get_socket(handle_), SHUT_RDWR);
}

PreparedStatement& StatementCache::acquire(std::string_view sql) {
  if (const auto found = by_text_.find(sql); found != by_text_.end()) {
    PreparedStatement& statement = *found->second;
    ++hits;
    if (statement.in_use_) return *new PreparedStatement(connection_, sql, false);
    by_use_.splice(by_use_.begin(), by_use_, statement.place_);
    statement.in_use_ = true;
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
  while (by_use_.size() >= capacity_ && at != by_use_.begin()) {
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

bool ConnectionTransaction::run(const Database::Body& body) {
  statements_ = 0;
  connection_.begin_anew();
  const bool keep = body(*this);
  connection_.refuse_doomed();
  return keep;
}

StatementUse ConnectionTransaction::start(std::string_view sql, std::span<const Value> arguments) {
  connection_.refuse_doomed();
  if (controls_connection(sql))
    throw SqlError(SqlError::Cause::other, "not in a body: " + std::string(sql.substr(0, 100)));
  ++statements_;
  PreparedStatement& statement = connection_.statements().acquire(sql);
  StatementUse use(statement);
  statement.execute(arguments);
  return use;
}

}  // namespace madang::db::mariadb
