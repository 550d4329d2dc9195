// A primary and two replicas: who is written to and read from, and what happens when one is lost.
#include <algorithm>
#include <array>
#include <atomic>
#include <set>

#include "../../../tests/support/mariadb_trio.hpp"
#include "platform/db/mariadb_connection.hpp"
#include "platform/db/mariadb_test_store.hpp"

namespace madang::db {
namespace {

MariaDbOptions options_for(test::MariaDbTrio& trio, std::initializer_list<int> hosts = {0, 1, 2}) {
  MariaDbOptions options{.hosts = {}, .user = "app", .password = "secret", .database = "madang"};
  for (const int host : hosts) options.hosts.push_back({"127.0.0.1", trio[host].port()});
  return options;
}

/// Asks until it holds; what happens in other processes has no event to wait for here.
template <class F>
bool eventually(F holds) {
  const auto until = Deadline::after(30s);
  while (!holds()) {
    if (until.passed()) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

class MariaDbFailover : public testing::Test {
 protected:
  void open(const MariaDbOptions& options) { db_ = open_mariadb(options, registry_); }

  Result<bool> insert(Id id, std::chrono::milliseconds within = 20s) {
    return io_.spawn(insert_task(*db_, id, Deadline::after(within))).get();
  }
  static Task<Result<bool>> insert_task(Database& db, Id id, Deadline deadline) {
    const auto body = insert_id(id);
    co_return co_await db.write(deadline, body);
  }
  static Task<Result<std::pair<int, std::int64_t>>> look_task(Database& db) {
    const auto body = [](Transaction& tx) -> Result<std::pair<int, std::int64_t>> {
      const auto row = *tx.row<int, std::int64_t>("select @@server_id, count(*) from t");
      return std::pair(std::get<0>(row), std::get<1>(row));
    };
    co_return co_await db.read(Deadline::after(20s), body);
  }
  /// Which server answered, and how many rows it saw.
  std::pair<int, std::int64_t> look() { return io_.spawn(look_task(*db_)).get().value(); }
  std::set<int> readers(int reads = 40) {
    std::set<int> out;
    for (int i = 0; i < reads; ++i) out.insert(look().first);
    return out;
  }
  /// Waits until this is why nothing can be written; "": until something can.
  bool comes_to_fault(std::string_view reason) {
    return eventually([&] {
      const auto fault = db_->write_fault();
      return (fault ? fault->reason : "") == reason;
    });
  }
  void make_t() { run_sql(*db_, "create table t (id bigint primary key, n bigint) engine=InnoDB"); }

  IoThreads io_{2};
  test::MariaDbTrio trio_;
  metrics::Registry registry_;
  std::unique_ptr<Database> db_;
};

TEST_F(MariaDbFailover, WhoVanishesInsideATransactionGivesItsLocksBack) {
  MariaDbOptions options = options_for(trio_);
  options.lock_timeout = 1s;
  open(options);
  make_t();
  ASSERT_TRUE(insert(1).has_value());
  // As a client whose connection fell silent: it never says another word.
  mariadb::Connection vanished(options, options.hosts[0], mariadb::Connection::Use::writer);
  vanished.run("update t set n = 1");
  const auto update = [](Transaction& tx) -> Result<std::int64_t> {
    return tx.execute("update t set n = 2");
  };
  EXPECT_TRUE(eventually([&] { return db_->write_blocking(update).has_value(); }));
  EXPECT_THROW(vanished.run("commit"), SqlError);
}

TEST_F(MariaDbFailover, ReadsTakeTurnsAndSeeWhatWasWrittenHere) {
  open(options_for(trio_, {1, 2, 0}));
  make_t();
  for (Id id = 1; id <= 200; ++id) {
    ASSERT_TRUE(insert(id).has_value());
    ASSERT_EQ(look().second, id);
  }
  EXPECT_TRUE(eventually([&] { return readers() == std::set<int>{2, 3}; }));
  EXPECT_FALSE(db_->committed().empty());
  // Replicas that apply nothing any more: what was written before is read from them, what is
  // written now is not.
  trio_[1].run("stop slave sql_thread");
  trio_[2].run("stop slave sql_thread");
  EXPECT_EQ(look().second, 200);
  ASSERT_TRUE(insert(201).has_value());
  EXPECT_EQ(look(), std::pair(1, std::int64_t(201)));
  trio_[2].run("start slave sql_thread");
  EXPECT_TRUE(eventually([&] { return readers(10) == std::set<int>{3}; }));
}

TEST_F(MariaDbFailover, AnotherProgramsReadsSeeWhatItWasToldOf) {
  open(options_for(trio_));
  make_t();
  metrics::Registry registry;
  MariaDbOptions patient = options_for(trio_);
  patient.max_lag = 60s;
  const auto other = open_mariadb(patient, registry);
  trio_[1].run("stop slave sql_thread");
  trio_[2].run("stop slave sql_thread");
  ASSERT_TRUE(insert(1).has_value());
  EXPECT_EQ(io_.spawn(look_task(*other)).get().value().second, 0);  // it may lag
  other->observe(db_->committed());
  EXPECT_EQ(io_.spawn(look_task(*other)).get().value(), std::pair(1, std::int64_t(1)));
  other->observe("no token; 0-1-x, '");
  EXPECT_EQ(io_.spawn(look_task(*other)).get().value().second, 1);
}

TEST_F(MariaDbFailover, NothingAcknowledgedIsLostWhenThePrimaryIs) {
  open(options_for(trio_));
  make_t();
  std::atomic<bool> stop = false;
  std::mutex mutex;
  std::set<Id> acknowledged;
  std::set<Id> unknown;
  std::set<Id> refused;

  std::vector<std::jthread> writers;
  for (int writer = 0; writer < 4; ++writer)
    writers.emplace_back([&, writer] {
      for (Id id = writer * 1'000'000 + 1; !stop; ++id) {
        const auto done = db_->write_blocking(insert_id(id));
        const std::lock_guard lock(mutex);
        if (done) {
          acknowledged.insert(id);

        } else {
          (done.error().code == "outcome_unknown" ? unknown : refused).insert(id);
        }
      }
    });
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return acknowledged.size();
  };
  ASSERT_TRUE(eventually([&] { return count() > 500; }));
  trio_[0].kill();
  const auto killed = Deadline::Steady::now();
  // As an operator does: the one that has more becomes the primary.
  for (const int replica : {1, 2}) trio_[replica].run("stop slave io_thread");
  const auto sequence = [&](int at) {
    const std::string position = trio_[at].run("select @@gtid_current_pos");
    return std::stoll(position.substr(position.rfind('-') + 1));
  };
  const int best = sequence(1) >= sequence(2) ? 1 : 2;
  trio_.follow(3 - best, best);
  trio_.promote(best);
  const auto promoted = Deadline::Steady::now();
  const std::size_t before = count();
  ASSERT_TRUE(eventually([&] { return count() > before + 500; }));
  const auto resumed = Deadline::Steady::now();
  stop = true;
  writers.clear();
  std::set<Id> there;
  db_->read_blocking([&](Transaction& tx) -> Result<bool> {
       tx.each<Id>("select id from t", [&](Id id) { there.insert(id); });
       return true;
     })
      .value();
  for (const Id id : acknowledged) EXPECT_TRUE(there.contains(id)) << id;
  for (const Id id : refused) EXPECT_FALSE(there.contains(id)) << id;
  for (const Id id : there) EXPECT_TRUE(acknowledged.contains(id) || unknown.contains(id)) << id;
  EXPECT_NE(registry_.scrape().find("madang_db_failovers_total 1"), std::string::npos);
  const auto ms = [&](auto from, auto to) {
    return static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count());
  };
  RecordProperty("promoted_ms", ms(killed, promoted));
  RecordProperty("500_more_ms", ms(promoted, resumed));
  RecordProperty("unknown", static_cast<int>(unknown.size()));
}

TEST_F(MariaDbFailover, WithoutAReplicaWritesAreRefusedNotHung) {
  MariaDbOptions options = options_for(trio_);
  options.commit_timeout = 500ms;
  open(options);
  make_t();
  ASSERT_TRUE(insert(1).has_value());
  trio_[1].kill();
  ASSERT_TRUE(insert(2).has_value());
  trio_[2].kill();
  // One that is on its way may be left in doubt; then all are refused at once.
  std::set<std::string_view> codes;
  EXPECT_TRUE(eventually([&] {
    const auto done = insert(3 + static_cast<Id>(codes.size()));
    if (!done) codes.insert(done.error().code);
    return codes.contains("database_unreachable");
  }));
  codes.erase("database_unreachable");
  codes.erase("outcome_unknown");
  EXPECT_TRUE(codes.empty());
  EXPECT_EQ(number(*db_, "select count(*) from t where id < 3"), 2);  // reads go on
  trio_[1].start();
  trio_[1].run("set global read_only = 1");
  trio_[1].run("start slave");
  EXPECT_TRUE(eventually([&] { return insert(100).has_value(); }));
}

TEST_F(MariaDbFailover, WhoIsOpenedWhileTheLastReplicaIsAwayWaitsForIt) {
  for (const int replica : {1, 2}) trio_[replica].run("stop slave io_thread");
  EXPECT_TRUE(eventually([&] {
    return trio_[0].run(
               "select variable_value from information_schema.global_status where "
               "variable_name = 'rpl_semi_sync_master_clients'") == "0";
  }));
  std::jthread back([&] {
    std::this_thread::sleep_for(500ms);
    trio_[1].run("start slave io_thread");
  });
  open(options_for(trio_));
  EXPECT_TRUE(db_->write_blocking([](Transaction& tx) -> Result<bool> {
                   tx.execute("create table opened (id bigint primary key)");
                   return true;
                 })
                  .has_value());
}

TEST_F(MariaDbFailover, WhyNothingCanBeWrittenIsNamedWhileItIsSo) {
  open(options_for(trio_));
  EXPECT_TRUE(comes_to_fault(""));
  trio_[0].run("set global sync_binlog = 0");
  EXPECT_TRUE(comes_to_fault("database_unsafe"));
  trio_[0].run("set global sync_binlog = 1");
  EXPECT_TRUE(comes_to_fault(""));
  for (const int replica : {1, 2}) trio_[replica].run("stop slave io_thread");
  EXPECT_TRUE(comes_to_fault("database_without_replica"));
  for (const int replica : {1, 2}) trio_[replica].run("start slave io_thread");
  EXPECT_TRUE(comes_to_fault(""));

  const auto replicas_are_read_only = [this](bool only) {
    for (const int replica : {1, 2})
      trio_[replica].run(only ? "set global read_only = 1" : "set global read_only = 0");
  };
  replicas_are_read_only(false);
  EXPECT_TRUE(eventually([&] {
    const std::string figures = registry_.scrape();
    return std::ranges::all_of(std::array{0, 1, 2}, [&](int host) {
      return figures.contains("madang_db_host_writable{host=\"127.0.0.1:" +
                              std::to_string(trio_[host].port()) + "\"} 1");
    });
  }));
  trio_[0].kill();
  const auto killed = Deadline::Steady::now();
  EXPECT_TRUE(comes_to_fault("database_two_primaries"));
  replicas_are_read_only(true);
  EXPECT_TRUE(comes_to_fault("database_read_only"));
  EXPECT_GE(Deadline::Steady::now() - killed, 2s) << "a failover may take so long";
  const auto asked = Deadline::Steady::now();
  EXPECT_EQ(insert(1).error().code, "database_unreachable");
  EXPECT_LT(Deadline::Steady::now() - asked, 1s) << "what is known is not waited for";
  for (const int replica : {1, 2}) trio_[replica].kill();
  EXPECT_TRUE(comes_to_fault("database_unreachable"));
}

TEST_F(MariaDbFailover, CommitsThatDoNotEndAreAFault) {
  MariaDbOptions options = options_for(trio_);
  options.commit_timeout = 500ms;
  open(options);
  make_t();
  // They are connected, but acknowledge nothing.
  for (const int replica : {1, 2}) trio_[replica].pause();
  std::atomic<bool> stop = false;
  std::jthread writer([&] {
    for (Id id = 1; !stop; ++id) (void)db_->write_blocking(insert_id(id));
  });
  EXPECT_TRUE(comes_to_fault("database_stalled"));
  for (const int replica : {1, 2}) trio_[replica].resume();
  EXPECT_TRUE(comes_to_fault(""));
  stop = true;
}

TEST_F(MariaDbFailover, APrimaryThatHangsHoldsNobodyForLong) {
  MariaDbOptions options = options_for(trio_);
  options.commit_timeout = 500ms;
  open(options);
  make_t();
  ASSERT_TRUE(insert(1).has_value());
  trio_[0].pause();
  const auto hung = insert(2, 1s);
  EXPECT_FALSE(hung.has_value());
  trio_[0].resume();
  EXPECT_TRUE(eventually([&] { return insert(3).has_value(); }));
}

std::string fault(const MariaDbOptions& options) {
  metrics::Registry registry;
  try {
    (void)open_mariadb(options, registry);
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

TEST_F(MariaDbFailover, AWrongSetUpIsOneClearLine) {
  const auto holds = [](const std::string& text, std::string_view word) {
    return text.contains(word) && !text.contains('\n');
  };
  EXPECT_EQ(fault(options_for(trio_)), "");
  EXPECT_PRED2(holds, fault(options_for(trio_, {1})), "read-only (a replica?)");
  MariaDbOptions wrong = options_for(trio_);
  wrong.password = "wrong";
  EXPECT_PRED2(holds, fault(wrong), "Access denied");
  wrong = options_for(trio_);
  wrong.database = "madang_none";
  EXPECT_PRED2(holds, fault(wrong), "Unknown database");
  wrong = options_for(trio_, {0});
  wrong.hosts[0].port = 1;
  EXPECT_PRED2(holds, fault(wrong), "does not answer");
  wrong = options_for(trio_);
  wrong.hosts[1].port = 1;
  EXPECT_EQ(fault(wrong), "");  // a replica that is down is no reason not to start
  trio_[0].run("set global sync_binlog = 0");
  EXPECT_PRED2(holds, fault(options_for(trio_)), "sync_binlog must be 1");
  wrong = options_for(trio_);
  wrong.durability = Durability::local_only;
  EXPECT_EQ(fault(wrong), "");
  trio_[1].run("set global read_only = 0");
  EXPECT_PRED2(holds, fault(wrong), "more than one claims to be the primary");
}

}  // namespace
}  // namespace madang::db
