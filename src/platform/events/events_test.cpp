#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "platform/db/migrations.hpp"
#include "platform/db/sqlite.hpp"
#include "platform/events/dispatcher.hpp"

namespace madang::db {
extern const ModuleSchema events_schema;
}

namespace madang::events {

struct Number {
  std::int64_t n = 0;
};
BOOST_DESCRIBE_STRUCT(Number, (), (n))

namespace {

using namespace std::chrono_literals;

/// Keeps what it handled in SQL; fails for the aggregates it is told to.
class Ledger final : public DurableSubscriber {
 public:
  std::string_view name() const override { return "ledger"; }
  bool wants(std::string_view type) const override { return type == "number"; }
  Result<void> handle(db::Transaction& tx, const Event& event) override {
    tx.execute("insert into ledger (aggregate, n) values (?, ?)", event.aggregate,
               json::from_json<Number>(event.payload)->n);
    if (event.aggregate == failing) return fail(Kind::internal, "broken", "on purpose");
    if (event.aggregate == throwing) throw std::runtime_error("on purpose");
    return {};
  }
  std::atomic<Id> failing{0};
  std::atomic<Id> throwing{0};
};

class Listener final : public VolatileSubscriber {
 public:
  std::string_view name() const override { return "listener"; }
  void handle(const std::vector<Event>& events) override {
    if (fail_next.exchange(false)) throw std::runtime_error("on purpose");
    for (const Event& event : events) seen.push_back(event.seq);
  }
  void reset() override { ++resets; }
  std::vector<std::int64_t> seen;
  std::atomic<bool> fail_next{false};
  int resets = 0;
};

class Events : public testing::Test {
 protected:
  Events() {
    char name[] = "/tmp/madang-events-XXXXXX";
    folder_ = mkdtemp(name);
    open();
    db_->write_blocking([](db::Transaction& tx) -> Result<void> {
         tx.execute("create table ledger (id integer primary key, aggregate bigint, n bigint)");
         return {};
       })
        .value();
  }
  ~Events() override {
    close();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    db_ = db::open_sqlite({.path = folder_ / "test.sqlite"}, registry_);
    const db::ModuleSchema* const modules[] = {&db::events_schema};
    db::migrate(*db_, modules);
    dispatcher_ = std::make_unique<Dispatcher>(*db_, clock_, options_, "test", registry_);
    dispatcher_->add(listener_);
    dispatcher_->add(ledger_);
    db_->on_commit([this] {
      if (outbox_.take_appended()) dispatcher_->wake();
    });
    dispatcher_->start();
  }
  void close() {
    dispatcher_->stop();
    db_->close();
    dispatcher_.reset();
    db_.reset();
  }

  void append(Id aggregate, std::int64_t n) {
    db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
         outbox_.append(tx, "number", aggregate, Number{n});
         return {};
       })
        .value();
  }
  std::map<Id, std::vector<std::int64_t>> ledger() {
    std::map<Id, std::vector<std::int64_t>> out;
    db_->read_blocking([&](db::Transaction& tx) -> Result<void> {
         tx.each<Id, std::int64_t>(
             "select aggregate, n from ledger order by id",
             [&](Id aggregate, std::int64_t n) { out[aggregate].push_back(n); });
         return {};
       })
        .value();
    return out;
  }
  std::int64_t parked(const char* where) {
    return *db_->read_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
      return *tx.value<std::int64_t>(std::string("select count(*) from event_parked where ") +
                                     where);
    });
  }

  std::filesystem::path folder_;
  metrics::Registry registry_;
  ManualClock clock_{id_epoch + 24h};
  Outbox outbox_{clock_};
  DispatcherOptions options_{.batch = 8, .max_attempts = 3};
  Ledger ledger_;
  Listener listener_;
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

