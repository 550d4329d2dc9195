// The client against a real cluster of three masters and three replicas.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <map>
#include <set>
#include <thread>

#include "platform/redis/client.hpp"
#include "platform/redis/redis_fixture.hpp"
#include "platform/redis/slot_map.hpp"
#include "platform/runtime/io_pool.hpp"

namespace madang::redis {

using namespace std::chrono_literals;

namespace {

Deadline soon() {
  return Deadline::after(5s);
}

double metric(metrics::Registry& registry, const std::string& name) {
  const std::string all = registry.scrape();
  const auto at = all.find('\n' + name + ' ');
  return at == all.npos ? 0 : std::stod(all.substr(at + name.size() + 2));
}

class RedisClusterTest : public testing::Test {
 protected:
  ClientOptions options() const {
    ClientOptions out;
    out.seeds = cluster_.seeds();
    return out;
  }

  /// How often the running servers were asked for the map.
  int map_questions() {
    int all = 0;
    for (std::size_t i = 0; i < cluster_.size(); ++i) {
      if (!cluster_[i].running()) continue;
      const std::string stats = cluster_[i].ask({"INFO", "commandstats"});
      const std::string name = "cmdstat_cluster|slots:calls=";
      const auto at = stats.find(name);
      if (at != stats.npos) all += std::stoi(stats.substr(at + name.size()));
    }
    return all;
  }

  RedisCluster cluster_;
  SystemRandom random_;
  metrics::Registry registry_;
};

/// Moves the slot as redis-cli does, in steps a test can look between.
struct Migration {
  RedisServer& from;
  RedisServer& to;
  std::string slot;

  void begin() const {
    ASSERT_EQ(to.ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", RedisCluster::id_of(from)}), "OK");
    ASSERT_EQ(from.ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", RedisCluster::id_of(to)}), "OK");
  }
  void move(const std::string& key) const {
    ASSERT_EQ(from.ask({"MIGRATE", "127.0.0.1", std::to_string(to.port()), key, "0", "5000"}),
              "OK");
  }
  void end() const {
    const std::string id = RedisCluster::id_of(to);
    ASSERT_EQ(to.ask({"CLUSTER", "SETSLOT", slot, "NODE", id}), "OK");
    ASSERT_EQ(from.ask({"CLUSTER", "SETSLOT", slot, "NODE", id}), "OK");
  }
};

Task<int> add_to_feeds(Client* client, int writer, int count) {
  std::vector<Command> commands;
  for (int i = 0; i < count; ++i) {
    commands.push_back(Command::write("ZADD")
                           .key("feed:" + std::to_string(i % 97))
                           .arg(writer * count + i)
                           .arg(writer * count + i));
  }
  const Results results = co_await client->execute_all(std::move(commands), Deadline::after(60s));
  int added = 0;
  for (const auto& result : results) added += result && result->integer == 1 ? 1 : 0;
  co_return added;
}

}  // namespace

TEST_F(RedisClusterTest, FindsTheNodesFromOneSeedAndFollowsAWrongMap) {
  ClientOptions one = options();
  one.seeds.resize(1);
  one.map_period = 60s;
  Client client(one, random_, registry_);
  ASSERT_TRUE(client.ready(soon())) << client.ready(soon()).error().detail;
  EXPECT_EQ(client.masters().size(), 3U);
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(eventually([&] {
      const auto done = client.execute_blocking(set(key, key), soon());
      refused += done ? 0 : 1;
      return done.has_value();
    }));
  }
  // A cluster that failed over by itself, on a machine that is too busy, moves its slots.
  if (refused == 0) {
    EXPECT_EQ(metric(registry_, "madang_redis_redirects_total{kind=\"moved\"}"), 0);
  }

  // A slot goes to another node behind the client's back: its map is wrong now.
  RedisServer& from = cluster_.master_of("k7");
  RedisServer& to = &from == &cluster_[0] ? cluster_[1] : cluster_[0];
  const Migration migration{from, to, std::to_string(slot_of("k7"))};
  migration.begin();
  migration.move("k7");
  migration.end();
  for (int i = 0; i < 5; ++i) {
    const auto value = client.execute_blocking(get("k7"), soon());
    ASSERT_TRUE(value) << value.error().detail;
    EXPECT_EQ(value->text, "k7");
  }
  // More than once when the map was asked of a node that had not heard yet.
  EXPECT_GE(metric(registry_, "madang_redis_redirects_total{kind=\"moved\"}"), 1);
}

TEST_F(RedisClusterTest, FollowsASlotThatIsBeingMoved) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  ASSERT_TRUE(client.execute_blocking(set("{m}there", "1"), soon()));
  ASSERT_TRUE(client.execute_blocking(set("{m}moved", "2"), soon()));
  RedisServer& from = cluster_.master_of("{m}there");
  RedisServer& to = &from == &cluster_[0] ? cluster_[1] : cluster_[0];
  const Migration migration{from, to, std::to_string(slot_of("m"))};
  migration.begin();
  migration.move("{m}moved");

