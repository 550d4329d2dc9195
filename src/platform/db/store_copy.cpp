#include "platform/db/store_copy.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "base/encoding.hpp"

namespace madang::db {

namespace {

constexpr std::size_t rows_a_statement = 50;

enum class CellKind : std::uint8_t { integer, real, text, bytes };

CellKind kind_of(std::string type) {
  std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::tolower(c); });
  if (type.find("int") != type.npos) return CellKind::integer;
  if (type.find("blob") != type.npos) return CellKind::bytes;
  if (type.find("real") != type.npos || type.find("double") != type.npos) return CellKind::real;
  return CellKind::text;
}

struct Column {
  std::string name;
  CellKind kind = CellKind::text;
  int key = 0;  // place in the primary key, from 1
};

struct Table {
  std::string name;
  std::vector<Column> columns;
};

std::string joined(const std::vector<Column>& columns) {
  std::string out;
  for (const Column& column : columns) (out += out.empty() ? "" : ", ") += column.name;
  return out;
}

/// Any value, kept.
struct Cell {
  bool null = false;
  CellKind kind = CellKind::text;
  std::int64_t integer = 0;
  double real = 0;
  std::string bytes{};

  Value value() const {
    if (null) return nullptr;
    switch (kind) {
      case CellKind::integer:
        return integer;
      case CellKind::real:
        return real;
      case CellKind::text:
        return std::string_view(bytes);
      case CellKind::bytes:
        return std::as_bytes(std::span(bytes));
    }
    return nullptr;
  }
};

Cell cell(const Statement& row, int at, CellKind kind) {
  if (row.is_null(at)) return {.null = true, .kind = kind};
  Cell out{.kind = kind};
  switch (kind) {
    case CellKind::integer:
      out.integer = row.integer(at);
      break;
    case CellKind::real:
      out.real = row.real(at);
      break;
    case CellKind::text:
      out.bytes = row.text(at);
      break;
    case CellKind::bytes: {
      const BytesView bytes = row.blob(at);
      out.bytes.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      break;
    }
  }
  return out;
}

/// Rows in any order: how many, and the sum of their digests.
struct Digest {
  std::int64_t rows = 0;
  std::array<std::uint64_t, 2> sum{};
  bool operator==(const Digest&) const = default;

  void add(std::span<const Cell> row) {
    std::string text;
    for (const Cell& one : row) {
      text += one.null ? 'n' : static_cast<char>('0' + static_cast<int>(one.kind));
      if (one.null) continue;
      const auto append = [&text](const auto& raw) {
        text.append(reinterpret_cast<const char*>(&raw), sizeof raw);
      };
      if (one.kind == CellKind::integer) append(one.integer);
      if (one.kind == CellKind::real) append(one.real);
      if (one.kind == CellKind::text || one.kind == CellKind::bytes) {
        append(one.bytes.size());
        text += one.bytes;
      }
    }
    const auto hash = sha256(text);
    std::array<std::uint64_t, 2> part{};
    std::memcpy(part.data(), hash.data(), sizeof part);
    for (std::size_t i = 0; i < part.size(); ++i) sum[i] += part[i];
    ++rows;
  }
};

/// The tables of a SQLite store, those that others refer to first.
std::vector<Table> tables_of(Transaction& tx, const std::set<std::string>& without) {
  std::map<std::string, std::set<std::string>> needs;
  for (const auto& [name] : tx.rows<std::string>(
           "select name from sqlite_master where type = 'table' and name not like 'sqlite%'")) {
    if (without.contains(name)) continue;
    auto& of = needs[name];
    tx.each<std::string>(
        "select \"table\" from pragma_foreign_key_list(?)",
        [&](std::string other) {
          if (other != name) of.insert(std::move(other));
        },
        name);
  }
  std::vector<Table> out;
  std::set<std::string> placed = without;
  while (!needs.empty()) {
    const auto ready = std::ranges::find_if(
        needs, [&](const auto& table) { return std::ranges::includes(placed, table.second); });
    if (ready == needs.end()) throw std::logic_error("tables refer to each other in a circle");
    Table table{.name = ready->first, .columns = {}};
    tx.each<std::string, std::string, int>(
        "select name, type, pk from pragma_table_info(?) order by cid",
        [&](std::string name, std::string type, int key) {
          table.columns.push_back({std::move(name), kind_of(std::move(type)), key});
        },
        table.name);
    placed.insert(table.name);
    needs.erase(ready);
    out.push_back(std::move(table));
  }
  return out;
}

class Copy {
 public:
  Copy(Database& from, Database& to, const StoreCopyOptions& options,
       const std::function<void(const CopiedTable&)>& progress)
      : from_(from),
        to_(to),
        options_(options),
        without_(options.without.begin(), options.without.end()),
        progress_(progress) {}

