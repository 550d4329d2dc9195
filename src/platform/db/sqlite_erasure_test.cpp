// What was deleted is gone from the files, not only from the tables.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "platform/db/database.hpp"
#include "platform/db/sqlite.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::db {
namespace {

bool holds(const std::filesystem::path& folder, const std::string& text) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    if (bytes.find(text) != bytes.npos) return true;
  }
  return false;
}

TEST(SqliteErasure, DeletedRowsAreOverwritten) {
  std::string pattern = (std::filesystem::temp_directory_path() / "madang-erasure-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  const std::string secret = "what a person wrote and took back";
  metrics::Registry registry;
  const auto run = [&](std::string_view sql, const auto&... arguments) {
    const auto db = open_sqlite({.path = folder / "test.sqlite"}, registry);
    db->write_blocking([&](Transaction& tx) -> Result<void> {
        tx.execute(sql, arguments...);
        return {};
      }).value();
    db->close();  // empties the log
  };
  run("create table t (id integer primary key, body text)");
  run("insert into t (id, body) values (1, ?)", secret);
  EXPECT_TRUE(holds(folder, secret)) << "the test can see it";
  run("delete from t");
  EXPECT_FALSE(holds(folder, secret));
  run("insert into t (id, body) values (1, ?)", secret);
  run("update t set body = ''");
  EXPECT_FALSE(holds(folder, secret));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace madang::db
