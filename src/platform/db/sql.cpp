#include "platform/db/sql.hpp"

#include <algorithm>
#include <bit>

namespace madang::db {

void Transaction::append(std::string& sql, std::vector<Value>& values, const IdList& list) {
  if (list.ids.size() > IdList::max_size)
    throw SqlError(SqlError::Cause::other, "a list of more than 1024 ids");
  const std::size_t at = sql.find("?*");
  if (at == std::string::npos)
    throw SqlError(SqlError::Cause::other, "no ?* for a list in: " + sql);
  const std::size_t wanted = std::max<std::size_t>(list.ids.size(), 1);
  const std::size_t count = std::bit_ceil(wanted);
  std::string places = "?";
  for (std::size_t i = 1; i < count; ++i) places += ",?";
  sql.replace(at, 2, places);
  for (const Id id : list.ids) values.emplace_back(std::int64_t(id));
  const Value padding = list.ids.empty() ? Value(nullptr) : Value(std::int64_t(list.ids.back()));
  values.insert(values.end(), count - list.ids.size(), padding);
}

std::string_view store_clock(Dialect dialect) {
  switch (dialect) {
    case Dialect::sqlite:
      return "cast((julianday('now') - 2440587.5) * 86400000000 as integer)";
    case Dialect::mariadb:
      return "cast(unix_timestamp(now(6)) * 1000000 as signed)";
  }
  return {};
}

}  // namespace madang::db