  Result<std::vector<CopiedTable>> run() {
    auto tables = from_.read_blocking(
        [this](Transaction& tx) -> Result<std::vector<Table>> { return tables_of(tx, without_); });
    if (!tables) return fail(std::move(tables.error()));
    tables_ = std::move(*tables);
    if (options_.compare_destination)
      if (auto checked = check_destination(); !checked) return fail(std::move(checked.error()));
    if (!options_.dry_run)
      if (auto begun = begin(); !begun) return fail(std::move(begun.error()));
    std::vector<CopiedTable> out;
    for (const Table& table : tables_) {
      auto copied = copy(table);
      if (!copied) return fail(std::move(copied.error()));
      out.push_back(std::move(*copied));
    }
    if (options_.dry_run) return out;
    for (const Table& table : tables_)
      if (auto same = compare(table); !same) return fail(std::move(same.error()));
    if (auto ended = end(); !ended) return fail(std::move(ended.error()));
    return out;
  }

 private:
  /// Empty, or begun by an earlier run of ours.
  Result<void> check_destination() {
    return to_.read_blocking([this](Transaction& tx) -> Result<void> {
      const auto source = tx.value<std::string>("select source from store_copy limit 1");
      if (source && *source != options_.source)
        return fail(Kind::conflict, "other_source",
                    "the destination is being filled from another store; make it anew");
      if (source) return {};
      for (const Table& table : tables_)
        if (tx.value<int>("select 1 from " + table.name + " limit 1"))
          return fail(Kind::conflict, "not_empty",
                      "the destination is not empty: there are rows in " + table.name);
      return {};
    });
  }

  Result<void> begin() {
    return to_.write_blocking([this](Transaction& tx) -> Result<void> {
      if (tx.value<int>("select 1 from store_copy limit 1")) return {};
      for (const Table& table : tables_)
        tx.execute(
            "insert into store_copy (table_name, source, last_row, copied) values (?, ?, ?, 0)",
            table.name, options_.source, before_all);
      return {};
    });
  }

  static constexpr std::int64_t before_all = std::numeric_limits<std::int64_t>::min();

  struct Chunk {
    std::vector<std::vector<Cell>> rows;
    std::int64_t last = before_all;
  };

  Result<Chunk> read(const Table& table, std::int64_t after) {
    const std::string sql = "select rowid, " + joined(table.columns) + " from " + table.name +
                            " where rowid > ? order by rowid limit ?";
    return from_.read_blocking([&](Transaction& tx) -> Result<Chunk> {
      Chunk chunk{.rows = {}, .last = after};
      const std::array<Value, 2> arguments{after, options_.chunk};
      tx.each_row(sql, arguments, [&](const Statement& row) {
        chunk.last = row.integer(0);
        chunk.rows.push_back(cells(row, 1, table.columns));
      });
      return chunk;
    });
  }

  static std::vector<Cell> cells(const Statement& row, int first,
                                 const std::vector<Column>& columns) {
    std::vector<Cell> out;
    out.reserve(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i)
      out.push_back(cell(row, first + static_cast<int>(i), columns[i].kind));
    return out;
  }

  struct Mark {
    std::int64_t last = before_all;
    std::int64_t copied = 0;
  };

  Result<Mark> read_mark(const Table& table) {
    return to_.read_blocking([&](Transaction& tx) -> Result<Mark> {
      const auto row = tx.row<std::int64_t, std::int64_t>(
          "select last_row, copied from store_copy where table_name = ?", table.name);
      if (!row) return fail(Kind::conflict, "other_source", "the destination's marks are gone");
      return Mark{std::get<0>(*row), std::get<1>(*row)};
    });
  }

  Result<CopiedTable> copy(const Table& table) {
    const auto rows = from_.read_blocking([&](Transaction& tx) -> Result<std::int64_t> {
      return *tx.value<std::int64_t>("select count(*) from " + table.name);
    });
    if (!rows) return fail(rows.error());
    Mark mark;
    if (!options_.dry_run) {
      const auto stored = read_mark(table);
      if (!stored) return fail(stored.error());
      mark = *stored;
    }
    for (;;) {
      const auto chunk = read(table, mark.last);
      if (!chunk) return fail(chunk.error());
      if (chunk->rows.empty()) return CopiedTable{table.name, *rows, mark.copied};
      const Mark next{chunk->last, mark.copied + static_cast<std::int64_t>(chunk->rows.size())};
      if (!options_.dry_run) {
        const auto written = write(table, *chunk, mark, next);
        if (!written) return fail(written.error());
        mark = *written;
      } else {
        mark = next;
      }
      progress_({table.name, *rows, mark.copied});
    }
  }

