// Group commit: what happens to the others when one body fails in each of the possible ways.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>

#include "platform/db/sqlite_test_store.hpp"

namespace madang::db {
namespace {

using Cause = SqlError::Cause;

/// A crowd of writes that queue up behind a held writer and so become one group.
class Crowd {
 public:
  explicit Crowd(Database& db) : db_(db) {}

  /// The future's value: "ok", a problem's code, or "error <cause>".
  template <class Body>
  std::shared_future<std::string> add(Body body, Lane lane = Lane::interactive) {
    std::promise<std::string> promise;
    auto future = promise.get_future().share();
    threads_.emplace_back([this, body, lane, told = std::move(promise)]() mutable {
      told.set_value(outcome(body, lane));
    });
    return future;
  }

  /// Until all that was added waits in the queue.
  static void until_waiting(metrics::Registry& registry, int count) {
    const std::string line =
        "madang_pool_waiting{pool=\"db_writer\"} " + std::to_string(count) + "\n";
    while (registry.scrape().find(line) == std::string::npos) std::this_thread::sleep_for(1ms);
  }

 private:
  template <class Body>
  std::string outcome(Body& body, Lane lane) {
    try {
      const auto done = db_.write_blocking(body, lane);
      return done ? "ok" : std::string(done.error().code);
    } catch (const SqlError& error) {
      return "error " + std::to_string(static_cast<int>(error.cause()));
    }
  }

  Database& db_;
  std::vector<std::jthread> threads_;
};

std::string error(Cause cause) {
  return "error " + std::to_string(static_cast<int>(cause));
}

class SqliteGroup : public SqliteTest {
 protected:
  /// About `pages` more pages fit into the store.
  void limit_pages(int pages) {
    const auto body = [pages](Transaction& tx) -> Result<bool> {
      const auto now = *tx.value<std::int64_t>("pragma page_count");
      tx.value<std::int64_t>("pragma max_page_count = " + std::to_string(now + pages));
      return true;
    };
    ASSERT_TRUE(db_->write_blocking(body).has_value());
  }

  static auto too_big(Id id) {
    return [id](Transaction& tx) -> Result<bool> {
      tx.execute("insert into big values (?, zeroblob(4000000))", id);
      return true;
    };
  }

