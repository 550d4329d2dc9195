// What only SQLite has; its contract is in database_contract_test.cpp.
#include "platform/db/sqlite.hpp"

#include <atomic>
#include <fstream>
#include <latch>
#include <thread>

#include "platform/db/sqlite_connection.hpp"
#include "platform/db/sqlite_test_store.hpp"

namespace madang::db {
namespace {

TEST_F(SqliteTest, SyncsEveryCommitAndChecksForeignKeys) {
  const auto settings = [](Transaction& tx) -> Result<std::string> {
    std::string out;
    for (const char* sql : {"pragma journal_mode", "pragma synchronous", "pragma foreign_keys"})
      out += *tx.value<std::string>(sql) + " ";
    return out;
  };
  EXPECT_EQ(db_->write_blocking(settings).value(), "wal 2 1 ");
}

TEST_F(SqliteTest, CannotOpenWhatIsNotAStore) {
  TestFolder folder;
  metrics::Registry registry;
  EXPECT_THROW(open_sqlite({.path = folder / "missing" / "x.db"}, registry), SqlError);
  std::ofstream(folder / "text.db") << std::string(5000, 'x');
  EXPECT_THROW(open_sqlite({.path = folder / "text.db"}, registry), SqlError);
}

// Only the first row of the statement is asked for, so it never runs to its end.
TEST_F(SqliteTest, ReturningChecksForeignKeysBeforeItsFirstRow) {
  run_sql(*db_, "create table child (id integer primary key, t integer references t (id))");
  const auto dangling = [](Transaction& tx) -> Result<Id> {
    return *tx.value<Id>("insert into child values (1, 7) returning id");
  };
  EXPECT_THROW((void)db_->write_blocking(dangling), SqlError);
  EXPECT_EQ(number(*db_, "select count(*) from child"), 0);
  const auto sound = [](Transaction& tx) -> Result<Id> {
    tx.execute("insert into t values (7, 1)");
    return *tx.value<Id>("insert into child values (1, 7) returning id");
  };
  EXPECT_EQ(db_->write_blocking(sound).value(), 1);
  EXPECT_EQ(number(*db_, "select count(*) from child"), 1);
}

TEST_F(SqliteTest, ABodyCannotAskForAnother) {
  const auto body = [&](Transaction&) -> Result<bool> { return db_->write_blocking(insert_id(1)); };
  EXPECT_THROW((void)db_->write_blocking(body), std::logic_error);
  const auto read = [&](Transaction&) -> Result<bool> { return number(*db_, "select 1") == 1; };
  EXPECT_THROW((void)db_->read_blocking(read), std::logic_error);
}

TEST_F(SqliteTest, AnotherProgramThatHoldsTheStoreMakesItBusy) {
  sqlite::Connection other(store_.path(), sqlite::Connection::Use::tool);
  other.run("begin immediate");
  const auto refused = db_->write_blocking(insert_id(1));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "database_busy");
  other.run("rollback");
  EXPECT_TRUE(db_->write_blocking(insert_id(1)).has_value());
}

TEST_F(SqliteTest, ShowsItsFigures) {
  for (Id id = 1; id <= 10; ++id) EXPECT_TRUE(db_->write_blocking(insert_id(id)).has_value());
  db_->close();
  const std::string text = registry_.scrape();
  for (const char* line :
       {"madang_pool_size{pool=\"db_writer\"} 1", "madang_pool_size{pool=\"db_readers\"} 2",
        "madang_pool_busy{pool=\"db_writer\"} 0", "madang_pool_waiting{pool=\"db_writer\"} 0",
        "madang_pool_wait_seconds_count{pool=\"db_writer\"} 11", "madang_db_group_size_count 11",
        "madang_db_group_size_sum 11", "madang_db_commit_seconds_count 11",
        "madang_pool_refused_total{pool=\"db_writer\",reason=\"full\"} 0",
        "madang_db_statement_cache_total{pool=\"db_writer\",result=\"hit\"} 9",
        "madang_db_statement_cache_total{pool=\"db_writer\",result=\"miss\"} 2"})
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
}

// Writes many times the log's bound under readers that overlap, and looks at the file.
TEST(SqliteLog, StaysShort) {
  TestFolder folder;
  metrics::Registry registry;
  const auto path = folder / "store.db";
  auto db = open_sqlite({.path = path, .checkpoint_pages = 256}, registry);
  run_sql(*db, "create table big (id integer primary key, raw blob)");
  std::atomic<bool> stop = false;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      while (!stop) EXPECT_GE(number(*db, "select count(*) from big"), 0);
    });
  const Bytes raw(100'000, std::byte{7});
  std::uintmax_t longest = 0;
  for (int i = 0; i < 400; ++i) {
    const auto body = [&](Transaction& tx) -> Result<bool> {
      tx.execute("insert or replace into big values (?, ?)", i % 20, raw);
      return true;
    };
    EXPECT_TRUE(db->write_blocking(body).has_value());
    longest = std::max(longest, std::filesystem::file_size(path.string() + "-wal"));
  }
  stop = true;
  readers.clear();
  EXPECT_GT(longest, std::uintmax_t(1) << 20);  // 40 MB were written
  EXPECT_LT(longest, std::uintmax_t(10) << 20);
  db.reset();
  EXPECT_FALSE(std::filesystem::exists(path.string() + "-wal"));
  EXPECT_TRUE(std::filesystem::exists(path));
}

// What a request begins with does not wait until a reader is done with something long.
TEST_F(SqliteTest, TheFirstReadOfARequestPassesReadersThatAreBusy) {
  db_.reset();
  db_ = store_.open({.readers = 1}, registry_);
  std::latch inside{1}, done{1};
  const auto slow = [&](Transaction&) -> Result<bool> {
    inside.count_down();
    done.wait();
    return true;
  };
  std::jthread busy([&] { EXPECT_TRUE(db_->read_blocking(slow).has_value()); });
  inside.wait();
  const auto quick = [](Database* db) -> Task<Result<bool>> {
    const auto body = [](Transaction&) -> Result<bool> { return true; };
    Result<bool> read = co_await db->read_latest(Deadline::after(20s), body, ReadLane::first);
    co_return read;
  };
  EXPECT_TRUE(io_.spawn(quick(db_.get())).get().has_value());
  done.count_down();
}

}  // namespace
}  // namespace madang::db