  /// The rows and the mark together: after kill -9 neither is there without the other. The mark
  /// first, so that a transaction of a killed predecessor, which the server has not ended yet, is
  /// waited for. Where to go on.
  Result<Mark> write(const Table& table, const Chunk& chunk, const Mark& mark, const Mark& next) {
    const auto moved = to_.write_blocking([&](Transaction& tx) -> Result<bool> {
      if (tx.execute("update store_copy set last_row = ?, copied = ? where table_name = ? and "
                     "last_row = ?",
                     next.last, next.copied, table.name, mark.last) == 0)
        return false;
      std::span<const std::vector<Cell>> left(chunk.rows);
      while (!left.empty()) {
        const std::size_t count = left.size() >= rows_a_statement ? rows_a_statement : 1;
        insert(tx, table, left.first(count));
        left = left.subspan(count);
      }
      return true;
    });
    if (!moved) return fail(moved.error());
    if (*moved) return next;
    return read_mark(table);
  }

  static void insert(Transaction& tx, const Table& table, std::span<const std::vector<Cell>> rows) {
    // Its numbers are given in the order of arrival elsewhere: the sequence is that order.
    const bool outbox = table.name == "outbox" && tx.dialect() == Dialect::mariadb;
    std::string sql = "insert into " + table.name + " (" + (outbox ? "arrival, " : "") +
                      joined(table.columns) + ") values ";
    std::vector<Value> values;
    for (const auto& row : rows) {
      sql += &row == rows.data() ? "(" : ", (";
      if (outbox) {
        sql += "?, ";
        values.push_back(row.front().value());
      }
      for (std::size_t i = 0; i < row.size(); ++i) {
        sql += i == 0 ? "?" : ", ?";
        values.push_back(row[i].value());
      }
      sql += ')';
    }
    tx.execute_values(sql, values);
  }

  Result<void> compare(const Table& table) {
    Digest here;
    for (std::int64_t after = before_all;;) {
      auto chunk = read(table, after);
      if (!chunk) return fail(std::move(chunk.error()));
      if (chunk->rows.empty()) break;
      for (const auto& row : chunk->rows) here.add(row);
      after = chunk->last;
    }
    const auto there = digest_of_destination(table);
    if (!there) return fail(there.error());
    if (*there == here) return {};
    return fail(Kind::internal, "copies_differ",
                table.name + ": " + std::to_string(here.rows) + " rows were copied, and " +
                    std::to_string(there->rows) +
                    " are there, or they hold something else; make the destination anew");
  }

  /// By its primary key, a chunk at a time.
  Result<Digest> digest_of_destination(const Table& table) {
    std::vector<Column> key;
    for (const Column& column : table.columns)
      if (column.key != 0) key.push_back(column);
    std::ranges::sort(key, {}, &Column::key);
    const std::string order = joined(key);
    std::string marks;
    for (std::size_t i = 0; i < key.size(); ++i) marks += i == 0 ? "?" : ", ?";
    const std::string select =
        "select " + order + ", " + joined(table.columns) + " from " + table.name;
    const std::string tail = " order by " + order + " limit ?";
    Digest digest;
    std::vector<Cell> last;
    for (;;) {
      std::vector<Value> arguments;
      for (const Cell& one : last) arguments.push_back(one.value());
      arguments.emplace_back(options_.chunk);
      const std::string sql =
          select + (last.empty() ? "" : " where (" + order + ") > (" + marks + ")") + tail;
      std::int64_t count = 0;
      std::vector<Cell> reached;
      const auto read = to_.read_blocking([&](Transaction& tx) -> Result<void> {
        tx.each_row(sql, arguments, [&](const Statement& row) {
          reached = cells(row, 0, key);
          digest.add(cells(row, static_cast<int>(key.size()), table.columns));
          ++count;
        });
        return {};
      });
      if (!read) return fail(read.error());
      last = std::move(reached);
      if (count < options_.chunk) return digest;
    }
  }

  Result<void> end() {
    return to_.write_blocking([this](Transaction& tx) -> Result<void> {
      if (options_.finish) options_.finish(tx);
      tx.execute("delete from store_copy");
      return {};
    });
  }

  Database& from_;
  Database& to_;
  const StoreCopyOptions& options_;
  const std::set<std::string> without_;
  const std::function<void(const CopiedTable&)>& progress_;
  std::vector<Table> tables_;
};

}  // namespace

Result<std::vector<CopiedTable>> copy_store(
    Database& from, Database& to, const StoreCopyOptions& options,
    const std::function<void(const CopiedTable&)>& progress) {
  return Copy(from, to, options, progress).run();
}

}  // namespace madang::db