TEST_F(Events, AreHandledOnceAndInOrder) {
  for (std::int64_t n = 0; n < 100; ++n) append(1 + n % 3, n);
  dispatcher_->drain();
  const auto handled = ledger();
  ASSERT_EQ(handled.size(), 3U);
  for (const auto& [aggregate, numbers] : handled)
    EXPECT_TRUE(std::ranges::is_sorted(numbers)) << aggregate;
  EXPECT_EQ(handled.at(1).size() + handled.at(2).size() + handled.at(3).size(), 100U);
  EXPECT_EQ(listener_.seen.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(listener_.seen));
}

TEST_F(Events, OfATransactionThatFailsNeverHappened) {
  const auto failed = db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
    outbox_.append(tx, "number", 1, Number{1});
    return fail(Kind::conflict, "no");
  });
  EXPECT_FALSE(failed);
  dispatcher_->drain();
  EXPECT_TRUE(ledger().empty());
}

TEST_F(Events, ParkTheirAggregateAndLetTheOthersGoOn) {
  ledger_.failing = 2;
  for (std::int64_t n = 0; n < 30; ++n) append(1 + n % 3, n);
  dispatcher_->drain();
  EXPECT_EQ(ledger().at(1).size(), 10U);
  EXPECT_EQ(ledger().at(3).size(), 10U);
  EXPECT_FALSE(ledger().contains(2));
  EXPECT_EQ(parked("reason like '%on purpose%' or reason like '%earlier event%'"), 10);

  // Mended: the parked ones are handled when their time has come, in their order.
  ledger_.failing = 0;
  append(2, 1000);
  for (int i = 0; i < 40; ++i) {
    clock_.advance(1s);
    dispatcher_->drain();
  }
  const auto numbers = ledger().at(2);
  ASSERT_EQ(numbers.size(), 11U);
  EXPECT_TRUE(std::ranges::is_sorted(numbers));
  EXPECT_EQ(parked("1 = 1"), 0);
}

TEST_F(Events, BecomeDeadLettersUntilSomebodyRetriesThem) {
  ledger_.throwing = 5;
  append(5, 1);
  append(6, 2);
  for (int i = 0; i < 20; ++i) {
    dispatcher_->drain();
    clock_.advance(60s);
  }
  EXPECT_EQ(parked("dead = 1"), 1);
  EXPECT_TRUE(ledger().contains(6));
  ledger_.throwing = 0;
  EXPECT_EQ(dispatcher_->retry_parked(), 1);
  dispatcher_->drain();
  clock_.advance(1s);
  dispatcher_->drain();
  EXPECT_EQ(ledger().at(5), std::vector<std::int64_t>{1});
}

TEST_F(Events, GoOnAfterARestart) {
  for (std::int64_t n = 0; n < 20; ++n) append(1, n);
  dispatcher_->drain();
  close();
  open();
  append(1, 20);
  dispatcher_->drain();
  EXPECT_EQ(ledger().at(1).size(), 21U);
  // The volatile one hears only what is new.
  EXPECT_EQ(listener_.seen.size(), 21U);
}

TEST_F(Events, AVolatileSubscriberThatFailsStartsOver) {
  listener_.fail_next = true;
  append(1, 1);
  dispatcher_->drain();
  EXPECT_EQ(listener_.resets, 1);
  append(1, 2);
  dispatcher_->drain();
  EXPECT_EQ(listener_.seen.size(), 1U);
}

TEST_F(Events, OldOnesAreForgottenButNeverTheNewest) {
  for (std::int64_t n = 0; n < 5; ++n) append(1, n);
  dispatcher_->drain();
  clock_.advance(std::chrono::hours(24 * 8));
  dispatcher_->drain();
  dispatcher_->drain();
  const auto left = db_->read_blocking([](db::Transaction& tx) -> Result<std::int64_t> {
    return *tx.value<std::int64_t>("select count(*) from outbox");
  });
  EXPECT_LE(*left, 1);
  append(1, 5);
  dispatcher_->drain();
  EXPECT_EQ(ledger().at(1).size(), 6U);
}

}  // namespace
}  // namespace madang::events