  std::vector<Command> commands;
  for (int i = 0; i < 50; ++i) {
    commands.push_back(get("{m}there"));
    commands.push_back(get("{m}moved"));
    commands.push_back(set("{m}new" + std::to_string(i), "3"));
  }
  const Results results = client.execute_all_blocking(std::move(commands), soon());
  for (std::size_t i = 0; i < results.size(); i += 3) {
    ASSERT_TRUE(results[i] && results[i + 1] && results[i + 2]);
    EXPECT_EQ(results[i]->text, "1");
    EXPECT_EQ(results[i + 1]->text, "2");
    EXPECT_EQ(results[i + 2]->text, "OK");
  }
  EXPECT_EQ(metric(registry_, "madang_redis_redirects_total{kind=\"ask\"}"), 100);

  // Keys on both sides: wait, and then say so; once they are together it works.
  const auto split =
      client.execute_blocking(Command::read("MGET").key("{m}there").key("{m}moved"), soon());
  ASSERT_FALSE(split);
  EXPECT_EQ(split.error().code, "redis_unavailable");
  Pending waiting = client.begin(
      [] {
        std::vector<Command> all;
        all.push_back(Command::read("MGET").key("{m}there").key("{m}moved"));
        return all;
      }(),
      soon());
  migration.move("{m}there");
  EXPECT_TRUE(eventually([&] {
    return client.execute_blocking(Command::read("MGET").key("{m}there").key("{m}moved"), soon())
        .has_value();
  }));
  waiting.wait();
  migration.end();
  EXPECT_EQ(client.execute_blocking(get("{m}new7"), soon())->text, "3");
}

TEST_F(RedisClusterTest, ReadsFromReplicasAndFallsBackToTheMaster) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  ASSERT_TRUE(client.execute_blocking(set("r", "1"), soon()));
  RedisServer& master = cluster_.master_of("r");
  RedisServer& replica = cluster_.replica_of(master);
  ASSERT_TRUE(eventually([&] { return master.ask({"WAIT", "1", "100"}) == "1"; }));
  const auto reads = [](const RedisServer& server) {
    const std::string stats = server.ask({"INFO", "commandstats"});
    const auto at = stats.find("cmdstat_get:calls=");
    return at == stats.npos ? 0 : std::stoi(stats.substr(at + 18));
  };
  for (int i = 0; i < 100; ++i) {
    const auto value = client.execute_blocking(get("r").from_replica(), soon());
    ASSERT_TRUE(value);
    EXPECT_EQ(value->text, "1");
  }
  EXPECT_EQ(reads(replica), 100);
  EXPECT_EQ(reads(master), 0);
  EXPECT_EQ(metric(registry_, "madang_redis_redirects_total{kind=\"moved\"}"), 0);
  replica.kill();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(client.execute_blocking(get("r").from_replica(), soon())) << i;
  }
  EXPECT_GE(reads(master), 99);
}

TEST_F(RedisClusterTest, FollowsAFailover) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  std::map<std::string, std::string> written;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "k" + std::to_string(i);
    ASSERT_TRUE(client.execute_blocking(set(key, key), soon()));
  }
  RedisServer& victim = cluster_.master_of("k0");
  ASSERT_TRUE(eventually([&] { return victim.ask({"WAIT", "1", "100"}) == "1"; }));
  const int asked_before = map_questions();
  victim.kill();
  const auto began = Steady::now();
  int refused = 0;
  auto slowest = Steady::duration::zero();
  ASSERT_TRUE(eventually([&] {
    const auto start = Steady::now();
    const bool good = client.execute_blocking(set("k0", "after"), soon()).has_value();
    slowest = std::max(slowest, Steady::now() - start);
    refused += good ? 0 : 1;
    return good;
  }));
  RecordProperty("failover_ms", static_cast<int>((Steady::now() - began) / 1ms));
  const auto took = (Steady::now() - began) / 1ms;
  EXPECT_LE(map_questions() - asked_before, took / 50 + 4) << "however many calls want the map";
  EXPECT_GT(refused, 0);
  EXPECT_LT(slowest, 4s) << "no call waits for a dead node";
  for (int i = 1; i < 200; ++i) {
    const std::string key = "k" + std::to_string(i);
    const auto value = client.execute_blocking(get(key), soon());
    ASSERT_TRUE(value) << value.error().detail;
    EXPECT_EQ(value->text, key);
  }
  victim.restart();
  EXPECT_TRUE(eventually([&] { return cluster_.healthy(); }));
  EXPECT_TRUE(client.execute_blocking(set("k0", "at last"), soon()));
}

