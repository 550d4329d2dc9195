// The contract under concurrency: acknowledgement, isolation, bounds, deadlines, lanes, shutdown.
#pragma once

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <set>

#include "base/random.hpp"
#include "db_contract.hpp"

namespace madang::db {

namespace contract {

inline Task<Result<bool>> write_id(Database& db, Deadline deadline, Id id,
                                   Lane lane = Lane::interactive) {
  const auto body = insert_id(id);
  co_return co_await db.write(deadline, body, lane);
}

inline Task<Result<std::int64_t>> count_t(Database& db, Deadline deadline) {
  const auto body = [](Transaction& tx) -> Result<std::int64_t> {
    return *tx.value<std::int64_t>("select count(*) from t");
  };
  co_return co_await db.read_latest(deadline, body);
}

inline Task<Result<std::int64_t>> count_forever(Database& db, Deadline deadline) {
  const auto body = [](Transaction& tx) -> Result<std::int64_t> {
    return *tx.value<std::int64_t>(
        "select count(*) from d a, d b, d c, d e, d f, d g, d h, d i, d j, d k, d l, d m "
        "where a.n + b.n + c.n + e.n + f.n + g.n + h.n + i.n + j.n + k.n + l.n + m.n < 0");
  };
  co_return co_await db.read(deadline, body);
}

inline Task<std::string> write_broken(Database& db) {
  const auto body = [](Transaction& tx) -> Result<bool> {
    tx.execute("insert into nowhere values (1)");
    return true;
  };
  try {
    (void)co_await db.write(Deadline::after(10s), body);
  } catch (const SqlError& error) {
    co_return error.what();
  }
  co_return "";
}

/// Writes `count` rows and after each acknowledgement looks whether it is there. Returns how many
/// times it was not, or the coroutine went on on a thread that is not one of `io`.
inline Task<int> write_and_look(Database& db, Id first, int count) {
  int faults = 0;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  for (Id id = first; id < first + count; ++id) {
    const auto insert = insert_id(id);
    const auto written = co_await db.write(Deadline::after(30s), insert);
    if (!written) ++faults;
    if (!executor.target<asio::io_context::executor_type>()->running_in_this_thread()) ++faults;
    const auto look = [id](Transaction& tx) -> Result<bool> {
      return tx.value<Id>("select id from t where id = ?", id).has_value();
    };
    const auto seen = co_await db.read_latest(Deadline::after(30s), look);
    if (!seen || !*seen) ++faults;
  }
  co_return faults;
}

}  // namespace contract

TEST_P(DatabaseContract, WhatIsAcknowledgedIsVisible) {
  make_t();
  std::vector<std::future<int>> tasks;
  for (int i = 0; i < 32; ++i)
    tasks.push_back(io_pool_.spawn(contract::write_and_look(*db_, i * 1000 + 1, 20)));
  for (auto& task : tasks) EXPECT_EQ(task.get(), 0);
  EXPECT_EQ(number(*db_, "select count(*) from t"), 640);
}

TEST_P(DatabaseContract, ExceptionsReachTheCoroutine) {
  EXPECT_NE(io_.spawn(contract::write_broken(*db_)).get().find("nowhere"), std::string::npos);
}

TEST_P(DatabaseContract, AFailingBodyTakesNoOtherDown) {
  make_t();
  run_sql(*db_, "create table totals (id bigint primary key, n bigint not null)");
  run_sql(*db_, "insert into totals values (1, 0)");
  constexpr int threads = 16;
  constexpr int each = 150;
  std::atomic<int> kept = 0;
  std::atomic<int> refused = 0;
  std::atomic<int> thrown = 0;
  std::atomic<int> surprises = 0;
  const auto work = [&](int thread) {
    SeededRandom random(static_cast<std::uint64_t>(thread));
    for (int i = 0; i < each; ++i) {
      const Id id = thread * 1000 + i;
      const auto fate =
          random.below(40);  // one in 20 fails: half by refusing, half by a constraint
      const auto body = [&](Transaction& tx) -> Result<bool> {
        tx.execute("insert into t values (?, ?)", id, fate);
        tx.execute("update totals set n = n + 1 where id = 1");
        if (fate == 0) return fail(Kind::conflict, "refused");
        if (fate == 1) tx.execute("insert into t values (?, 0)", id);
        return true;
      };
      try {
        const auto done = db_->write_blocking(body);
        if (done)
          ++(fate > 1 ? kept : surprises);
        else
          ++(fate == 0 ? refused : surprises);
      } catch (const SqlError& error) {
        ++(fate == 1 && error.cause() == SqlError::Cause::unique ? thrown : surprises);
      }
    }
  };
  {
    std::vector<std::jthread> crowd;
    for (int i = 0; i < threads; ++i) crowd.emplace_back(work, i);
  }
  EXPECT_EQ(surprises, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(thrown, 0);
  EXPECT_EQ(kept + refused + thrown, threads * each);
  EXPECT_EQ(number(*db_, "select count(*) from t"), kept);
  EXPECT_EQ(number(*db_, "select count(*) from t where n < 2"), 0);
  EXPECT_EQ(number(*db_, "select n from totals"), kept);
}

TEST_P(DatabaseContract, AReadSeesOneSnapshot) {
  make_t();
  run_sql(*db_, "insert into t values (1, 500), (2, 500)");
  std::atomic<bool> stop = false;
  std::jthread writer([&] {
    SeededRandom random(1);
    while (!stop) {
      const auto move = static_cast<std::int64_t>(random.below(10));
      const auto body = [&](Transaction& tx) -> Result<bool> {
        tx.execute("update t set n = n - ? where id = 1", move);
        tx.execute("update t set n = n + ? where id = 2", move);
        return true;
      };
      EXPECT_TRUE(db_->write_blocking(body).has_value());
    }
  });
  const auto sum = [](Transaction& tx) -> Result<std::int64_t> {
    const auto one = *tx.value<std::int64_t>("select n from t where id = 1");
    std::this_thread::sleep_for(200us);  // time enough for commits in between
    return one + *tx.value<std::int64_t>("select n from t where id = 2");
  };
  for (int i = 0; i < 200; ++i) EXPECT_EQ(db_->read_blocking(sum).value(), 1000);
  stop = true;
}

TEST_P(DatabaseContract, ADeadlineRemovesAWaitingWrite) {
  open({.writers = 1});
  make_t();
  std::future<Result<bool>> late;
  std::future<Result<bool>> patient;
  {
    HeldWriter held(*db_);
    late = io_.spawn(contract::write_id(*db_, Deadline::after(1ms), 1));
    patient = io_.spawn(contract::write_id(*db_, Deadline::after(60s), 2));
    // Told when the deadline is over, not when the writer gets there.
    ASSERT_EQ(late.wait_for(30s), std::future_status::ready);
    EXPECT_EQ(patient.wait_for(0s), std::future_status::timeout);
  }
  const Result<bool> refused = late.get();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, "database_busy");
  EXPECT_EQ(refused.error().kind, Kind::unavailable);
  EXPECT_EQ(refused.error().retry_after, 1s);
  EXPECT_TRUE(patient.get().has_value());
  EXPECT_EQ(number(*db_, "select sum(id) from t"), 2);
}

TEST_P(DatabaseContract, AFullQueueRefusesAtOnce) {
  open({.write_queue = 3, .background_queue = 2, .writers = 1});
  make_t();
  std::vector<std::future<Result<bool>>> waiting;
  {
    HeldWriter held(*db_);
    for (Id id = 1; id <= 3; ++id)
      waiting.push_back(io_.spawn(contract::write_id(*db_, Deadline::never(), id)));
    for (Id id = 4; id <= 5; ++id)
      waiting.push_back(
          io_.spawn(contract::write_id(*db_, Deadline::never(), id, Lane::background)));
    for (const Lane lane : {Lane::interactive, Lane::background}) {
      const auto refused = io_.spawn(contract::write_id(*db_, Deadline::never(), 9, lane)).get();
      ASSERT_FALSE(refused.has_value());
      EXPECT_EQ(refused.error().code, "database_busy");
      EXPECT_EQ(refused.error().retry_after, 1s);
    }
    EXPECT_EQ(db_->write_blocking(insert_id(9)).error().code, "database_busy");
  }
  for (auto& write : waiting) EXPECT_TRUE(write.get().has_value());
  EXPECT_EQ(number(*db_, "select sum(id) from t"), 15);
}

TEST_P(DatabaseContract, TooManyReadsAreRefusedAtOnce) {
  open({.read_queue = 2, .readers = 1});
  make_t();
  std::latch inside(1);
  std::latch release(1);
  const auto hold = [&](Transaction&) -> Result<bool> {
    inside.count_down();
    release.wait();
    return true;
  };
  std::jthread holder([&] { EXPECT_TRUE(db_->read_blocking(hold).has_value()); });
  inside.wait();
  auto late = io_.spawn(contract::count_t(*db_, Deadline::after(1ms)));
  auto patient = io_.spawn(contract::count_t(*db_, Deadline::never()));
  const auto refused_late = late.get();
  auto third = io_.spawn(contract::count_t(*db_, Deadline::never()));
  const auto refused = io_.spawn(contract::count_t(*db_, Deadline::never())).get();
  release.count_down();
  EXPECT_EQ(refused_late.error().code, "database_busy");
  EXPECT_EQ(refused.error().code, "database_busy");
  EXPECT_EQ(patient.get().value(), 0);
  EXPECT_EQ(third.get().value(), 0);
}

TEST_P(DatabaseContract, AReadThatTakesTooLongIsStopped) {
  run_sql(*db_, "create table d (n bigint primary key)");
  run_sql(*db_, "insert into d values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)");
  // Ten to the twelfth rows: hours.
  const auto stopped = io_.spawn(contract::count_forever(*db_, Deadline::after(50ms))).get();
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, "database_busy");
  EXPECT_EQ(number(*db_, "select count(*) from d"), 10);
}

