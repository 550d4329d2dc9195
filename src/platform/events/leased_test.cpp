// Leased subscribers: one program handles events for all, at least once, and misses none unknowing.
#include <gtest/gtest.h>

#include <mutex>

#include "platform/db/any_test_store.hpp"
#include "platform/db/migrations.hpp"
#include "platform/events/dispatcher.hpp"
#include "platform/events/sequencer.hpp"

namespace madang::db {
extern const ModuleSchema events_schema;
}

namespace madang::events {

struct Told {
  std::int64_t n = 0;
};
BOOST_DESCRIBE_STRUCT(Told, (), (n))

namespace {

using namespace std::chrono_literals;

class Sharer final : public LeasedSubscriber {
 public:
  std::string_view name() const override { return "sharer"; }
  void handle(const std::vector<Event>& events) override {
    if (failing) throw std::runtime_error("on purpose");
    const std::lock_guard lock(mutex_);
    for (const Event& event : events) seen_.push_back(json::from_json<Told>(event.payload)->n);
    if (fail_after.exchange(false)) throw std::runtime_error("after the work, on purpose");
  }
  void reset() override {
    if (failing) throw std::runtime_error("on purpose");
    const std::lock_guard lock(mutex_);
    ++resets_;
  }
  std::vector<std::int64_t> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  int resets() const {
    const std::lock_guard lock(mutex_);
    return resets_;
  }
  std::atomic<bool> failing{false};
  std::atomic<bool> fail_after{false};

 private:
  mutable std::mutex mutex_;
  std::vector<std::int64_t> seen_;
  int resets_ = 0;
};

/// One of the programs that share the store.
struct Program {
  Program(db::Database& db, const Clock& clock, std::string name, metrics::Registry& registry,
          bool failing = false)
      : dispatcher(db, clock, {.leased_for = 10s, .leased_batch = 4, .leased_pause = 20ms},
                   std::move(name), registry) {
    sharer.failing = failing;
    dispatcher.add(sharer);
    dispatcher.start();
  }
  Sharer sharer;
  Dispatcher dispatcher;
};

class LeasedEvents : public testing::TestWithParam<db::TestEngine> {
 protected:
  LeasedEvents() {
    const db::ModuleSchema* const modules[] = {&db::events_schema};
    db::migrate(*db_, modules);
    sequencer_.start();
  }
  ~LeasedEvents() override {
    one_.reset();
    two_.reset();
    sequencer_.stop();
    db_->close();
  }
  std::unique_ptr<Program> start(const char* name) {
    auto program = std::make_unique<Program>(*db_, clock_, name, registry_);
    program->dispatcher.drain();
    return program;
  }
  void append(std::int64_t n) {
    db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
         outbox_.append(tx, "told", 1, Told{n});
         return {};
       })
        .value();
    if (sequencer_.active()) sequencer_.wake();
  }
  static bool until(Program& program, const std::function<bool()>& holds) {
    const Deadline deadline = Deadline::after(20s);
    while (!holds()) {
      if (deadline.passed()) return false;
      program.dispatcher.drain();
    }
    return true;
  }
  static std::vector<std::int64_t> numbers(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> out;
    for (; first <= last; ++first) out.push_back(first);
    return out;
  }

  db::AnyStore store_{GetParam()};
  metrics::Registry registry_;
  ManualClock clock_{id_epoch + 24h};
  Outbox outbox_{clock_};
  std::unique_ptr<db::Database> db_ = store_.open(registry_);
  Sequencer sequencer_{*db_, {.tick = 1ms}, "test", registry_};
  std::unique_ptr<Program> one_, two_;
};

TEST_P(LeasedEvents, OneProgramHandlesThemForAll) {
  append(0);  // before anybody begins
  wait_until_numbered(*db_);
  one_ = start("one");
  two_ = start("two");
  EXPECT_EQ(one_->sharer.resets(), 1);
  for (std::int64_t n = 1; n <= 10; ++n) append(n);
  two_->dispatcher.drain();
  one_->dispatcher.drain();
  EXPECT_EQ(one_->sharer.seen(), numbers(1, 10));
  EXPECT_TRUE(two_->sharer.seen().empty());
  EXPECT_EQ(two_->sharer.resets(), 0);
}