  void make_big() { run_sql(*db_, "create table big (id integer primary key, raw blob)"); }
};

/// False when the four did not become one group: a machine out of breath takes longer for the first
/// ones than a group may last.
bool nobody_is_told_before_the_commit(Database& db, metrics::Registry& registry) {
  (void)db.write_blocking([](Transaction& tx) -> Result<bool> {
    tx.execute("delete from t");
    return true;
  });
  Crowd crowd(db);
  std::latch last_is_running(1);
  std::latch finish(1);
  std::vector<std::shared_future<std::string>> early;
  HeldWriter held(db);
  early.push_back(crowd.add(insert_id(1)));
  Crowd::until_waiting(registry, 1);
  // It refuses because of a row that is not committed: that must not be told either.
  early.push_back(crowd.add([](Transaction& tx) -> Result<bool> {
    if (tx.value<Id>("select id from t where id = 1")) return fail(Kind::conflict, "taken");
    return true;
  }));
  early.push_back(crowd.add([](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t values (1, 1)");
    return true;
  }));
  Crowd::until_waiting(registry, 3);
  crowd.add([&, first = true](Transaction&) mutable -> Result<bool> {
    if (std::exchange(first, false)) last_is_running.count_down();
    finish.wait();
    return true;
  });
  Crowd::until_waiting(registry, 4);
  held.open();
  last_is_running.wait();
  if (number(db, "select count(*) from t") != 0) {
    finish.count_down();
    for (auto& told : early) told.wait();
    return false;
  }
  for (auto& told : early) EXPECT_EQ(told.wait_for(30ms), std::future_status::timeout);
  finish.count_down();
  EXPECT_EQ(early[0].get(), "ok");
  EXPECT_EQ(number(db, "select count(*) from t"), 1);
  EXPECT_EQ(early[1].get(), "taken");
  EXPECT_EQ(early[2].get(), error(Cause::unique));
  return true;
}

TEST_F(SqliteGroup, NobodyIsToldBeforeTheCommit) {
  bool done = false;
  for (int attempt = 0; attempt < 50 && !done; ++attempt)
    done = nobody_is_told_before_the_commit(*db_, registry_);
  EXPECT_TRUE(done);
}

TEST_F(SqliteGroup, AFullDiskFailsTheOneThatNeedsIt) {
  make_big();
  limit_pages(50);
  // SQLite gives up the whole group, and it is begun again. A machine out of breath may not make
  // one of them: then once more.
  for (int runs = 0; runs < 2;) {
    run_sql(*db_, "delete from t");
    Crowd crowd(*db_);
    std::shared_future<std::string> before;
    std::shared_future<std::string> culprit;
    std::shared_future<std::string> after;
    {
      HeldWriter held(*db_);
      before = crowd.add([&runs, now = 0](Transaction& tx) mutable -> Result<bool> {
        runs = ++now;
        tx.execute("insert into t values (1, 1)");
        return true;
      });
      Crowd::until_waiting(registry_, 1);
      culprit = crowd.add(too_big(1));
      Crowd::until_waiting(registry_, 2);
      after = crowd.add(insert_id(2));
      Crowd::until_waiting(registry_, 3);
    }
    EXPECT_EQ(before.get(), "ok");
    EXPECT_EQ(culprit.get(), error(Cause::full));
    EXPECT_EQ(after.get(), "ok");
    EXPECT_EQ(number(*db_, "select count(*) from t"), 2);
    EXPECT_EQ(number(*db_, "select count(*) from big"), 0);
  }
}

TEST_F(SqliteGroup, ManyCulpritsStillTakeNoOtherDown) {
  make_big();
  limit_pages(50);
  Crowd crowd(*db_);
  std::vector<std::shared_future<std::string>> good;
  std::vector<std::shared_future<std::string>> bad;
  {
    HeldWriter held(*db_);
    for (Id id = 1; id <= 12; ++id) {
      good.push_back(crowd.add(insert_id(id)));
      Crowd::until_waiting(registry_, static_cast<int>(2 * id - 1));
      bad.push_back(crowd.add(too_big(id)));
      Crowd::until_waiting(registry_, static_cast<int>(2 * id));
    }
  }
  for (auto& told : good) EXPECT_EQ(told.get(), "ok");
  for (auto& told : bad) EXPECT_EQ(told.get(), error(Cause::full));
  EXPECT_EQ(number(*db_, "select count(*) from t"), 12);
  EXPECT_EQ(number(*db_, "select count(*) from big"), 0);
}

// A body that catches the error and reports success must not have its lost changes acknowledged.
TEST_F(SqliteGroup, AHiddenLossIsNotASuccess) {
  make_big();
  limit_pages(50);
  const auto hides = [](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t values (1, 1)");
    try {
      tx.execute("insert into big values (1, zeroblob(4000000))");
    } catch (const SqlError&) {
    }
    return true;
  };
  EXPECT_THROW((void)db_->write_blocking(hides), SqlError);
  EXPECT_EQ(number(*db_, "select count(*) from t"), 0);
  EXPECT_TRUE(db_->write_blocking(insert_id(1)).has_value());
}

// A constraint that is checked at the commit fails everybody's commit; only its owner may notice.
TEST_F(SqliteGroup, ACommitThatFailsFailsOnlyItsCause) {
  run_sql(*db_,
          "create table child (id integer primary key, "
          "t integer references t (id) deferrable initially deferred)");
  Crowd crowd(*db_);
  std::vector<std::shared_future<std::string>> good;
  std::shared_future<std::string> poison;
  std::shared_future<std::string> refused;
  {
    HeldWriter held(*db_);
    for (Id id = 1; id <= 5; ++id) good.push_back(crowd.add(insert_id(id)));
    poison = crowd.add([](Transaction& tx) -> Result<bool> {
      tx.execute("insert into child values (1, 99)");
      return true;
    });
    refused = crowd.add([](Transaction&) -> Result<bool> { return fail(Kind::conflict, "no"); });
    Crowd::until_waiting(registry_, 7);
  }
  for (auto& told : good) EXPECT_EQ(told.get(), "ok");
  EXPECT_EQ(poison.get(), error(Cause::foreign_key));
  EXPECT_EQ(refused.get(), "no");
  EXPECT_EQ(number(*db_, "select count(*) from t"), 5);
  EXPECT_EQ(number(*db_, "select count(*) from child"), 0);
}

Task<bool> count_run(Database& db, std::atomic<int>& runs, std::latch& done) {
  const auto body = [&](Transaction&) -> Result<bool> { return ++runs > 0; };
  const auto written = co_await db.write(Deadline::never(), body);
  done.count_down();
  co_return written.has_value();
}

// Thousands wait in both lanes: the background's first comes after some groups of people's work,
// not before, and not after all of it.
TEST_F(SqliteGroup, BackgroundGivesWayButNotForEver) {
  constexpr int people = 4000;
  std::atomic<int> runs = 0;
  std::latch done(people);
  int runs_before = -1;
  std::shared_future<std::string> background;
  const auto look = [&](Transaction&) -> Result<bool> {
    runs_before = runs;
    return true;
  };
  Crowd crowd(*db_);
  {
    HeldWriter held(*db_);
    for (int i = 0; i < people; ++i) io_.spawn(count_run(*db_, runs, done));
    background = crowd.add(look, Lane::background);
    Crowd::until_waiting(registry_, people + 1);
  }
  EXPECT_EQ(background.get(), "ok");
  done.wait();
  EXPECT_EQ(runs, people);
  EXPECT_GT(runs_before, 0);
  EXPECT_LT(runs_before, people);
}

/// As long as it lives, files of this process cannot grow beyond `bytes`.
class FileLimit {
 public:
  explicit FileLimit(std::uintmax_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;
  ~FileLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

// The log cannot be written any more: everyone is told, nothing is half there, and it goes on when
// there is room again.
TEST_F(SqliteGroup, AnUnwritableLogFailsEveryoneUntilThereIsRoom) {
  run_sql(*db_, "create table pad (id integer primary key, raw blob)");
  for (int i = 0; i < 3; ++i) run_sql(*db_, "insert into pad values (null, zeroblob(100000))");
  const auto log_size = std::filesystem::file_size(store_.path().string() + "-wal");
  std::vector<std::shared_future<std::string>> told;
  {
    const FileLimit limit(log_size + 100);
    Crowd crowd(*db_);
    for (Id id = 1; id <= 20; ++id) told.push_back(crowd.add(insert_id(id)));
    for (auto& outcome : told) EXPECT_EQ(outcome.get().substr(0, 5), "error");
  }
  EXPECT_EQ(number(*db_, "select count(*) from t"), 0);
  EXPECT_TRUE(db_->write_blocking(insert_id(1)).has_value());
  db_.reset();
  metrics::Registry registry;
  db_ = store_.open({}, registry);
  EXPECT_EQ(number(*db_, "select count(*) from t"), 1);
  EXPECT_EQ(number(*db_, "select count(*) from pad"), 3);
  db_.reset();
}

TEST_F(SqliteGroup, CommitsACrowdTogether) {
  Crowd crowd(*db_);
  std::atomic<int> commits = 0;
  db_->on_commit([&] { ++commits; });
  {
    HeldWriter held(*db_);
    for (Id id = 1; id <= 50; ++id) crowd.add(insert_id(id));
    Crowd::until_waiting(registry_, 50);
  }
  while (number(*db_, "select count(*) from t") < 50) std::this_thread::sleep_for(1ms);
  EXPECT_LE(commits, 10);  // 1, unless the machine was slow enough to end the group's time
}

Task<Result<bool>> write_slowly(Database* db, Id id) {
  const auto body = [id](Transaction& tx) -> Result<bool> {
    std::this_thread::sleep_for(2ms);
    tx.execute("insert into t values (?, 1)", id);
    return true;
  };
  co_return co_await db->write(Deadline::after(20s), body);
}

class SqliteOverload : public SqliteGroup {
 protected:
  void SetUp() override {
    db_ = store_.open({.max_wait = SqliteOptions{}.max_wait}, registry_);
    run_sql(*db_, "create table t (id integer primary key, n integer)");
  }
};

// More at once than can be done in the time that anybody should wait.
TEST_F(SqliteOverload, RefusesPeopleWhenTheQueueStandsAndLosesNobody) {
  std::vector<std::future<Result<bool>>> people;
  for (Id id = 1; id <= 400; ++id) people.push_back(io_.spawn(write_slowly(db_.get(), id)));
  const auto own = db_->write_blocking([](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t values (1000, 1)");
    return true;
  });
  EXPECT_TRUE(own.has_value()) << "the house's own threads wait";
  int done = 0, refused = 0;
  for (auto& one : people) {
    const auto told = one.get();
    if (!told) EXPECT_EQ(told.error().code, "database_busy");
    ++(told ? done : refused);
  }
  EXPECT_GT(refused, 0);
  EXPECT_GT(done, 0);
  EXPECT_EQ(number(*db_, "select count(*) from t"), done + 1);
  const std::string line = "madang_pool_refused_total{pool=\"db_writer\",reason=\"overload\"} ";
  EXPECT_NE(registry_.scrape().find(line + std::to_string(refused)), std::string::npos);
}

// Told before anything is done for it, and told the truth again as soon as the storm is over.
TEST_F(SqliteOverload, SaysThatItWouldRefuseAWriteWhileTheQueueStands) {
  EXPECT_FALSE(db_->refuses_writes());
  std::vector<std::future<Result<bool>>> people;
  bool refuses = false;
  while (!(refuses = db_->refuses_writes()) && people.size() < 4'000) {
    people.push_back(io_.spawn(write_slowly(db_.get(), static_cast<Id>(people.size()) + 1)));
    std::this_thread::sleep_for(100us);
  }
  EXPECT_TRUE(refuses) << "four thousand wait and nobody would be refused";
  for (auto& one : people) (void)one.get();
  while (db_->refuses_writes()) std::this_thread::sleep_for(1ms);
  EXPECT_TRUE(db_->write_blocking(insert_id(1'000'000)).has_value());
}

}  // namespace
}  // namespace madang::db
