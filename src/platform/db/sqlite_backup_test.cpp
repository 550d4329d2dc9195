// Backup under load, and what verification finds.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "platform/db/sqlite_connection.hpp"
#include "platform/db/sqlite_test_store.hpp"

namespace madang::db {
namespace {

using Use = sqlite::Connection::Use;

class SqliteBackup : public testing::Test {
 protected:
  SqliteBackup() : db_(store_.open({}, registry_)) {
    contract::migrate_all(*db_, {&contract::people, &contract::pets});
  }

  std::vector<std::string> verify(const std::filesystem::path& file) {
    const std::vector<const ModuleSchema*> modules{&contract::people, &contract::pets};
    return verify_sqlite(file, modules);
  }

  TestFolder folder_;
  SqliteStore store_;
  metrics::Registry registry_;
  std::unique_ptr<Database> db_;
};

TEST_F(SqliteBackup, IsOfOneMomentAndStopsNobody) {
  run_sql(*db_, "create table entry (id integer primary key, raw blob)");
  run_sql(*db_, "create table total (n integer)");
  run_sql(*db_, "insert into total values (1)");
  run_sql(*db_, "insert into entry values (0, zeroblob(24000000))");  // some thousand pages
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::vector<std::jthread> writers;
  for (int i = 1; i <= 4; ++i)
    writers.emplace_back([&, i] {
      for (Id id = i * 1'000'000; !stop; ++id) {
        const auto body = [id](Transaction& tx) -> Result<bool> {
          tx.execute("insert into entry values (?, zeroblob(500))", id);
          tx.execute("update total set n = n + 1");
          return true;
        };
        EXPECT_TRUE(db_->write_blocking(body).has_value());
        ++written;
      }
    });
  while (written < 50) std::this_thread::sleep_for(1ms);
  int during = 0;
  for (int round = 0; round < 3; ++round) {
    const auto copy = folder_ / ("copy" + std::to_string(round)).c_str();
    const int before = written;
    backup_sqlite(store_.path(), copy);
    during += written - before;
    EXPECT_EQ(verify(copy), std::vector<std::string>());
    metrics::Registry registry;
    const auto restored = open_sqlite({.path = copy}, registry);
    const auto rows = number(*restored, "select count(*) from entry");
    EXPECT_EQ(rows, number(*restored, "select n from total"));
    EXPECT_GT(rows, before);
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / ""))
    EXPECT_EQ(entry.path().extension(), "") << entry.path();  // no journals, nothing partial
  stop = true;
  EXPECT_GT(during, 0);
}

TEST_F(SqliteBackup, RefusesAnExistingTargetAndAMissingSource) {
  const auto target = folder_ / "there.db";
  std::ofstream(target) << "precious";
  EXPECT_THROW(backup_sqlite(store_.path(), target), SqlError);
  std::string kept;
  std::ifstream(target) >> kept;
  EXPECT_EQ(kept, "precious");
  EXPECT_THROW(backup_sqlite(folder_ / "missing.db", folder_ / "copy.db"), SqlError);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "missing.db"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "copy.db"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "copy.db.partial"));
}

TEST_F(SqliteBackup, VerifiesALiveStore) {
  EXPECT_EQ(verify(store_.path()), std::vector<std::string>());
  run_sql(*db_, "insert into people values (9, 'x', 1)");
  EXPECT_EQ(number(*db_, "select count(*) from people"), 2);
}

TEST_F(SqliteBackup, VerifyFindsWhatIsWrong) {
  db_->close();
  db_.reset();
  EXPECT_EQ(verify(folder_ / "missing.db").size(), 1u);
  std::ofstream(folder_ / "text.db") << std::string(8192, 'x');
  EXPECT_EQ(verify(folder_ / "text.db").size(), 1u);
  {
    sqlite::Connection raw(store_.path(), Use::tool);
    raw.run("pragma foreign_keys = off");
    raw.run("insert into pets values (1, 77)");
    raw.run("insert into schema_migrations values ('people', '0003_later', 'x', 1)");
    raw.run("update schema_migrations set hash = 'x' where name = '0001_pets'");
  }
  const std::vector<std::string> expected{
      "foreign key: pets row 1 names a row of people that is not there",
      "the text of migration pets/0001_pets has changed since it was applied",
      "the store is newer than this program: migration people/0003_later is unknown"};
  EXPECT_EQ(verify(store_.path()), expected);
}

TEST_F(SqliteBackup, VerifyFindsDamage) {
  const auto body = [](Transaction& tx) -> Result<bool> {
    for (Id id = 10; id < 3000; ++id) tx.execute("insert into people values (?, 'someone', 3)", id);
    return true;
  };
  ASSERT_TRUE(db_->write_blocking(body).has_value());
  const auto copy = folder_ / "copy.db";
  backup_sqlite(store_.path(), copy);
  EXPECT_EQ(verify(copy), std::vector<std::string>());
  const auto size = std::filesystem::file_size(copy);
  std::fstream file(copy, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(size / 2 / 4096 * 4096));
  file << std::string(4096, '\x5A');
  file.close();
  EXPECT_NE(verify(copy), std::vector<std::string>());
}

}  // namespace
}  // namespace madang::db
