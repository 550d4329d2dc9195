// For tests: a Redis Cluster that all tests of a program share, wiped between them.
#pragma once

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "modules/social/feed_store_redis.hpp"
#include "platform/redis/redis_fixture.hpp"

namespace madang::social {

class FeedRedis {
 public:
  static FeedRedis& shared() {
    static FeedRedis one;
    return one;
  }

  redis::Client& client() { return client_; }
  redis::RedisCluster& cluster() { return cluster_; }

  /// Every server runs, is known, and is empty.
  void begin_anew() {
    mend();
    wipe();
  }
  /// Every server runs and is known; every feed can be reached.
  void mend() {
    for (std::size_t i = 0; i < cluster_.size(); ++i)
      if (!cluster_[i].running()) cluster_[i].restart();
    const bool well = redis::eventually([this] {
      return cluster_.healthy() && client_.ready(Deadline::after(std::chrono::seconds(1))) &&
             reaches_all();
    });
    if (!well) throw std::runtime_error("the cluster does not recover");
  }
  void wipe() {
    for (std::size_t i = 0; i < cluster_.size(); ++i)
      if (cluster_[i].running() && cluster_[i].ask({"ROLE"}).starts_with("master"))
        cluster_[i].ask({"FLUSHALL"});
  }
  /// Ends the master of the viewer's feed; its replica serves when this returns.
  void fail_over(Id viewer) {
    redis::RedisServer& master = cluster_.master_of(FeedKeys::feed(viewer));
    redis::RedisServer& replica = cluster_.replica_of(master);
    const std::string size = master.ask({"DBSIZE"});
    redis::eventually([&] { return replica.ask({"DBSIZE"}) == size; });
    master.kill();
    replica.ask({"CLUSTER", "FAILOVER", "TAKEOVER"});
    if (!redis::eventually([this] { return reaches_all(); }))
      throw std::runtime_error("nobody took over");
  }

 private:
  bool reaches_all() {
    std::vector<redis::Command> commands;
    for (std::size_t bucket = 0; bucket < 64; ++bucket)
      commands.push_back(redis::Command::write("UNLINK").key(FeedKeys::bucket(bucket) + ":test"));
    const redis::Results results =
        client_.execute_all_blocking(std::move(commands), Deadline::after(std::chrono::seconds(1)));
    return std::ranges::all_of(results, [](const auto& result) { return result.has_value(); });
  }

  SystemRandom random_;
  metrics::Registry registry_;
  redis::RedisCluster cluster_;
  redis::Client client_{{.seeds = cluster_.seeds()}, random_, registry_};
};

}  // namespace madang::social
