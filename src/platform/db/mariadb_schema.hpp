// One text for both engines: what SQLite's definitions mean to MariaDB.
#pragma once

#include <string>
#include <string_view>

namespace madang::db::mariadb {

/// A statement of a migration as MariaDB takes it. Definitions are changed so that
///
///   - they can be run again: `if not exists` with tables, indexes and added columns;
///   - types hold what SQLite's hold: integer is bigint, text is mediumtext (16 MiB), blob is
///     longblob, and varbinary(255) where it is a key; `integer primary key` numbers by itself;
///   - texts are compared byte by byte: utf8mb4 with utf8mb4_nopad_bin, InnoDB.
///
/// Everything else (other types, changes of rows) stays as it is.
std::string definition(std::string_view statement);

}  // namespace madang::db::mariadb
