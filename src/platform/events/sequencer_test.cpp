#include "platform/events/sequencer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "platform/db/any_test_store.hpp"
#include "platform/db/migrations.hpp"
#include "platform/events/outbox.hpp"

namespace madang::db {
extern const ModuleSchema events_schema;
}

namespace madang::events {

struct Mark {
  std::int64_t writer = 0;
  std::int64_t n = 0;
};
BOOST_DESCRIBE_STRUCT(Mark, (), (writer, n))

namespace {

using namespace std::chrono_literals;

class SequencerTest : public testing::Test {
 protected:
  SequencerTest() {
    const db::ModuleSchema* const modules[] = {&db::events_schema};
    db::migrate(*db_, modules);
  }

  std::unique_ptr<Sequencer> start(const std::string& holder, SequencerOptions options = {}) {
    auto sequencer = std::make_unique<Sequencer>(*db_, options, holder, registry_);
    sequencer->start();
    EXPECT_TRUE(sequencer->active());
    return sequencer;
  }
  void append(Id aggregate, std::int64_t writer, std::int64_t n) {
    db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
         outbox_.append(tx, "mark", aggregate, Mark{writer, n});
         return {};
       })
        .value();
  }
  std::vector<Event> log() {
    return db_
        ->read_blocking([](db::Transaction& tx) -> Result<std::vector<Event>> {
          return read_after(tx, 0, 100'000);
        })
        .value();
  }
  std::string holder() {
    return db_
        ->read_blocking([](db::Transaction& tx) -> Result<std::string> {
          return *tx.value<std::string>("select holder from event_sequencer where id = 1");
        })
        .value();
  }
  void run(const std::string& sql) { db::run_sql(*db_, sql); }

  metrics::Registry registry_;
  db::AnyStore store_{db::TestEngine::mariadb};
  std::unique_ptr<db::Database> db_ = store_.open(registry_);
  SystemClock clock_;
  Outbox outbox_{clock_};
};

/// Without gaps from 1, each row once, and of each writer in the order in which it wrote.
void expect_sound(const std::vector<Event>& log, std::size_t count) {
  ASSERT_EQ(log.size(), count);
  std::map<std::int64_t, std::int64_t> last;
  std::int64_t seq = 0;
  for (const Event& event : log) {
    EXPECT_EQ(event.seq, ++seq);
    const auto mark = *json::from_json<Mark>(event.payload);
    EXPECT_EQ(mark.n, last[mark.writer]++) << "of writer " << mark.writer;
  }
}

TEST_F(SequencerTest, NumbersWhatManyWriteWithoutGapsAndInOrder) {
  const auto sequencer = start("a", {.batch = 16});
  {
    std::vector<std::jthread> writers;
    for (std::int64_t writer = 0; writer < 8; ++writer)
      writers.emplace_back([&, writer] {
        for (std::int64_t n = 0; n < 50; ++n) append(1 + n % 5, writer, n);
      });
  }
  wait_until_numbered(*db_);
  expect_sound(log(), 400);
}

// What commits late comes late: nothing is put between what was read already.
TEST_F(SequencerTest, WhatCommitsLateIsNotPutBeforeWhatWasNumbered) {
  const auto sequencer = start("a");
  std::latch inside(1);
  std::latch release(1);
  std::jthread slow([&] {
    bool first = true;
    db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
         outbox_.append(tx, "mark", 1, Mark{1, 0});
         if (std::exchange(first, false)) inside.count_down();
         release.wait();
         return {};
       })
        .value();
  });
  inside.wait();
  append(2, 2, 0);  // arrives later, and commits first
  wait_until_numbered(*db_);
  ASSERT_EQ(log().size(), 1U);
  EXPECT_EQ(log()[0].aggregate, 2);
  release.count_down();
  slow.join();
  wait_until_numbered(*db_);
  ASSERT_EQ(log().size(), 2U);
  EXPECT_EQ(log()[1].aggregate, 1);
  EXPECT_EQ(log()[1].seq, 2);
}

// Each takes the lease from the other in the middle of its work, as after a long pause.
TEST_F(SequencerTest, TwoThatBothBelieveToHoldTheLeaseNumberOnce) {
  auto one = start("a", {.batch = 4, .tick = 1ms, .lease = 30ms});
  auto two = start("b", {.batch = 4, .tick = 1ms, .lease = 30ms});
  {
    std::jthread thief([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        run("update event_sequencer set lease_until = 0 where id = 1");
        std::this_thread::sleep_for(3ms);
      }
    });
    std::vector<std::jthread> writers;
    for (std::int64_t writer = 0; writer < 4; ++writer)
      writers.emplace_back([&, writer] {
        for (std::int64_t n = 0; n < 60; ++n) append(1, writer, n);
      });
    for (auto& writer : writers) writer.join();
  }
  wait_until_numbered(*db_);
  expect_sound(log(), 240);
}

TEST_F(SequencerTest, AnotherTakesOverWhatOneLeft) {
  auto one = start("a");
  append(1, 1, 0);
  wait_until_numbered(*db_);
  EXPECT_EQ(holder(), "a");
  auto two = start("b", {.lease = 3s});
  one->stop();  // gives the lease back
  append(1, 1, 1);
  wait_until_numbered(*db_);
  EXPECT_EQ(holder(), "b");
  expect_sound(log(), 2);
}

TEST_F(SequencerTest, OneThatDiedIsReplacedWhenItsLeaseEnds) {
  run("update event_sequencer set holder = 'dead', fence = 41, lease_until = "
      "cast(unix_timestamp(now(6)) * 1000000 as signed) + 200000 where id = 1");
  append(1, 1, 0);
  auto two = start("b", {.lease = 100ms});
  wait_until_numbered(*db_);
  EXPECT_EQ(holder(), "b");
  expect_sound(log(), 1);
  EXPECT_EQ(db::number(*db_, "select fence from event_sequencer"), 42);
}

TEST(SequencerOnSqlite, HasNothingToDo) {
  metrics::Registry registry;
  db::AnyStore store(db::TestEngine::sqlite);
  const auto db = store.open(registry);
  Sequencer sequencer(*db, {}, "a", registry);
  sequencer.start();
  EXPECT_FALSE(sequencer.active());
}

}  // namespace
}  // namespace madang::events
