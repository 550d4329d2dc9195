#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "platform/db/any_test_store.hpp"
#include "platform/db/migrations.hpp"
#include "platform/events/dispatcher.hpp"
#include "platform/events/parked.hpp"
#include "platform/events/sequencer.hpp"

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
    if (event.aggregate == crowded) return fail(Kind::unavailable, "busy", "on purpose");
    return {};
  }
  std::atomic<Id> failing{0};
  std::atomic<Id> throwing{0};
  std::atomic<Id> crowded{0};
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

class Events : public testing::TestWithParam<db::TestEngine> {
 protected:
  Events() {
    open();
    db_->write_blocking([this](db::Transaction& tx) -> Result<void> {
         tx.execute("create table ledger (id " + store_.own_number() +
                    ", aggregate bigint, n bigint)");
         return {};
       })
        .value();
  }
  ~Events() override { close(); }

  void open() {
    db_ = store_.open(registry_);
    const db::ModuleSchema* const modules[] = {&db::events_schema};
    db::migrate(*db_, modules);
    dispatcher_ = std::make_unique<Dispatcher>(*db_, clock_, options_, "test", registry_);
    dispatcher_->add(listener_);
    dispatcher_->add(ledger_);
    sequencer_ = std::make_unique<Sequencer>(*db_, SequencerOptions{}, "test", registry_);
    sequencer_->on_numbered([this] { dispatcher_->wake(); });
    db_->on_commit([this] {
      if (!outbox_.take_appended()) return;
      if (sequencer_->active()) return sequencer_->wake();
      dispatcher_->wake();
    });
    sequencer_->start();
    dispatcher_->start();
  }
  void close() {
    sequencer_->stop();
    dispatcher_->stop();
    db_->close();
    sequencer_.reset();
    dispatcher_.reset();
    db_.reset();
  }
  void drain() { dispatcher_->drain(); }

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

  /// Tries until it is a dead letter.
  void let_die() {
    for (int i = 0; i < 20; ++i) {
      drain();
      clock_.advance(60s);
    }
  }
  template <class F>
  auto write(F body) {
    return db_->write_blocking([&](db::Transaction& tx) { return body(tx); });
  }
  std::vector<ParkedEvent> list(std::optional<ParkedState> state = {},
                                const ParkedPlace& after = {}, std::int64_t limit = 100) {
    return db_
        ->read_blocking([&](db::Transaction& tx) -> Result<std::vector<ParkedEvent>> {
          return list_parked(tx, state, after, limit);
        })
        .value();
  }

  db::AnyStore store_{GetParam()};
  metrics::Registry registry_;
  ManualClock clock_{id_epoch + 24h};
  Outbox outbox_{clock_};
  DispatcherOptions options_{.batch = 8, .max_attempts = 3};
  Ledger ledger_;
  Listener listener_;
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<Sequencer> sequencer_;
};

TEST_P(Events, AreHandledOnceAndInOrder) {
  for (std::int64_t n = 0; n < 100; ++n) append(1 + n % 3, n);
  drain();
  const auto handled = ledger();
  ASSERT_EQ(handled.size(), 3U);
  for (const auto& [aggregate, numbers] : handled)
    EXPECT_TRUE(std::ranges::is_sorted(numbers)) << aggregate;
  EXPECT_EQ(handled.at(1).size() + handled.at(2).size() + handled.at(3).size(), 100U);
  EXPECT_EQ(listener_.seen.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(listener_.seen));
}

TEST_P(Events, OfATransactionThatFailsNeverHappened) {
  const auto failed = db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
    outbox_.append(tx, "number", 1, Number{1});
    return fail(Kind::conflict, "no");
  });
  EXPECT_FALSE(failed);
  drain();
  EXPECT_TRUE(ledger().empty());
}

