// What every adapter of the database port must do. An adapter's test includes the db_contract_*.hpp
// files once and says
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseContract, testing::Values(StoreMaker{...}));
//
// SQL here is in the subset that all engines share.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

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
    int writers = 0;  // 0: as many as the engine likes
    // Most tests are not about refusals under overload, and a machine that is slow is none.
    std::chrono::milliseconds max_wait{60'000};
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
  template <class T>
  std::future<T> spawn(Task<T> task) {
    return asio::co_spawn(io_, std::move(task), asio::use_future);
  }

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{io_.get_executor()};
  std::vector<std::jthread> threads_;
};

/// Holds the writer inside a body until it is opened.
class HeldWriter {
 public:
  explicit HeldWriter(Database& db) : thread_([this, &db] { hold(db); }) { inside_.wait(); }
  ~HeldWriter() { open(); }
  void open() {
    if (!opened_) open_.count_down();
    opened_ = true;
  }

 private:
  void hold(Database& db) {
    bool first = true;
    const auto body = [&](Transaction&) -> Result<bool> {
      if (std::exchange(first, false)) inside_.count_down();
      open_.wait();
      return true;
    };
    EXPECT_TRUE(db.write_blocking(body).has_value());
  }

  std::latch inside_{1};
  std::latch open_{1};
  bool opened_ = false;
  std::jthread thread_;
};

inline void run_sql(Database& db, const std::string& sql) {
  const auto body = [&](Transaction& tx) -> Result<bool> {
    tx.execute(sql);
    return true;
  };
  ASSERT_TRUE(db.write_blocking(body).has_value()) << sql;
}

inline std::int64_t number(Database& db, const std::string& sql) {
  const auto body = [&](Transaction& tx) -> Result<std::int64_t> {
    return tx.value<std::int64_t>(sql).value_or(-1);
  };
  return db.read_blocking(body).value_or(-2);
}

/// A body that inserts one id into t.
inline auto insert_id(Id id) {
  return [id](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t (id) values (?)", id);
    return true;
  };
}

/// Two small modules whose tables hang together.
namespace contract {

inline const ModuleSchema people{
    "people",
    {{"0001_people",
      "-- who; lives here\ncreate table people (\n  id bigint primary key,  -- an id\n  name "
      "varchar(40) not null\n);\ninsert into people values (1, 'semi; colon -- and dashes');\n"},
     {"0002_age", "alter table people add column age bigint not null default 7;"}}};
inline const ModuleSchema pets{"pets",
                               {{"0001_pets",
                                 "create table pets (id bigint primary key, owner bigint not null, "
                                 "foreign key (owner) references people (id));\n"}}};

inline int migrate_all(Database& db, std::initializer_list<const ModuleSchema*> modules) {
  return migrate(db, std::span(modules.begin(), modules.size()));
}

}  // namespace contract

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

  void make_t() { run_sql(*db_, "create table t (id bigint primary key, n bigint)"); }

  // The database wakes coroutines, so it is closed before what runs them.
  IoThreads io_{1};
  IoThreads io_pool_{2};
  std::unique_ptr<TestStore> store_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<Database> db_;
};

}  // namespace madang::db
