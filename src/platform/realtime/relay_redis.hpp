// The relay between several nodes: sharded channels of Redis. Accounts are spread over `channels`
// channels, and so over the cluster's masters; every node listens to all of them.
//
// One message of each channel is on its way at a time; what comes meanwhile goes together in the
// next. When Redis takes one not, nothing is kept: as soon as it takes one again the other nodes
// are told that they missed something. Whoever is told so, or was cut off itself, wakes all its
// listeners, a slice at a time, so that SQL is not asked by all of them at once.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "platform/metrics/metrics.hpp"
#include "platform/realtime/hub.hpp"
#include "platform/realtime/relay.hpp"
#include "platform/redis/client.hpp"

namespace madang::realtime {

struct RedisRelayOptions {
  std::uint64_t node = 0;     // of this process: no two running ones share it
  std::size_t channels = 16;  // the same on all nodes
  std::string prefix = "hub";
  std::chrono::milliseconds patience{1'000};       // for Redis to take a message
  std::chrono::milliseconds again_after{500};      // what it did not take is made good this often
  std::size_t slice = 200;                         // listeners woken together after a gap ...
  std::chrono::milliseconds slice_pause{20};       // ... and the pause before the next ones
  std::chrono::milliseconds look_interval{1'000};  // not more often than this
  std::vector<std::string> gap_hints{"feed.new"};
};

class RedisRelay final : public Relay {
 public:
  /// All outlive it. Listens from here on, and delivers to `hub`.
  RedisRelay(RedisRelayOptions options, redis::Client& client, Hub& hub,
             metrics::Registry& registry);
  ~RedisRelay() override;

  void wake(Id account, Id newest) override;
  void hint(std::span<const Id> accounts, std::string_view type) override;
  /// Whether this node hears all channels now. Blocks for a moment.
  bool listening();
  /// Nothing is delivered any more when it returns. Before the client's close().
  void close();

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace madang::realtime