TEST_P(Events, ParkTheirAggregateAndLetTheOthersGoOn) {
  ledger_.failing = 2;
  for (std::int64_t n = 0; n < 30; ++n) append(1 + n % 3, n);
  drain();
  EXPECT_EQ(ledger().at(1).size(), 10U);
  EXPECT_EQ(ledger().at(3).size(), 10U);
  EXPECT_FALSE(ledger().contains(2));
  EXPECT_EQ(parked("reason like '%on purpose%' or reason like '%earlier event%'"), 10);

  // Mended: the parked ones are handled when their time has come, in their order.
  ledger_.failing = 0;
  append(2, 1000);
  for (int i = 0; i < 40; ++i) {
    clock_.advance(1s);
    drain();
  }
  const auto numbers = ledger().at(2);
  ASSERT_EQ(numbers.size(), 11U);
  EXPECT_TRUE(std::ranges::is_sorted(numbers));
  EXPECT_EQ(parked("1 = 1"), 0);
}

TEST_P(Events, ForWhichThereIsNoRoomNowAreNotSetAsideButTakenUpLater) {
  ledger_.crowded = 2;
  for (std::int64_t n = 0; n < 30; ++n) append(1 + n % 3, n);
  for (int i = 0; i < 10; ++i) drain();
  EXPECT_EQ(parked("1 = 1"), 0);
  EXPECT_FALSE(ledger().contains(2));

  ledger_.crowded = 0;
  drain();
  const auto handled = ledger();
  for (const Id aggregate : {1, 2, 3}) {
    EXPECT_EQ(handled.at(aggregate).size(), 10U);
    EXPECT_TRUE(std::ranges::is_sorted(handled.at(aggregate)));
  }
  EXPECT_EQ(parked("1 = 1"), 0);
}

TEST_P(Events, BecomeDeadLettersUntilSomebodyRetriesThem) {
  ledger_.throwing = 5;
  append(5, 1);
  append(6, 2);
  for (int i = 0; i < 20; ++i) {
    drain();
    clock_.advance(60s);
  }
  EXPECT_EQ(parked("dead = 1"), 1);
  EXPECT_TRUE(ledger().contains(6));
  ledger_.throwing = 0;
  EXPECT_EQ(dispatcher_->retry_parked(), 1);
  drain();
  clock_.advance(1s);
  drain();
  EXPECT_EQ(ledger().at(5), std::vector<std::int64_t>{1});
}

TEST_P(Events, ThatAreSetAsideAreListedWithReasonAndTimes) {
  ledger_.throwing = 5;
  const Time begun = clock_.now();
  append(5, 1);
  append(6, 2);
  append(5, 3);
  let_die();
  const auto all = list();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].subscriber, "ledger");
  EXPECT_EQ(all[0].aggregate, 5);
  EXPECT_EQ(all[0].state, ParkedState::dead);
  EXPECT_EQ(all[0].reason, "on purpose");
  EXPECT_EQ(all[0].attempts, 3);
  EXPECT_EQ(all[0].parked_at, begun);
  EXPECT_GT(all[0].last_attempt_at, begun);
  EXPECT_FALSE(all[0].next_attempt_at);
  EXPECT_EQ(all[1].state, ParkedState::parked) << "it waits behind the dead one";
  EXPECT_TRUE(all[1].next_attempt_at);

  EXPECT_EQ(list(ParkedState::dead).size(), 1U);
  EXPECT_EQ(list(ParkedState::parked).size(), 1U);
  const auto first = list({}, {}, 1);
  ASSERT_EQ(first.size(), 1U);
  const auto rest = list({}, {first[0].seq, first[0].subscriber});
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].seq, all[1].seq);
}

TEST_P(Events, ADiscardedDeadLetterLetsItsAggregateGoOn) {
  ledger_.throwing = 5;
  append(5, 1);
  append(5, 2);
  let_die();
  ledger_.throwing = 0;
  const auto all = list();
  ASSERT_EQ(all.size(), 2U);
  const auto still = write([&](auto& tx) { return discard_dead(tx, "ledger", all[1].seq); });
  EXPECT_EQ(still.error().code, "not_dead");
  const auto unknown = write([&](auto& tx) { return discard_dead(tx, "nobody", all[0].seq); });
  EXPECT_EQ(unknown.error().code, "not_found");
  EXPECT_TRUE(write([&](auto& tx) { return discard_dead(tx, "ledger", all[0].seq); }));
  clock_.advance(60s);
  drain();
  EXPECT_EQ(ledger().at(5), std::vector<std::int64_t>{2});
  EXPECT_TRUE(list().empty());
}

