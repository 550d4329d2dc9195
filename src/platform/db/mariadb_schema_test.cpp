#include "platform/db/mariadb_schema.hpp"

#include <gtest/gtest.h>

#include "platform/db/migrations.hpp"
#include "platform/db/sql.hpp"

namespace madang::db {
namespace {

using mariadb::definition;

constexpr std::string_view tail =
    ") engine=InnoDB row_format=dynamic default character set utf8mb4 collate utf8mb4_nopad_bin";

TEST(MariaDbSchema, TranslatesTheTypesOfATable) {
  EXPECT_EQ(definition("create table t (\n  id integer primary key,\n  text text not null,\n"
                       "  n integer not null check (n in (1, 2)),\n  raw blob,\n"
                       "  hash blob not null unique,\n  name varchar(20) default 'a, (b',\n"
                       "  check (n > 0),\n  primary key (id, n)\n)"),
            "create table if not exists t (id bigint not null auto_increment primary key, "
            "text mediumtext not null, n bigint not null check (n in (1, 2)), raw longblob, "
            "hash varbinary(255) not null unique, name varchar(20) default 'a, (b', "
            "check (n > 0), primary key (id, n)" +
                std::string(tail));
}

TEST(MariaDbSchema, DefinitionsCanBeRunAgain) {
  EXPECT_EQ(definition("create index i on t (a, b)"), "create index if not exists i on t (a, b)");
  EXPECT_EQ(definition("\ncreate unique index if not exists i on t (a)"),
            "create unique index if not exists i on t (a)");
  EXPECT_EQ(definition("alter table t add column note text not null default ''"),
            "alter table t add column if not exists note mediumtext not null default ''");
}

TEST(MariaDbSchema, LeavesEverythingElse) {
  for (const char* sql : {"insert into t values ('integer', 'text')", "update t set text = 'blob'",
                          "drop table t", "alter table t drop column a"})
    EXPECT_EQ(definition(sql), sql);
}

TEST(Migrations, AStatementMayBeForOneEngineAlone) {
  const std::string_view text =
      "create table a (n integer);\n-- only: sqlite\ncreate table b (n integer);\n"
      "-- why\n-- only: mariadb\n-- because\ncreate table c (n integer);\ncreate table d (n "
      "integer);\n";
  const auto names = [&](Dialect dialect) {
    std::string out;
    for (const std::string& statement : split_statements(text, dialect))
      out += statement[statement.find("table ") + 6];
    return out;
  };
  EXPECT_EQ(names(Dialect::sqlite), "abd");
  EXPECT_EQ(names(Dialect::mariadb), "acd");
}

}  // namespace
}  // namespace madang::db
