// What a transaction body sees: prepared, bound, typed SQL. No engine's header is included here.
//
//   auto found = tx.row<std::string, Time>("select handle, created_at from accounts where id = ?",
//   id); tx.execute("update posts set like_count = like_count + 1 where id = ?", post); tx.each<Id,
//   std::string>("select id, text from posts where id in (?*)", visit, IdList{ids});
//
// `?*` stands for a list of ids, at most IdList::max_size, spelled out as placeholders (padded to a
// power of two by repeating the last, so that few texts exist). SQL is written in the subset that
// SQLite and MariaDB share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace madang::db {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

/// Where engines differ so much that a statement has to be written twice; everything else is the
/// shared subset.
enum class Dialect { sqlite, mariadb };

/// An expression: the store's own clock, microseconds since 1970. For leases among programs whose
/// clocks may disagree.
std::string_view store_clock(Dialect dialect);

/// One bound argument. Texts and bytes are borrowed until the statement has run.
using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string_view, BytesView>;

/// The ids for one `?*`. An empty list matches nothing.
struct IdList {
  static constexpr std::size_t max_size = 1024;
  std::span<const Id> ids;
};

/// The database refused or broke. Not a user's error: bodies let it pass, except for constraints.
class SqlError : public std::runtime_error {
 public:
  enum class Cause { unique, foreign_key, check, busy, full, io, corrupt, interrupted, other };
  SqlError(Cause cause, const std::string& what) : std::runtime_error(what), cause_(cause) {}
  Cause cause() const { return cause_; }

 private:
  Cause cause_;
};

/// A prepared statement in use; given back to the connection's cache when destroyed.
class Statement {
 public:
  virtual ~Statement() = default;
  virtual bool step() = 0;  // true: a row is there
  virtual bool is_null(int column) const = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual double real(int column) const = 0;
  virtual std::string_view text(int column) const = 0;  // valid until the next step
  virtual BytesView blob(int column) const = 0;         // valid until the next step
  virtual void release() = 0;  // ends the use; called exactly once by StatementUse
};

/// Owns the use of a statement.
class StatementUse {
 public:
  explicit StatementUse(Statement& statement) : statement_(&statement) {}
  StatementUse(StatementUse&& other) noexcept
      : statement_(std::exchange(other.statement_, nullptr)) {}
  StatementUse& operator=(StatementUse&&) = delete;
  ~StatementUse() {
    if (statement_ != nullptr) statement_->release();
  }
  Statement* operator->() const { return statement_; }
  Statement& operator*() const { return *statement_; }

 private:
  Statement* statement_;
};

namespace detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

template <class T>
T column(const Statement& row, int at) {
  if constexpr (is_optional<T>::value) {
    if (row.is_null(at)) return {};
    return column<typename T::value_type>(row, at);
  } else if constexpr (std::is_same_v<T, Time>) {
    return from_micros(row.integer(at));
  } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
    return static_cast<T>(row.integer(at));
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(row.real(at));
  } else if constexpr (std::is_same_v<T, Bytes>) {
    const BytesView bytes = row.blob(at);
    return Bytes(bytes.begin(), bytes.end());
  } else {
    return T(row.text(at));
  }
}

template <class T>
Value value(const T& argument) {
  if constexpr (is_optional<T>::value) {
    return argument ? value(*argument) : Value(nullptr);
  } else if constexpr (std::is_same_v<T, std::nullptr_t>) {
    return nullptr;
  } else if constexpr (std::is_same_v<T, Time>) {
    return to_micros(argument);
  } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
    return static_cast<std::int64_t>(argument);
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(argument);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return std::string_view(argument);
  } else {
    return BytesView(argument);
  }
}

}  // namespace detail

/// A transaction, or a read snapshot: everything one body does sees one state. Used by one thread.
class Transaction {
 public:
  virtual ~Transaction() = default;

  /// Runs a statement that returns no rows; the number of rows it changed.
  template <class... A>
  std::int64_t execute(std::string_view sql, const A&... arguments) {
    {
      const StatementUse use = open(sql, arguments...);
      while (use->step()) {
      }
    }
    return changes();
  }

  /// Calls visit(T...) for each row.
  template <class... T, class Visit, class... A>
  void each(std::string_view sql, Visit visit, const A&... arguments) {
    const StatementUse use = open(sql, arguments...);
    while (use->step()) {
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        visit(detail::column<T>(*use, static_cast<int>(I))...);
      }(std::index_sequence_for<T...>{});
    }
  }

  template <class... T, class... A>
  std::vector<std::tuple<T...>> rows(std::string_view sql, const A&... arguments) {
    std::vector<std::tuple<T...>> out;
    each<T...>(sql, [&](T... columns) { out.emplace_back(std::move(columns)...); }, arguments...);
    return out;
  }

  /// The first row, if there is one.
  template <class... T, class... A>
  std::optional<std::tuple<T...>> row(std::string_view sql, const A&... arguments) {
    const StatementUse use = open(sql, arguments...);
    if (!use->step()) return {};
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<T...>(detail::column<T>(*use, static_cast<int>(I))...);
    }(std::index_sequence_for<T...>{});
  }

  /// The first column of the first row, if there is one.
  template <class T, class... A>
  std::optional<T> value(std::string_view sql, const A&... arguments) {
    const StatementUse use = open(sql, arguments...);
    if (!use->step()) return {};
    return detail::column<T>(*use, 0);
  }

  /// For tables that are known at run time only: visit(const Statement&) for each row.
  template <class Visit>
  void each_row(std::string_view sql, std::span<const Value> arguments, Visit visit) {
    const StatementUse use = start(sql, arguments);
    while (use->step()) visit(std::as_const(*use));
  }
  /// As execute().
  std::int64_t execute_values(std::string_view sql, std::span<const Value> arguments) {
    {
      const StatementUse use = start(sql, arguments);
      while (use->step()) {
      }
    }
    return changes();
  }

  virtual Dialect dialect() const { return Dialect::sqlite; }

  /// Statements run so far in this transaction; tests hold it against the page size.
  virtual std::int64_t statements() const = 0;

 protected:
  /// Prepares (or finds) the statement, binds, and hands it over for one use.
  virtual StatementUse start(std::string_view sql, std::span<const Value> arguments) = 0;
  virtual std::int64_t changes() const = 0;

 private:
  template <class... A>
  StatementUse open(std::string_view sql, const A&... arguments) {
    if constexpr ((std::is_same_v<A, IdList> || ...)) {
      std::string text(sql);
      std::vector<Value> values;
      (append(text, values, arguments), ...);
      return start(text, values);
    } else {
      const std::array<Value, sizeof...(A)> values{detail::value(arguments)...};
      return start(sql, values);
    }
  }
  template <class A>
  static void append(std::string&, std::vector<Value>& values, const A& argument) {
    values.push_back(detail::value(argument));
  }
  static void append(std::string& sql, std::vector<Value>& values, const IdList& list);
};

}  // namespace madang::db