TEST_P(Events, OneDeadLetterIsRetriedAlone) {
  ledger_.throwing = 5;
  append(5, 1);
  let_die();
  ledger_.throwing = 6;
  append(6, 2);
  let_die();
  ASSERT_EQ(list(ParkedState::dead).size(), 2U);
  ledger_.throwing = 0;
  const auto retried = write([&](db::Transaction& tx) -> Result<std::int64_t> {
    return retry_parked(tx, "ledger", list_parked(tx, {}, {}, 1)[0].seq);
  });
  EXPECT_EQ(retried, 1);
  clock_.advance(1s);
  drain();
  EXPECT_EQ(ledger().at(5), std::vector<std::int64_t>{1});
  EXPECT_FALSE(ledger().contains(6));
  EXPECT_EQ(list(ParkedState::dead).size(), 1U);
}

TEST_P(Events, DeadLettersExpireAndParkedOnesDoNot) {
  ledger_.throwing = 5;
  append(5, 1);
  append(5, 2);
  let_die();
  clock_.advance(options_.keep_dead - 1h);
  drain();
  EXPECT_EQ(list().size(), 2U);
  ledger_.throwing = 0;
  clock_.advance(2h);
  drain();
  clock_.advance(60s);
  drain();
  EXPECT_TRUE(list().empty());
  EXPECT_EQ(ledger().at(5), std::vector<std::int64_t>{2}) << "the one behind it was handled";
}

TEST_P(Events, ThatNameAnErasedAccountAreRemovedAndOnlyThose) {
  ledger_.throwing = 5;
  append(5, 7);     // names 7 in its payload
  append(5, 77);    // another number that begins alike
  append(5, 1007);  // and one that ends alike
  let_die();
  ledger_.throwing = 7;
  append(7, 1);  // its aggregate is 7
  let_die();
  ASSERT_EQ(list().size(), 4U);
  constexpr std::string_view kept[] = {"number"};
  const auto none =
      write([&](db::Transaction& tx) -> Result<std::int64_t> { return erase_parked(tx, 7, kept); });
  EXPECT_EQ(none, 0);
  const auto gone =
      write([&](db::Transaction& tx) -> Result<std::int64_t> { return erase_parked(tx, 7, {}); });
  EXPECT_EQ(gone, 2);
  const auto left = list();
  ASSERT_EQ(left.size(), 2U);
  for (const auto& event : left) EXPECT_EQ(event.aggregate, 5);
}

TEST_P(Events, GoOnAfterARestart) {
  for (std::int64_t n = 0; n < 20; ++n) append(1, n);
  drain();
  close();
  open();
  append(1, 20);
  drain();
  EXPECT_EQ(ledger().at(1).size(), 21U);
  // The volatile one hears only what is new.
  EXPECT_EQ(listener_.seen.size(), 21U);
}

TEST_P(Events, AVolatileSubscriberThatFailsStartsOver) {
  listener_.fail_next = true;
  append(1, 1);
  drain();
  EXPECT_EQ(listener_.resets, 1);
  append(1, 2);
  drain();
  EXPECT_EQ(listener_.seen.size(), 1U);
}

TEST_P(Events, OldOnesAreForgottenButNeverTheNewest) {
  for (std::int64_t n = 0; n < 5; ++n) append(1, n);
  drain();
  clock_.advance(std::chrono::hours(24 * 8));
  drain();
  drain();
  const auto left = db_->read_blocking([](db::Transaction& tx) -> Result<std::int64_t> {
    return *tx.value<std::int64_t>("select count(*) from outbox");
  });
  EXPECT_LE(*left, 1);
  append(1, 5);
  drain();
  EXPECT_EQ(ledger().at(1).size(), 6U);
}

INSTANTIATE_TEST_SUITE_P(, Events, testing::ValuesIn(db::test_engines), db::engine_name);

}  // namespace
}  // namespace madang::events
