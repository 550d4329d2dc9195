// The client against one real server that is no cluster: pipelining, deadlines, loss and return.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "platform/redis/client.hpp"
#include "platform/redis/redis_fixture.hpp"
#include "platform/runtime/io_pool.hpp"

namespace madang::redis {

using namespace std::chrono_literals;

namespace {

class RedisSingle : public testing::Test {
 protected:
  ClientOptions options() const {
    ClientOptions out;
    out.seeds = {server_.address()};
    return out;
  }
  static Deadline soon() { return Deadline::after(5s); }

  TemporaryFolder folder_;
  RedisServer server_{folder_.path(), {}};
  SystemRandom random_;
  metrics::Registry registry_;
};

Task<int> add_in_rounds(Client* client, std::string key, int rounds, int each) {
  int added = 0;
  for (int i = 0; i < rounds; ++i) {
    const int now = co_await add_in_order(client, key, i * each, each);
    if (now < 0) co_return -1;
    added += now;
  }
  co_return added;
}

Task<Result<Value>> one(Client* client, Command command) {
  Result<Value> value = co_await client->execute(std::move(command), Deadline::after(5s));
  co_return value;
}

}  // namespace

TEST_F(RedisSingle, ExecutesForThreadsAndCoroutines) {
  runtime::IoPool pool(2);  // outlives the client, which completes what waits there
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon())) << client.ready(soon()).error().detail;
  ASSERT_TRUE(client.execute_blocking(set("a", "1"), soon()));
  auto value = asio::co_spawn(pool.any(), one(&client, get("a")), asio::use_future).get();
  ASSERT_TRUE(value) << value.error().detail;
  EXPECT_EQ(value->text, "1");
  EXPECT_TRUE(client.execute_blocking(get("none"), soon())->is_nil());
  const auto wrong = client.execute_blocking(Command::write("LPUSH").key("a").arg(1), soon());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, "redis_error");
  EXPECT_TRUE(wrong.error().detail.starts_with("WRONGTYPE"));
}

TEST_F(RedisSingle, WorksAtOnceWithoutWaitingForReady) {
  Client client(options(), random_, registry_);
  EXPECT_TRUE(client.execute_blocking(set("a", "1"), soon()));
}

TEST_F(RedisSingle, KeepsTheOrderOfEachOfManyCallers) {
  runtime::IoPool pool(2);  // outlives the client, which completes what waits there
  ClientOptions patient = options();
  patient.longest_wait = 60s;
  Client client(patient, random_, registry_);
  std::vector<std::future<int>> done;
  for (int i = 0; i < 20; ++i) {
    done.push_back(asio::co_spawn(
        pool.any(), add_in_rounds(&client, "l" + std::to_string(i), 10, 500), asio::use_future));
  }
  for (auto& count : done) EXPECT_EQ(count.get(), 5'000);
  EXPECT_EQ(server_.ask({"LLEN", "l7"}), "5000");
  EXPECT_EQ(server_.ask({"LINDEX", "l7", "4999"}), "4999");
}

TEST_F(RedisSingle, DropsTheAnswerOfWhatTimedOut) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  server_.stop();
  const auto late = client.execute_blocking(set("a", "1"), Deadline::after(100ms));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "redis_timeout");
  Pending next = client.begin(
      [] {
        std::vector<Command> commands;
        commands.push_back(set("b", "2"));
        commands.push_back(get("b"));
        commands.push_back(get("a"));
        return commands;
      }(),
      soon());
  server_.go_on();
  const Results results = next.wait();
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0]->text, "OK");
  EXPECT_EQ(results[1]->text, "2");
  EXPECT_EQ(results[2]->text, "1") << "it had arrived, and its answer was nobody's";
}

TEST_F(RedisSingle, AnswersAtOnceWhenTheServerHangs) {
  ClientOptions hasty = options();
  hasty.connection.stall_timeout = 1s;
  hasty.connection.connect_timeout = 300ms;
  hasty.breaker.open_for = 2s;
  Client client(hasty, random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  server_.stop();
  std::vector<Command> commands;
  for (int i = 0; i < 10; ++i) commands.push_back(get("a"));
  for (const auto& result :
       client.execute_all_blocking(std::move(commands), Deadline::after(200ms))) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, "redis_timeout");
  }
  const auto began = Steady::now();
  const auto second = client.execute_blocking(get("a"), soon());
  EXPECT_LT(Steady::now() - began, 3s) << "not until its deadline";
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, "redis_unavailable");
  EXPECT_TRUE(registry_.scrape().contains("madang_redis_breaker_state{node=\"" +
                                          server_.address().text() + "\"} 2"));
  server_.go_on();
  EXPECT_TRUE(eventually([&] { return client.execute_blocking(get("a"), soon()).has_value(); }));
}