TEST_F(RedisClusterTest, SaysSoWhenASlotIsServedByNobodyAndServesItAgain) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  ASSERT_TRUE(client.execute_blocking(set("k0", "1"), soon()));
  const RedisServer& owner = cluster_.master_of("k0");
  const std::string slot = std::to_string(slot_of("k0"));
  ASSERT_EQ(owner.ask({"DEL", "k0"}), "1");
  ASSERT_EQ(owner.ask({"CLUSTER", "DELSLOTS", slot}), "OK");
  const auto began = Steady::now();
  const auto nowhere = client.execute_blocking(set("k0", "2"), soon());
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, "redis_unavailable");
  EXPECT_LT(Steady::now() - began, 3s) << "some pauses, not until the deadline";
  ASSERT_EQ(owner.ask({"CLUSTER", "ADDSLOTS", slot}), "OK");
  EXPECT_TRUE(
      eventually([&] { return client.execute_blocking(set("k0", "3"), soon()).has_value(); }));
  EXPECT_TRUE(eventually([&] { return client.ready(Deadline::after(0s)).has_value(); }));
}

TEST_F(RedisClusterTest, OneHangingMasterDoesNotStopTheOthers) {
  ClientOptions hasty = options();
  hasty.connection.connect_timeout = 300ms;
  hasty.breaker.open_for = 2s;
  Client client(hasty, random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  RedisServer& hanging = cluster_.master_of("k0");
  std::string elsewhere;
  for (int i = 1; elsewhere.empty(); ++i) {
    const std::string key = "k" + std::to_string(i);
    if (&cluster_.master_of(key) != &hanging) elsewhere = key;
  }
  hanging.stop();
  std::vector<Command> hung;
  std::vector<Command> served;
  for (int i = 0; i < 10; ++i) {
    hung.push_back(get("k0"));
    served.push_back(get(elsewhere));
  }
  Pending late = client.begin(std::move(hung), Deadline::after(200ms));
  for (const auto& result : client.execute_all_blocking(std::move(served), soon())) {
    EXPECT_TRUE(result);
  }
  for (const auto& result : late.wait()) EXPECT_FALSE(result);
  const auto began = Steady::now();
  EXPECT_EQ(client.execute_blocking(get("k0"), soon()).error().code, "redis_unavailable");
  EXPECT_TRUE(client.execute_blocking(set(elsewhere, "1"), soon()));
  EXPECT_LT(Steady::now() - began, 3s) << "not until their deadlines";
  // The cluster replaces it; or it wakes: either way the slot is served again.
  EXPECT_TRUE(
      eventually([&] { return client.execute_blocking(set("k0", "1"), soon()).has_value(); }));
  hanging.go_on();
  EXPECT_TRUE(eventually([&] { return cluster_.healthy(); }));
  EXPECT_TRUE(
      eventually([&] { return client.execute_blocking(set("k0", "2"), soon()).has_value(); }));
}

TEST_F(RedisClusterTest, PipelinesFromManyCoroutinesAndThreads) {
  runtime::IoPool pool(2);  // outlives the client, which completes what waits there
  ClientOptions patient = options();
  patient.longest_wait = 60s;
  Client client(patient, random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  constexpr int each = 12'500;
  std::vector<std::future<int>> feeds;
  std::vector<std::future<int>> lists;
  for (int i = 0; i < 4; ++i) {
    feeds.push_back(asio::co_spawn(pool.any(), add_to_feeds(&client, i, each), asio::use_future));
    lists.push_back(asio::co_spawn(
        pool.any(), add_in_order(&client, "l" + std::to_string(i), 0, each), asio::use_future));
  }
  int from_threads = 0;
  std::vector<Command> commands;
  for (int i = 0; i < each; ++i) commands.push_back(Command::once("INCR").key("n"));
  for (const auto& result :
       client.execute_all_blocking(std::move(commands), Deadline::after(60s))) {
    ASSERT_TRUE(result) << result.error().code << result.error().detail;
    EXPECT_EQ(result->integer, ++from_threads);
  }
  for (auto& count : feeds) EXPECT_EQ(count.get(), each);
  for (auto& count : lists) EXPECT_EQ(count.get(), each);
  std::int64_t members = 0;
  for (int i = 0; i < 97; ++i) {
    members +=
        client.execute_blocking(Command::read("ZCARD").key("feed:" + std::to_string(i)), soon())
            ->integer;
  }
  EXPECT_EQ(members, 4 * each);
}

TEST_F(RedisClusterTest, RunsScriptsOnEveryNode) {
  Client client(options(), random_, registry_);
  const Script script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
  std::vector<Command> commands;
  for (int i = 0; i < 3'000; ++i) {
    commands.push_back(Command::script(script, 1).key("s" + std::to_string(i)).arg(i));
  }
  const Results results = client.execute_all_blocking(std::move(commands), soon());
  for (int i = 0; i < 3'000; ++i) {
    const auto& result = results[static_cast<std::size_t>(i)];
    ASSERT_TRUE(result) << result.error().detail;
    EXPECT_EQ(result->integer, i);
  }
}

TEST_F(RedisClusterTest, TellsTheReignOfAServerFromItsNextOne) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  const Script script(std::string(reign_lua) + "return reign");
  const auto ask = [&] {
    const auto result = client.execute_blocking(Command::script(script, 1).key("k0"), soon());
    const auto read = client.execute_blocking(Command::read("GET").key("k0").with_reign(), soon());
    // Both ways say the same, unless it changes between the two.
    return result && read && read->items[1].text == result->text ? result->text : std::string();
  };
  const std::string first = ask();
  EXPECT_EQ(first.size(), 16u);
  EXPECT_EQ(ask(), first);
  // There and back again, without a restart: the same two processes.
  const auto take_over = [&](RedisServer& server, const std::function<bool()>& done) {
    auto asked = Steady::now() - 10s;
    return eventually([&] {
      // The others may not vote yet: it gives up after 5 s.
      if (Steady::now() - asked > 6s) {
        asked = Steady::now();
        server.ask({"CLUSTER", "FAILOVER"});
      }
      return done();
    });
  };
  RedisServer& master = cluster_.master_of("k0");
  RedisServer& replica = cluster_.replica_of(master);
  // Who reigns now, and under which name; nobody while the client still asks the other one.
  std::string now;
  const auto reigns = [&](const RedisServer& server, const std::string& before) {
    now = ask();
    return !now.empty() && now != before && server.ask({"ROLE"}).starts_with("master");
  };
  ASSERT_TRUE(take_over(replica, [&] { return reigns(replica, first); }));
  const std::string second = now;
  ASSERT_TRUE(eventually([&] { return cluster_.healthy(); }));
  ASSERT_TRUE(take_over(master, [&] { return reigns(master, second); }));
  EXPECT_NE(now, first);
}

TEST_F(RedisClusterTest, RefusesKeysOfSeveralSlots) {
  Client client(options(), random_, registry_);
  const auto result = client.execute_blocking(Command::write("DEL").key("a").key("b"), soon());
  EXPECT_EQ(result.error().code, "redis_cross_slot");
}

TEST_F(RedisClusterTest, ServesAgainAfterEveryNodeWasGone) {
  Client client(options(), random_, registry_);
  ASSERT_TRUE(client.ready(soon()));
  for (std::size_t i = 0; i < cluster_.size(); ++i) cluster_[i].kill();
  EXPECT_TRUE(eventually([&] { return !client.execute_blocking(get("a"), soon()).has_value(); }));
  const auto began = Steady::now();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(client.execute_blocking(get("a"), soon()));
  EXPECT_LT(Steady::now() - began, 10s);
  for (std::size_t i = 0; i < cluster_.size(); ++i) cluster_[i].restart();
  EXPECT_TRUE(eventually([&] { return cluster_.healthy(); }));
  EXPECT_TRUE(
      eventually([&] { return client.execute_blocking(set("a", "1"), soon()).has_value(); }));
}

}  // namespace madang::redis
