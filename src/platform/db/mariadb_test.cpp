// What only MariaDB has; its contract is in database_contract_test.cpp.
#include "platform/db/mariadb.hpp"

#include <atomic>
#include <thread>

#include "platform/db/mariadb_test_store.hpp"

namespace madang::db {
namespace {

/// Adds to two rows in one order or the other.
auto add_to_both(Id first, Id second) {
  return [=](Transaction& tx) -> Result<bool> {
    tx.execute("update t set n = n + 1 where id = ?", first);
    tx.execute("update t set n = n + 1 where id = ?", second);
    return true;
  };
}

TEST(MariaDb, TransactionsThatDeadlockAreRunAgain) {
  MariaDbStore store;
  metrics::Registry registry;
  const auto db = store.open({}, registry);
  run_sql(*db, "create table t (id bigint primary key, n bigint)");
  run_sql(*db, "insert into t values (1, 0), (2, 0)");
  std::atomic<int> faults = 0;
  {
    std::vector<std::jthread> crowd;
    for (int i = 0; i < 8; ++i)
      crowd.emplace_back([&, i] {
        for (int n = 0; n < 50; ++n)
          if (!db->write_blocking(add_to_both(1 + i % 2, 2 - i % 2))) ++faults;
      });
  }
  EXPECT_EQ(faults, 0);
  EXPECT_EQ(number(*db, "select sum(n) from t"), 800);
  EXPECT_EQ(registry.scrape().find("madang_db_transactions_again_total{reason=\"conflict\"} 0"),
            std::string::npos);
}

// One that looks before it inserts is raced by another: it looks again, as if it had come later.
TEST(MariaDb, WhoLooksBeforeItInsertsIsRunAgainWhenItWasRaced) {
  MariaDbStore store;
  metrics::Registry registry;
  const auto db = store.open({}, registry);
  run_sql(*db, "create table t (id bigint primary key, n bigint)");
  std::atomic<int> inserted = 0;
  std::atomic<int> found = 0;
  {
    std::vector<std::jthread> crowd;
    for (int i = 0; i < 8; ++i)
      crowd.emplace_back([&] {
        for (Id id = 1; id <= 40; ++id) {
          const auto body = [&](Transaction& tx) -> Result<bool> {
            if (tx.value<Id>("select id from t where id = ?", id)) return false;
            tx.execute("insert into t values (?, 0)", id);
            return true;
          };
          ++(db->write_blocking(body).value() ? inserted : found);
        }
      });
  }
  EXPECT_EQ(inserted, 40);
  EXPECT_EQ(found, 280);
}

TEST(MariaDbUrl, NamesHostsUserAndDatabase) {
  const auto options = parse_mariadb_url("mysql://app@one:3307,two/madang");
  ASSERT_TRUE(options.has_value()) << options.error().detail;
  EXPECT_EQ(options->user, "app");
  EXPECT_EQ(options->database, "madang");
  ASSERT_EQ(options->hosts.size(), 2U);
  EXPECT_EQ(options->hosts[0].label(), "one:3307");
  EXPECT_EQ(options->hosts[1].label(), "two:3306");
}

TEST(MariaDbUrl, RefusesWhatItCannotMean) {
  for (const char* url :
       {"", "mysql://", "http://a@b/c", "mysql://host/db", "mysql://@host/db", "mysql://u@host",
        "mysql://u@host/", "mysql://u@/db", "mysql://u@host:0/db", "mysql://u@host:x/db",
        "mysql://u@host:99999/db", "mysql://u@host,/db", "mysql://u:secret@host/db"}) {
    const auto options = parse_mariadb_url(url);
    ASSERT_FALSE(options.has_value()) << url;
    EXPECT_EQ(options.error().code, "bad_configuration");
    EXPECT_FALSE(options.error().detail.contains('\n'));
  }
}

}  // namespace
}  // namespace madang::db
