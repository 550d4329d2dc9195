// What the connections of one I/O thread share. Touched on that thread only, but for the counters.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "platform/http/proxies.hpp"
#include "platform/http/server.hpp"

namespace madang::http {

class Connection;

using Steady = std::chrono::steady_clock;

/// Counted by one thread, read by whoever scrapes.
struct alignas(64) ShardStats {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> in_flight{0};
  std::atomic<std::uint64_t> aside{0};
  std::atomic<std::uint64_t> received_bytes{0};
  std::atomic<std::uint64_t> sent_bytes{0};
};

/// Cheaper than a locked add: each counter has one writer.
inline void add(std::atomic<std::uint64_t>& counter, std::uint64_t by) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

/// What all threads share.
struct Core {
  Core(ServerOptions given, Handler& served, metrics::Registry& metrics);

  const ServerOptions options;
  const TrustedProxies proxies;
  Handler& handler;
  metrics::Registry& registry;
  metrics::Counter& slow_readers;
  metrics::Counter& handler_failures;
  metrics::Counter& accept_failures;
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> body_bytes{0};  // of all bodies held in memory
};

class Shard {
 public:
  Shard(Core& core, boost::asio::any_io_executor executor, ShardStats& stats);

  /// One timer serves all timeouts of the thread: deadlines are checked this often.
  static Steady::duration tick_of(const ServerOptions& options);

  /// Moves the coarse clock and lets every connection look at its deadline.
  void tick(Steady::time_point now);
  void begin_drain();
  /// Cuts every connection where it is.
  void cut();

  /// A moment at least `timeout` ahead, without asking the clock.
  Steady::time_point in(Steady::duration timeout) const { return now_ + tick_ + timeout; }
  Steady::time_point now() const { return now_; }
  Steady::duration tick() const { return tick_; }
  bool draining() const { return draining_; }
  /// The Date header's value, formatted once a second.
  std::string_view date();
  /// 16 hex characters: unique enough to find a log line, not a secret.
  void next_request_id(std::string& out);

  Core& core;
  const boost::asio::any_io_executor executor;
  ShardStats& stats;
  std::list<Connection*> connections;
  std::size_t turned_away = 0;  // connections over the limit that still read their 503

 private:
  const Steady::duration tick_;
  Steady::time_point now_;
  bool draining_ = false;
  std::time_t date_seconds_ = 0;
  std::string date_;
  std::uint64_t random_ = 0;
};

}  // namespace madang::http
