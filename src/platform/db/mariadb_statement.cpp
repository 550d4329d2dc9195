#include "platform/db/mariadb_statement.hpp"

#include <charconv>
#include <cstdlib>

#include "platform/db/mariadb_connection.hpp"

namespace madang::db::mariadb {

namespace {

/// Longer values are fetched a second time; most texts are shorter.
constexpr std::size_t first_size = 256;

bool is_whole(enum_field_types type) {
  switch (type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
      return true;
    default:
      return false;
  }
}

}  // namespace

PreparedStatement::PreparedStatement(Connection& connection, std::string_view sql, bool cached)
    : connection_(connection), sql_(sql), cached_(cached) {
  handle_ = mysql_stmt_init(connection.handle());
  if (handle_ == nullptr) throw std::bad_alloc();
  if (mysql_stmt_prepare(handle_, sql_.data(), sql_.size()) == 0) return;
  const unsigned code = mysql_stmt_errno(handle_);
  const std::string message = mysql_stmt_error(handle_);
  mysql_stmt_close(handle_);
  connection_.fail(code, message.c_str(), sql_);
}

PreparedStatement::~PreparedStatement() {
  mysql_stmt_close(handle_);
}

void PreparedStatement::fail() {
  const std::string message = mysql_stmt_error(handle_);
  connection_.fail(mysql_stmt_errno(handle_), message.c_str(), sql_);
}

void PreparedStatement::bind(std::span<const Value> arguments) {
  if (arguments.size() != mysql_stmt_param_count(handle_))
    throw SqlError(SqlError::Cause::other, "wrong number of arguments for: " + sql_);
  parameters_.assign(arguments.size(), MYSQL_BIND{});
  wholes_.resize(arguments.size());
  fractions_.resize(arguments.size());
  struct Binder {
    PreparedStatement& of;
    std::size_t at;
    MYSQL_BIND& place() const { return of.parameters_[at]; }
    void put(enum_field_types type, const void* data, std::size_t size) const {
      place().buffer_type = type;
      place().buffer = const_cast<void*>(data);  // only read: it is a parameter
      place().buffer_length = size;
    }
    void operator()(std::nullptr_t) const { place().buffer_type = MYSQL_TYPE_NULL; }
    void operator()(std::int64_t value) const {
      of.wholes_[at] = value;
      put(MYSQL_TYPE_LONGLONG, &of.wholes_[at], sizeof value);
    }
    void operator()(double value) const {
      of.fractions_[at] = value;
      put(MYSQL_TYPE_DOUBLE, &of.fractions_[at], sizeof value);
    }
    void operator()(std::string_view value) const {
      put(MYSQL_TYPE_STRING, value.empty() ? "" : value.data(), value.size());
    }
    void operator()(BytesView value) const {
      const void* data = value.data();
      put(MYSQL_TYPE_BLOB, value.empty() ? "" : data, value.size());
    }
  };
  for (std::size_t at = 0; at < arguments.size(); ++at)
    std::visit(Binder{*this, at}, arguments[at]);
  if (!parameters_.empty() && mysql_stmt_bind_param(handle_, parameters_.data()) != 0) fail();
}

void PreparedStatement::execute(std::span<const Value> arguments) {
  bind(arguments);
  connection_.changes = 0;
  if (mysql_stmt_execute(handle_) != 0) fail();
  const unsigned count = mysql_stmt_field_count(handle_);
  has_rows_ = count != 0;
  if (!has_rows_) {
    connection_.changes = static_cast<std::int64_t>(mysql_stmt_affected_rows(handle_));
    return;
  }
  if (columns_.size() != count) bind_columns(count);
  if (mysql_stmt_store_result(handle_) != 0) fail();
}

void PreparedStatement::bind_columns(unsigned count) {
  MYSQL_RES* meta = mysql_stmt_result_metadata(handle_);
  if (meta == nullptr) fail();
  columns_.clear();
  for (unsigned at = 0; at < count; ++at) {
    Column& column = columns_.emplace_back();
    const enum_field_types type = mysql_fetch_field_direct(meta, at)->type;
    if (is_whole(type)) {
      column.kind = Column::Kind::integer;
    } else if (type == MYSQL_TYPE_DOUBLE || type == MYSQL_TYPE_FLOAT) {
      column.kind = Column::Kind::real;
    } else {
      column.bytes.resize(first_size);
    }
  }
  mysql_free_result(meta);
  attach_columns();
}

void PreparedStatement::attach_columns() {
  results_.assign(columns_.size(), MYSQL_BIND{});
  for (std::size_t at = 0; at < columns_.size(); ++at) {
    Column& column = columns_[at];
    MYSQL_BIND& place = results_[at];
    place.is_null = &column.null;
    place.error = &column.truncated;
    place.length = &column.length;
    switch (column.kind) {
      case Column::Kind::integer:
        place.buffer_type = MYSQL_TYPE_LONGLONG;
        place.buffer = &column.whole;
        place.buffer_length = sizeof column.whole;
        break;
      case Column::Kind::real:
        place.buffer_type = MYSQL_TYPE_DOUBLE;
        place.buffer = &column.fraction;
        place.buffer_length = sizeof column.fraction;
        break;
      case Column::Kind::bytes:
        place.buffer_type = MYSQL_TYPE_STRING;
        place.buffer = column.bytes.data();
        place.buffer_length = column.bytes.size();
    }
  }
  if (mysql_stmt_bind_result(handle_, results_.data()) != 0) fail();
}

bool PreparedStatement::step() {
  if (!has_rows_) return false;
  const int code = mysql_stmt_fetch(handle_);
  if (code == MYSQL_NO_DATA) return false;
  if (code == MYSQL_DATA_TRUNCATED) {
    fetch_long_columns();
  } else if (code != 0) {
    fail();
  }
  return true;
}

// All of the row's columns first: binding anew forgets where the row is.
void PreparedStatement::fetch_long_columns() {
  bool grown = false;
  for (std::size_t at = 0; at < columns_.size(); ++at) {
    Column& column = columns_[at];
    if (column.kind != Column::Kind::bytes || column.null != 0) continue;
    if (column.length <= column.bytes.size()) continue;
    column.bytes.resize(column.length);
    grown = true;
    MYSQL_BIND place{};
    place.buffer_type = MYSQL_TYPE_STRING;
    place.buffer = column.bytes.data();
    place.buffer_length = column.bytes.size();
    place.length = &column.length;
    place.is_null = &column.null;
    place.error = &column.truncated;
    if (mysql_stmt_fetch_column(handle_, &place, static_cast<unsigned>(at), 0) != 0) fail();
  }
  if (grown) attach_columns();
}

bool PreparedStatement::is_null(int at) const {
  return columns_.at(static_cast<std::size_t>(at)).null != 0;
}

std::int64_t PreparedStatement::integer(int at) const {
  const Column& column = columns_.at(static_cast<std::size_t>(at));
  if (column.null != 0) return 0;
  switch (column.kind) {
    case Column::Kind::integer:
      return column.whole;
    case Column::Kind::real:
      return static_cast<std::int64_t>(column.fraction);
    case Column::Kind::bytes:
      break;
  }
  std::int64_t value = 0;  // a sum is a decimal number here
  std::from_chars(column.bytes.data(), column.bytes.data() + column.length, value);
  return value;
}

double PreparedStatement::real(int at) const {
  const Column& column = columns_.at(static_cast<std::size_t>(at));
  if (column.null != 0) return 0;
  switch (column.kind) {
    case Column::Kind::integer:
      return static_cast<double>(column.whole);
    case Column::Kind::real:
      return column.fraction;
    case Column::Kind::bytes:
      break;
  }
  return std::strtod(std::string(column.bytes, 0, column.length).c_str(), nullptr);
}

std::string_view PreparedStatement::text(int at) const {
  const Column& column = columns_.at(static_cast<std::size_t>(at));
  if (column.null != 0) return {};
  switch (column.kind) {
    case Column::Kind::integer:
      return column.spelled = std::to_string(column.whole);
    case Column::Kind::real:
      return column.spelled = std::to_string(column.fraction);
    case Column::Kind::bytes:
      break;
  }
  return std::string_view(column.bytes).substr(0, column.length);
}

BytesView PreparedStatement::blob(int at) const {
  const std::string_view bytes = text(at);
  return std::as_bytes(std::span(bytes.data(), bytes.size()));
}

void PreparedStatement::release() {
  if (has_rows_) mysql_stmt_free_result(handle_);
  has_rows_ = false;
  if (!cached_) {
    delete this;  // made for this one use by StatementCache::acquire
    return;
  }
  in_use_ = false;
}

}  // namespace madang::db::mariadb