TEST_P(LeasedEvents, WhoEndsHandsOverAtOnceAndWhoVanishesAfterTheLease) {
  one_ = start("one");
  append(1);
  one_->dispatcher.drain();
  one_.reset();
  two_ = start("two");
  append(2);
  two_->dispatcher.drain();
  EXPECT_EQ(two_->sharer.seen(), numbers(2, 2));
  EXPECT_EQ(two_->sharer.resets(), 0);
  // As if another had taken it and were gone without a word.
  db_->write_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
       return tx.execute("update event_positions set holder = 'gone', lease_until = " +
                         std::string(db::store_clock(tx.dialect())) +
                         " + 300000 where subscriber = 'leased:sharer'");
     })
      .value();
  append(3);
  two_->dispatcher.drain();
  clock_.advance(11s);
  append(4);
  EXPECT_TRUE(until(*two_, [&] { return two_->sharer.seen().size() >= 3; }));
  EXPECT_EQ(two_->sharer.seen().back(), 4);
}

TEST_P(LeasedEvents, WhatFailsIsRepeatedAndHoldsUpTheRest) {
  one_ = start("one");
  one_->sharer.failing = true;
  append(1);
  one_->dispatcher.drain();
  append(2);
  one_->dispatcher.drain();
  EXPECT_TRUE(one_->sharer.seen().empty());
  one_->sharer.failing = false;
  EXPECT_TRUE(until(*one_, [&] { return one_->sharer.seen().size() == 2; }));
  EXPECT_EQ(one_->sharer.seen(), numbers(1, 2));
  one_->sharer.fail_after = true;
  append(3);
  EXPECT_TRUE(until(*one_, [&] { return one_->sharer.seen().size() >= 4; }));
  EXPECT_EQ(one_->sharer.seen().back(), 3);  // done twice
}

TEST_P(LeasedEvents, WhoFailsLetsAnotherTry) {
  one_ = start("one");
  two_ = start("two");
  one_->sharer.failing = true;
  append(1);
  one_->dispatcher.drain();
  EXPECT_TRUE(until(*two_, [&] { return !two_->sharer.seen().empty(); }));
  EXPECT_EQ(two_->sharer.seen(), numbers(1, 1));
}

TEST_P(LeasedEvents, AFirstStartThatFailsIsRepeated) {
  one_ = std::make_unique<Program>(*db_, clock_, "one", registry_, true);
  append(1);
  one_->dispatcher.drain();
  EXPECT_EQ(one_->sharer.resets(), 0);
  one_->sharer.failing = false;
  EXPECT_TRUE(until(*one_, [&] { return one_->sharer.resets() == 1; }));
  append(2);
  EXPECT_TRUE(until(*one_, [&] { return !one_->sharer.seen().empty(); }));
  EXPECT_EQ(one_->sharer.seen(), numbers(2, 2));
}

TEST_P(LeasedEvents, WhoMissedEventsBeginsAnew) {
  one_ = start("one");
  append(1);
  one_->dispatcher.drain();
  one_.reset();
  for (std::int64_t n = 2; n <= 5; ++n) append(n);
  wait_until_numbered(*db_);
  db_->write_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
       return tx.execute("delete from outbox where seq <= 3");
     })
      .value();
  two_ = start("two");
  EXPECT_TRUE(until(*two_, [&] { return two_->sharer.seen().size() == 2; }));
  EXPECT_EQ(two_->sharer.resets(), 1);
  EXPECT_EQ(two_->sharer.seen(), numbers(4, 5));
}

INSTANTIATE_TEST_SUITE_P(, LeasedEvents, testing::ValuesIn(db::test_engines), db::engine_name);

}  // namespace
}  // namespace madang::events