TEST_F(RedisSingle, ClosesAHalfOpenConnectionAndComesBack) {
  ClientOptions hasty = options();
  hasty.connection.stall_timeout = 300ms;
  hasty.connection.ping_interval = 100ms;
  Client client(hasty, random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  server_.stop();
  // Nobody asks anything; it finds out by itself.
  EXPECT_TRUE(eventually([&] { return !client.ready(Deadline::after(0s)).has_value(); }));
  server_.go_on();
  EXPECT_TRUE(client.ready(soon()));
  EXPECT_TRUE(client.execute_blocking(set("a", "1"), soon()));
}

TEST_F(RedisSingle, ReconnectsAfterARestart) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.execute_blocking(set("a", "1"), soon()));
  server_.kill();
  EXPECT_TRUE(eventually([&] { return !client.execute_blocking(get("a"), soon()).has_value(); }));
  const auto began = Steady::now();
  const auto refused = client.execute_blocking(get("a"), soon());
  EXPECT_LT(Steady::now() - began, 3s) << "nobody waits for what is known to be away";
  EXPECT_EQ(refused.error().code, "redis_unavailable");
  EXPECT_NE(refused.error().detail.find(server_.address().text()), std::string::npos);
  server_.restart();
  EXPECT_TRUE(
      eventually([&] { return client.execute_blocking(set("a", "2"), soon()).has_value(); }));
  EXPECT_EQ(client.execute_blocking(get("a"), soon())->text, "2");
}

TEST_F(RedisSingle, SaysThatTheOutcomeOfALostWriteIsUnknown) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  std::vector<Command> commands;
  commands.push_back(Command::once("BLPOP").key("n").arg(0));
  commands.push_back(get("n"));
  Pending pending = client.begin(std::move(commands), soon());
  ASSERT_TRUE(
      eventually([&] { return server_.ask({"INFO", "clients"}).contains("blocked_clients:1"); }));
  server_.kill();
  const Results results = pending.wait();
  EXPECT_EQ(results[0].error().code, "redis_outcome_unknown");
  EXPECT_EQ(results[1].error().code, "redis_unavailable");
}

TEST_F(RedisSingle, RefusesMoreThanMayWait) {
  ClientOptions small = options();
  small.connection.max_outstanding = 100;
  Client client(small, random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  server_.stop();
  std::vector<Command> commands;
  for (int i = 0; i < 150; ++i) commands.push_back(get("a"));
  Pending pending = client.begin(std::move(commands), soon());
  server_.go_on();
  int refused = 0;
  for (const auto& result : pending.wait()) {
    if (result) continue;
    ++refused;
    EXPECT_EQ(result.error().code, "redis_busy");
    EXPECT_TRUE(result.error().retry_after.has_value());
  }
  EXPECT_GE(refused, 50);
  EXPECT_LE(refused, 51);  // a PING may have been on its way
}

TEST_F(RedisSingle, LoadsAScriptWhereItIsMissingOnce) {
  Client client(options(), random_, registry_);
  const Script script("return {KEYS[1], ARGV[1]}");
  std::vector<Command> commands;
  for (int i = 0; i < 1'000; ++i) commands.push_back(Command::script(script, 1).key("k").arg(i));
  const Results results = client.execute_all_blocking(std::move(commands), soon());
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(results[static_cast<std::size_t>(i)]);
    EXPECT_EQ(results[static_cast<std::size_t>(i)]->items.at(1).text, std::to_string(i));
  }
  EXPECT_TRUE(server_.ask({"INFO", "commandstats"}).contains("cmdstat_script|load:calls=1,"));
  server_.ask({"SCRIPT", "FLUSH"});
  EXPECT_TRUE(client.execute_blocking(Command::script(script, 1).key("k").arg(1), soon()));
}

TEST_F(RedisSingle, NamesTheReignThatAValueWasReadIn) {
  Client client(options(), random_, registry_);
  const auto ask = [](std::string_view key) { return get(key).with_reign(); };
  const auto check = [&](const Result<Value>& result, std::string_view expected) {
    ASSERT_TRUE(result) << result.error().detail;
    ASSERT_EQ(result->items.size(), 2u);
    EXPECT_EQ(result->items[0].text, expected);
    EXPECT_EQ(result->items[1].text.size(), reign_size);
    EXPECT_TRUE(server_.ask({"INFO", "replication"}).contains("replid:" + result->items[1].text));
  };
  // Others between them are answered as ever.
  std::vector<Command> commands;
  for (int i = 0; i < 300; ++i) {
    const std::string key = "k" + std::to_string(i);
    commands.push_back(set(key, std::to_string(i)));
    commands.push_back(ask(key));
    commands.push_back(get(key));
  }
  const Results results = client.execute_all_blocking(std::move(commands), soon());
  for (std::size_t i = 0; i < 300; ++i) {
    check(results[3 * i + 1], std::to_string(i));
    EXPECT_EQ(results[3 * i + 2]->text, std::to_string(i));
  }
  const auto missing = client.execute_blocking(ask("nothing"), soon());
  check(missing, "");
  EXPECT_TRUE(missing->items[0].is_nil());
  const auto wrong = client.execute_blocking(Command::read("LLEN").key("k1").with_reign(), soon());
  ASSERT_FALSE(wrong) << "an error is an error";
  EXPECT_EQ(wrong.error().code, "redis_error");
  // All that left together asked once.
  const std::string stats = server_.ask({"INFO", "commandstats"});
  const auto at = stats.find("cmdstat_info:calls=");
  ASSERT_NE(at, stats.npos);
  EXPECT_LT(std::stoi(stats.substr(at + 19)), 100 + 302);
}

TEST_F(RedisSingle, WhatWaitsForTheReignEndsInTimeOrWithItsConnection) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  server_.stop();
  std::vector<Command> commands;
  for (int i = 0; i < 10; ++i) commands.push_back(get("k").with_reign());
  for (const auto& result :
       client.execute_all_blocking(std::move(commands), Deadline::after(100ms))) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, "redis_timeout");
  }
  Pending lost = client.begin({get("k").with_reign()}, soon());
  server_.kill();
  const Results results = lost.wait();
  ASSERT_FALSE(results[0]);
  EXPECT_EQ(results[0].error().code, "redis_unavailable");
}

