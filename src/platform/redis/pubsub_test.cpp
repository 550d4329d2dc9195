// Sharded publish and subscribe across what happens to a real cluster.
#include "platform/redis/pubsub.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "platform/redis/redis_fixture.hpp"

namespace madang::redis {

using namespace std::chrono_literals;

namespace {

/// What was heard, with the gaps in between.
class Ear final : public ShardedPubSub::Listener {
 public:
  void on_message(std::string_view channel, std::string_view message) override {
    const std::lock_guard lock(mutex_);
    heard_.push_back(std::string(channel) + '=' + std::string(message));
  }
  void on_gap() override {
    const std::lock_guard lock(mutex_);
    ++gaps_;
  }
  bool has(const std::string& what) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::find(heard_, what) != heard_.end();
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return heard_.size();
  }
  int gaps() const {
    const std::lock_guard lock(mutex_);
    return gaps_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> heard_;
  int gaps_ = 0;
};

ClientOptions with(std::vector<Address> seeds) {
  ClientOptions out;
  out.seeds = std::move(seeds);
  return out;
}

class PubSub : public testing::Test {
 protected:
  static constexpr int channels = 12;
  static std::string name(int channel) { return "hub:{" + std::to_string(channel) + "}"; }

  void subscribe_all() {
    for (int i = 0; i < channels; ++i) bus_.subscribe(name(i));
    ASSERT_TRUE(eventually([this] { return bus_.settled(); }));
  }
  /// Publishes until it is heard: what was sent before may have been missed.
  void heard_on_all(const std::string& message) {
    for (int i = 0; i < channels; ++i) {
      const std::string expected = name(i) + '=' + message;
      EXPECT_TRUE(eventually([&] {
        other_bus_.publish(name(i), message, Deadline::after(1s));
        return ear_.has(expected);
      })) << expected;
    }
  }

  RedisCluster cluster_;
  SystemRandom random_;
  metrics::Registry registry_;
  metrics::Registry other_registry_;
  Client client_{with(cluster_.seeds()), random_, registry_};
  Client other_{with(cluster_.seeds()), random_, other_registry_};
  Ear ear_;
  Ear other_ear_;
  ShardedPubSub bus_{client_, ear_};
  ShardedPubSub other_bus_{other_, other_ear_};
};

}  // namespace

TEST_F(PubSub, HearsWhatAnotherNodePublishesOnAllMasters) {
  subscribe_all();
  EXPECT_GE(ear_.gaps(), 1) << "what was before the subscription may have been missed";
  std::atomic<int> taken{0};
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < channels; ++i) {
      other_bus_.publish(name(i), std::to_string(round), Deadline::after(5s),
                         [&taken](bool good) { taken += good ? 1 : 0; });
    }
  }
  EXPECT_TRUE(eventually([&] { return ear_.count() == 50U * channels; }));
  EXPECT_TRUE(eventually([&] { return taken == 50 * channels; }));
  EXPECT_EQ(other_ear_.count(), 0U);

  bus_.unsubscribe(name(3));
  EXPECT_TRUE(eventually([&] {
    const std::string channel = name(3);
    return cluster_.master_of(channel).ask({"PUBSUB", "SHARDNUMSUB", channel}).ends_with("0\n");
  }));
  other_bus_.publish(name(3), "nobody", Deadline::after(1s));
  other_bus_.publish(name(4), "somebody", Deadline::after(1s));
  EXPECT_TRUE(eventually([&] { return ear_.has(name(4) + "=somebody"); }));
  EXPECT_FALSE(ear_.has(name(3) + "=nobody"));
}

TEST_F(PubSub, TellsOfTheGapWhenAMasterFailsOver) {
  subscribe_all();
  const int before = ear_.gaps();
  RedisServer& victim = cluster_.master_of(name(0));
  victim.kill();
  std::atomic<bool> refused{false};
  EXPECT_TRUE(eventually([&] {
    other_bus_.publish(name(0), "lost", Deadline::after(1s),
                       [&refused](bool good) { refused = refused || !good; });
    return refused.load();
  })) << "the publisher hears that nobody took it";
  EXPECT_TRUE(eventually([&] { return ear_.gaps() > before && bus_.settled(); }));
  heard_on_all("after the failover");
  victim.restart();
  EXPECT_TRUE(eventually([&] { return cluster_.healthy(); }));
  heard_on_all("after the return");
}

TEST_F(PubSub, FollowsASlotThatMoves) {
  subscribe_all();
  const int before = ear_.gaps();
  RedisServer& from = cluster_.master_of(name(5));
  RedisServer& to = &from == &cluster_[0] ? cluster_[1] : cluster_[0];
  const std::string slot = std::to_string(slot_of(name(5)));
  const std::string id = RedisCluster::id_of(to);
  ASSERT_EQ(to.ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", RedisCluster::id_of(from)}), "OK");
  ASSERT_EQ(from.ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", id}), "OK");
  ASSERT_EQ(to.ask({"CLUSTER", "SETSLOT", slot, "NODE", id}), "OK");
  ASSERT_EQ(from.ask({"CLUSTER", "SETSLOT", slot, "NODE", id}), "OK");
  EXPECT_TRUE(eventually([&] { return ear_.gaps() > before && bus_.settled(); }));
  EXPECT_TRUE(
      eventually([&] { return to.ask({"PUBSUB", "SHARDNUMSUB", name(5)}).ends_with("1\n"); }));
  heard_on_all("after the move");
}

TEST_F(PubSub, TellsOfTheGapAfterAHangingMaster) {
  subscribe_all();
  const int before = ear_.gaps();
  RedisServer& hanging = cluster_.master_of(name(0));
  hanging.stop();
  EXPECT_TRUE(eventually([&] { return ear_.gaps() > before && bus_.settled(); }));
  hanging.go_on();
  EXPECT_TRUE(eventually([&] { return cluster_.healthy(); }));
  heard_on_all("after it woke");
}

TEST(PubSubSingle, WorksWithOneServerAndComesBackAfterARestart) {
  const TemporaryFolder folder;
  RedisServer server(folder.path(), {});
  SystemRandom random;
  metrics::Registry registry;
  Client client(with({server.address()}), random, registry);
  Ear ear;
  ShardedPubSub bus(client, ear);
  bus.subscribe("c");
  ASSERT_TRUE(eventually([&] { return bus.settled(); }));
  bus.publish("c", "1", Deadline::after(1s));
  EXPECT_TRUE(eventually([&] { return ear.has("c=1"); }));
  const int before = ear.gaps();
  server.kill();
  server.restart();
  EXPECT_TRUE(eventually([&] { return ear.gaps() > before && bus.settled(); }));
  EXPECT_TRUE(eventually([&] {
    bus.publish("c", "2", Deadline::after(1s));
    return ear.has("c=2");
  }));
}

}  // namespace madang::redis
