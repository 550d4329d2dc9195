// What an account has written is known to whoever serves it next, through a real Redis; and what is
// not known is read from the primary.
#include "platform/db/own_writes_redis.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "../../../tests/support/run_task.hpp"
#include "platform/redis/redis_fixture.hpp"

namespace madang::db {

using namespace std::chrono_literals;

namespace {

/// A database of which only the positions matter.
class Positions final : public Database {
 public:
  std::string committed() const override { return now; }
  void observe(std::string_view token) override { observed = token; }
  void on_commit(std::function<void()>) override {}
  void close() override {}

  std::string now;
  std::string observed;

 protected:
  Task<std::optional<Problem>> submit_write(Deadline, Lane, HotRow, const Body*) override {
    return no();
  }
  Task<std::optional<Problem>> submit_read(Deadline, Freshness, ReadLane, const Body*) override {
    return no();
  }
  std::optional<Problem> wait_write(Lane, const Body*) override { return refusal(); }
  std::optional<Problem> wait_read(const Body*) override { return refusal(); }

 private:
  static Problem refusal() { return {.kind = Kind::unavailable, .code = "none", .detail = {}}; }
  static Task<std::optional<Problem>> no() { co_return refusal(); }
};

struct Instance {
  explicit Instance(const redis::RedisServer& server) : client(options(server), random, registry) {}
  ~Instance() {
    own.close();
    client.close();
    while (tasks.running() > 0) io.run_one_for(10ms);
  }

  static redis::ClientOptions options(const redis::RedisServer& server) {
    redis::ClientOptions out;
    out.seeds = {server.address()};
    return out;
  }
  void wrote(Id account, std::string position) {
    db.now = std::move(position);
    test::run_task(io, own.wrote(account, Deadline::after(5s)));
  }
  Freshness freshness(Id account) {
    return test::run_task(io, own.freshness(account, Deadline::after(5s)));
  }

  asio::io_context io;
  SystemRandom random;
  metrics::Registry registry;
  runtime::TaskGroup tasks{"test", registry};
  Positions db;
  redis::Client client;
  RedisOwnWrites own{{.patience = 200ms}, db, client, tasks, registry};
};

class OwnWritesTest : public testing::Test {
 protected:
  redis::TemporaryFolder folder_;
  redis::RedisServer server_{folder_.path(), {}};
  Instance here_{server_};
  Instance there_{server_};
};

}  // namespace

TEST_F(OwnWritesTest, AreObservedByWhoeverServesTheAccountNext) {
  EXPECT_EQ(there_.freshness(7), Freshness::fresh) << "nothing is known of it";
  here_.wrote(7, "0-1-17");
  EXPECT_EQ(there_.freshness(7), Freshness::any);
  EXPECT_EQ(there_.db.observed, "0-1-17");
  EXPECT_EQ(there_.freshness(8), Freshness::fresh) << "another's are not its own";
}

TEST_F(OwnWritesTest, TheLaterPositionStaysWhateverCameLast) {
  here_.wrote(7, "0-1-1000");
  there_.wrote(7, "0-2-999");
  EXPECT_EQ(here_.freshness(7), Freshness::any);
  EXPECT_EQ(here_.db.observed, "0-1-1000");
  there_.wrote(7, "0-2-1001");
  EXPECT_EQ(here_.freshness(7), Freshness::any);
  EXPECT_EQ(here_.db.observed, "0-2-1001");
}

TEST_F(OwnWritesTest, AreUnknownWhereThePositionMayBeAnOldOne) {
  here_.wrote(7, "0-1-17");
  ASSERT_EQ(server_.ask({"SAVE"}), "OK");
  server_.kill();
  server_.restart();
  ASSERT_NE(server_.ask({"DBSIZE"}), "0") << "it has come back with what it had";
  EXPECT_TRUE(
      redis::eventually([&] { return there_.client.ready(Deadline::after(1s)).has_value(); }));
  EXPECT_EQ(there_.freshness(7), Freshness::fresh);
  // As soon as both have found it again.
  EXPECT_TRUE(redis::eventually([&] {
    here_.wrote(7, "0-1-18");
    return there_.freshness(7) == Freshness::any;
  }));
  EXPECT_EQ(there_.db.observed, "0-1-18");
}

TEST_F(OwnWritesTest, ThatCouldNotBeToldAreToldAsSoonAsPossible) {
  here_.wrote(7, "0-1-17");
  server_.stop();
  here_.wrote(7, "0-1-18");  // answered all the same
  EXPECT_EQ(there_.freshness(7), Freshness::fresh) << "no answer: the primary";
  server_.go_on();
  EXPECT_TRUE(redis::eventually([&] {
    here_.io.restart();
    here_.io.run_for(20ms);
    return there_.freshness(7) == Freshness::any && there_.db.observed == "0-1-18";
  }));
}

}  // namespace madang::db