TEST_F(RedisSingle, EndsWhatIsOnItsWayWhenItIsClosed) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  server_.stop();
  Pending pending = client.begin(
      [] {
        std::vector<Command> commands;
        commands.push_back(get("a"));
        return commands;
      }(),
      soon());
  client.close();
  EXPECT_EQ(pending.wait().front().error().code, "redis_closed");
  EXPECT_EQ(client.execute_blocking(get("a"), soon()).error().code, "redis_closed");
}

TEST_F(RedisSingle, SaysThatAReplicaIsNoMasterAndTakesTheMasterOfTheTwo) {
  const RedisServer replica(folder_.path(),
                            {"--replicaof", "127.0.0.1 " + std::to_string(server_.port())});
  ClientOptions wrong = options();
  wrong.seeds = {replica.address()};
  Client to_replica(wrong, random_, registry_);
  const auto refused = to_replica.ready(Deadline::after(500ms));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().detail.contains("is a replica")) << refused.error().detail;
  wrong.seeds.push_back(server_.address());
  Client to_both(wrong, random_, registry_);
  EXPECT_TRUE(to_both.ready(soon()));
  EXPECT_TRUE(to_both.execute_blocking(set("a", "1"), soon()));
}

TEST_F(RedisSingle, KeepsTheDeadlineAlsoBeforeItIsConnected) {
  server_.stop();
  ClientOptions patient = options();
  patient.map_patience = 20s;
  patient.connection.connect_timeout = 20s;
  Client client(patient, random_, registry_);
  const auto began = Steady::now();
  const auto late = client.execute_blocking(get("a"), Deadline::after(50ms));
  EXPECT_LT(Steady::now() - began, 10s);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "redis_timeout");
  server_.go_on();
}

TEST(RedisAuth, NamesAWrongPassword) {
  const TemporaryFolder folder;
  const RedisServer server(folder.path(), {"--requirepass", "secret"});
  SystemRandom random;
  metrics::Registry registry;
  ClientOptions options;
  options.seeds = {server.address()};
  options.connection.password = "wrong";
  Client wrong(options, random, registry);
  const auto refused = wrong.ready(Deadline::after(500ms));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().detail.contains("WRONGPASS")) << refused.error().detail;
  options.connection.password = "secret";
  Client right(options, random, registry);
  EXPECT_TRUE(right.ready(Deadline::after(5s)));
}

TEST(RedisAuth, NamesWhatCannotBeReached) {
  SystemRandom random;
  metrics::Registry registry;
  ClientOptions options;
  options.seeds = {{"127.0.0.1", fixture::free_port()}};
  Client client(options, random, registry);
  const auto began = Steady::now();
  const auto refused = client.execute_blocking(get("a"), Deadline::after(5s));
  EXPECT_LT(Steady::now() - began, 4s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "redis_unavailable");
  EXPECT_TRUE(refused.error().detail.contains(options.seeds[0].text())) << refused.error().detail;
}

}  // namespace madang::redis
