// Rate limits in process: the generic cell rate algorithm, one moment a key. A quota of q in w
// seconds may be spent at once and refills evenly.
//
// Several instances share a limit by telling each other afterwards what they let through (see
// rate_share_redis.hpp): no request waits for that, so for a moment each knows only its own.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "platform/metrics/metrics.hpp"

namespace madang::http {

struct RatePolicy {
  std::string name;
  std::int64_t quota = 0;           // requests ...
  std::chrono::seconds window{10};  // ... in this long
};

struct RateVerdict {
  bool allowed = true;
  std::int64_t remaining = 0;
  std::chrono::seconds reset{0};  // until the quota is whole again; when refused: until one fits
};

/// What was let through here for one key and the other instances do not know yet.
struct RateSpent {
  std::uint64_t key = 0;
  std::int64_t count = 0;
  std::chrono::microseconds interval{};  // of one request
  std::chrono::microseconds window{};
};

/// Thread-safe. At most max_keys keys are remembered; keys whose quota is whole again go first,
/// then (under a flood of new keys) any: the bound holds, and what is forgotten is counted.
class RateLimiter {
 public:
  using Steady = std::chrono::steady_clock;

  RateLimiter(std::size_t max_keys, metrics::Registry& registry);
  RateVerdict take(const RatePolicy& policy, std::string_view key, Steady::time_point now);

  /// From now on what is spent is kept for take_unsaid(), of at most max_keys keys.
  void share() { shared_ = true; }
  std::vector<RateSpent> take_unsaid(std::size_t max);
  /// By what all instances have said the key's quota is whole again at `full_at`. What was spent
  /// here since comes on top; nothing known here is taken back.
  void learn(const RateSpent& said, Steady::time_point full_at);

 private:
  static constexpr std::size_t shards = 16;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, Steady::time_point> full_at;  // when the quota is whole again
    std::unordered_map<std::uint64_t, RateSpent> unsaid;
  };
  static std::uint64_t hash_of(const RatePolicy& policy, std::string_view key);
  Shard& shard_of(std::uint64_t hash) { return shards_[(hash >> 32U) % shards]; }
  void make_room(Shard& shard, Steady::time_point now);
  void remember(Shard& shard, std::uint64_t hash, Steady::duration interval,
                Steady::duration window) const;

  const std::size_t max_per_shard_;
  std::array<Shard, shards> shards_;
  std::atomic<bool> shared_{false};
  metrics::Gauge& keys_;
  metrics::Counter& refused_;
  metrics::Counter& forgotten_;
};

/// What an address is counted as: itself, or for IPv6 its /64, which one subscriber has to
/// themselves.
std::string address_key(std::string_view address);

}  // namespace madang::http
