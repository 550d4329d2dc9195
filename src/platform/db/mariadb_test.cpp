// What only MariaDB has; its contract is in database_contract_test.cpp.
#include "platform/db/mariadb.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
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

/// Many at once, each again and again: a row of one's own and a counter that all share.
struct Crowd {
  /// The database wakes coroutines of `executor` until it is closed: it is to go first.
  Crowd(asio::io_context& executor, Database& database) : io(executor), db(database) {}

  Task<> one(int me, int rounds) {
    for (int n = 0; n < rounds; ++n) {
      const Id id = me * 1'000 + n;
      const bool twice = n % 10 == 9;  // its row is there already
      const auto body = [id, n, twice](Transaction& tx) -> Result<bool> {
        tx.execute("insert into rows_of_all values (?)", twice ? id - 1 : id);
        tx.execute("update t set n = n + 1 where id = 1");
        if (n % 10 == 4) return fail(Kind::conflict, "on_purpose");
        return true;
      };
      try {
        const Result<bool> done = co_await db.write(Deadline::after(std::chrono::seconds(30)), body,
                                                    Lane::interactive, HotRow{1});
        if (done)
          ++kept;
        else if (done.error().code == "outcome_unknown")
          ++unknown;
        else
          ++refused;
      } catch (const SqlError& error) {
        ++(error.cause() == SqlError::Cause::unique ? unique : others);
      }
    }
  }
  void run(int people, int rounds) {
    for (int i = 0; i < people; ++i)
      asio::co_spawn(io, one(i, rounds), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
      });
    io.run();
  }

  asio::io_context& io;
  Database& db;
  int kept = 0, refused = 0, unknown = 0, unique = 0, others = 0;
};

std::unique_ptr<Database> open_for_crowd(MariaDbStore& store, metrics::Registry& registry) {
  auto db = store.open({}, registry);
  run_sql(*db, "create table t (id bigint primary key, n bigint)");
  run_sql(*db, "create table rows_of_all (id bigint primary key)");
  run_sql(*db, "insert into t values (1, 0)");
  return db;
}

TEST(MariaDb, WritesToOneHotRowShareCommitsAndFailAlone) {
  MariaDbStore store;
  metrics::Registry registry;
  asio::io_context io;
  const auto db = open_for_crowd(store, registry);
  Crowd crowd(io, *db);
  crowd.run(64, 20);
  EXPECT_EQ(crowd.kept, 64 * 16);
  EXPECT_EQ(crowd.refused, 64 * 2);
  EXPECT_EQ(crowd.unique, 64 * 2);
  EXPECT_EQ(crowd.unknown + crowd.others, 0);
  EXPECT_EQ(number(*db, "select n from t where id = 1"), crowd.kept);
  EXPECT_EQ(number(*db, "select count(*) from rows_of_all"), crowd.kept);
  const std::string figures = registry.scrape();
  const auto commits =
      std::stod(figures.substr(figures.find("\nmadang_db_group_size_count ") + 28));
  EXPECT_LT(commits, crowd.kept / 2.0) << "most were not alone";
}

TEST(MariaDb, AHotRowKeepsItsCountWhenConnectionsAreLost) {
  MariaDbStore store;
  metrics::Registry registry;
  asio::io_context io;
  const auto db = open_for_crowd(store, registry);
  Crowd crowd(io, *db);
  std::jthread killer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
      server().run("kill user app");
    }
  });
  crowd.run(32, 20);
  killer.request_stop();
  killer.join();
  EXPECT_EQ(crowd.others, 0);
  const auto counted = number(*db, "select n from t where id = 1");
  EXPECT_GE(counted, crowd.kept);
  EXPECT_LE(counted, crowd.kept + crowd.unknown);
  EXPECT_EQ(number(*db, "select count(*) from rows_of_all"), counted);
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
