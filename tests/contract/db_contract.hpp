// What every adapter of the database port must do. An adapter's test includes this once and says
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseContract, testing::Values(StoreMaker{...}));
//
// SQL here is in the subset that all engines share.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/random.hpp"
#include "platform/db/database.hpp"
#include "platform/db/migrations.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::db {

using namespace std::chrono_literals;

/// One store of an engine, which can be opened again after it was closed.
class TestStore {
 public:
  struct Limits {
    std::size_t write_queue = 4096;
    std::size_t background_queue = 256;
    std::size_t read_queue = 4096;
    int readers = 2;
  };
  virtual ~TestStore() = default;
  virtual std::unique_ptr<Database> open(const Limits& limits, metrics::Registry& registry) = 0;
};

using StoreMaker = std::function<std::unique_ptr<TestStore>()>;

/// Threads that run coroutines.
class IoThreads {
 public:
  explicit IoThreads(int count = 1) {
    for (int i = 0; i < count; ++i) threads_.emplace_back([this] { io_.run(); });
  }
  ~IoThreads() { guard_.reset(); }
  asio::io_context& context() { return io_; }
  template <class T>
  std::future<T> spawn(Task<T> task) {
    return asio::co_spawn(io_, std::move(task), asio::use_future);
  }

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{io_.get_executor()};
  std::vector<std::jthread> threads_;
};

inline Result<std::int64_t> count_rows(Database& db, const std::string& sql) {
  return db.read_blocking(
      [&](Transaction& tx) -> Result<std::int64_t> { return *tx.value<std::int64_t>(sql); });
}

inline void run_sql(Database& db, const std::string& sql) {
  const auto done = db.write_blocking([&](Transaction& tx) -> Result<bool> {
    tx.execute(sql);
    return true;
  });
  ASSERT_TRUE(done.has_value());
}

class DatabaseContract : public testing::TestWithParam<StoreMaker> {
 protected:
  void SetUp() override {
    store_ = GetParam()();
    open({});
  }

  void open(const TestStore::Limits& limits) {
    db_.reset();
    registry_ = std::make_unique<metrics::Registry>();
    db_ = store_->open(limits, *registry_);
  }

  std::unique_ptr<TestStore> store_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<Database> db_;
};

TEST_P(DatabaseContract, RoundTripsEveryType) {
  run_sql(
      *db_,
      "create table t (id bigint primary key, whole bigint, amount double, words text, raw blob)");
  const std::string words("a\0b \xEB\xA7\x88\xEB\x8B\xB9 'q' ;", 16);
  const Bytes raw{std::byte{0}, std::byte{255}, std::byte{0}};
  const Time now = from_micros(1'790'000'000'123'456);
  const auto write = [&](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t values (?, ?, ?, ?, ?)", max_id, now, 0.1, words, raw);
    tx.execute("insert into t values (?, ?, ?, ?, ?)", Id(2), INT64_MIN, -1e300, "", Bytes());
    tx.execute("insert into t values (?, ?, ?, ?, ?)", Id(3), nullptr, std::optional<double>(),
               std::optional<std::string>(), std::optional<Bytes>());
    return true;
  };
  ASSERT_TRUE(db_->write_blocking(write).has_value());
  using Row = std::tuple<Id, std::optional<std::int64_t>, std::optional<double>,
                         std::optional<std::string>, std::optional<Bytes>>;
  const auto read = [&](Transaction& tx) -> Result<std::vector<Row>> {
    EXPECT_EQ(std::get<0>(*tx.row<Time>("select whole from t where id = ?", max_id)), now);
    return tx.rows<Id, std::optional<std::int64_t>, std::optional<double>,
                   std::optional<std::string>, std::optional<Bytes>>("select * from t order by id");
  };
  const auto rows = db_->read_blocking(read);
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0], Row(2, INT64_MIN, -1e300, "", Bytes()));
  EXPECT_EQ((*rows)[1], Row(3, std::nullopt, std::nullopt, std::nullopt, std::nullopt));
  EXPECT_EQ((*rows)[2], Row(max_id, to_micros(now), 0.1, words, raw));
}

}  // namespace madang::db
