// Sharded publish and subscribe (Redis 7): a channel lives where a key of its name would. Messages
// are wakes, not records: whoever listens is told when some may have been missed, and then reads
// what they were about.
//
//   redis::ShardedPubSub bus(client, listener);
//   bus.subscribe("hub:{3}");
//   bus.publish("hub:{3}", "...");
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "platform/redis/client.hpp"

namespace madang::redis {

class ShardedPubSub {
 public:
  /// Called on the client's thread: quickly, and never back into the bus' close().
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void on_message(std::string_view channel, std::string_view message) = 0;
    /// Messages of any channel may have been missed up to now; from now on they come. Told after
    /// each (re)subscription: the first, a lost connection, a failover, a slot that moved.
    virtual void on_gap() = 0;
  };

  static constexpr std::size_t max_channels = 4'096;

  /// The client and the listener outlive it. One connection for each master that owns channels.
  ShardedPubSub(Client& client, Listener& listener);
  ~ShardedPubSub();
  ShardedPubSub(const ShardedPubSub&) = delete;
  ShardedPubSub& operator=(const ShardedPubSub&) = delete;

  /// Any thread; takes effect soon, and again after whatever happens. Beyond max_channels: dropped
  /// and logged.
  void subscribe(std::string channel);
  void unsubscribe(std::string channel);
  /// Sends it and does not wait; `told` (on the client's thread, or on this one when it is refused
  /// at once) hears whether a master took it. Who takes none, may have missed it: say so to those
  /// who listen when it is back.
  void publish(std::string_view channel, std::string_view message, Deadline deadline,
               std::function<void(bool)> told = {});
  /// Whether every channel is subscribed to where it lives. Blocks for a moment.
  bool settled();
  /// The listener hears no more when it returns. Before the client's close().
  void close();

 private:
  class Core;
  std::shared_ptr<Core> core_;
  std::atomic<bool> closed_{false};
};

}  // namespace madang::redis