// People write all the time; the house's own work must give way, and must not wait for ever.
TEST_P(DatabaseContract, BackgroundWorkIsNotStarved) {
  make_t();
  std::atomic<bool> stop = false;
  std::vector<std::jthread> people;
  for (int i = 0; i < 4; ++i)
    people.emplace_back([&, i] {
      for (Id id = 1'000'000 * (i + 1); !stop; ++id)
        EXPECT_TRUE(db_->write_blocking(insert_id(id)).has_value());
    });
  for (Id id = 1; id <= 20; ++id)
    EXPECT_TRUE(db_->write_blocking(insert_id(id), Lane::background).has_value());
  stop = true;
  people.clear();
  EXPECT_EQ(number(*db_, "select count(*) from t where id <= 20"), 20);
}

TEST_P(DatabaseContract, TellsOfEachCommitBeforeItsCallers) {
  make_t();
  std::atomic<int> commits = 0;
  db_->on_commit([&] { ++commits; });
  for (int i = 1; i <= 5; ++i) {
    EXPECT_TRUE(db_->write_blocking(insert_id(i)).has_value());
    EXPECT_GE(commits, i);
  }
  const int before = commits;
  const auto refuses = [](Transaction&) -> Result<bool> { return fail(Kind::conflict, "no"); };
  EXPECT_FALSE(db_->write_blocking(refuses).has_value());
  EXPECT_EQ(commits, before);
}

TEST_P(DatabaseContract, ClosingFinishesWhatIsQueued) {
  open({.writers = 1});
  make_t();
  std::vector<std::future<Result<bool>>> waiting;
  {
    HeldWriter held(*db_);
    for (Id id = 1; id <= 10; ++id)
      waiting.push_back(io_.spawn(contract::write_id(*db_, Deadline::never(), id)));
    // A full round trip on the same thread: the ten are queued.
    EXPECT_TRUE(io_.spawn(contract::count_t(*db_, Deadline::never())).get().has_value());
    std::jthread closer([&] { db_->close(); });
    held.open();
  }
  for (auto& write : waiting) EXPECT_TRUE(write.get().has_value());
  EXPECT_EQ(db_->write_blocking(insert_id(11)).error().code, "database_busy");
  EXPECT_EQ(io_.spawn(contract::count_t(*db_, Deadline::never())).get().error().code,
            "database_busy");
  open({});
  EXPECT_EQ(number(*db_, "select count(*) from t"), 10);
}

}  // namespace madang::db
