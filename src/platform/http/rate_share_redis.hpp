// Rate limits that several instances share, through Redis: every so often each says what it let
// through and hears what all of them did. Requests never wait for it: between two exchanges an
// instance counts what it sees itself, so that a key can get at most what all instances let through
// in one interval beyond its quota. Without Redis each counts alone.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "platform/http/rate_limit.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/redis/client.hpp"

namespace madang::http {

struct RateShareOptions {
  std::string name = "rate";                // the keys' prefix; one for each limiter
  std::chrono::milliseconds interval{100};  // between exchanges
  std::chrono::milliseconds patience{500};  // for the answers of one
  std::size_t keys = 2'000;                 // of one exchange; the rest waits for the next
};

class RedisRateShare {
 public:
  /// All outlive it.
  RedisRateShare(RateShareOptions options, RateLimiter& limiter, redis::Client& client,
                 metrics::Registry& registry);
  ~RedisRateShare();
  RedisRateShare(const RedisRateShare&) = delete;
  RedisRateShare& operator=(const RedisRateShare&) = delete;
  /// The limiter hears no more when it returns. Before the client's close() or after it.
  void close();

 private:
  void keep();
  void exchange();
  void hear(const std::vector<RateSpent>& said, const redis::Results& results);

  const RateShareOptions options_;
  RateLimiter& limiter_;
  redis::Client& client_;
  const redis::Script spend_;
  metrics::Counter& said_;
  metrics::Counter& lost_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool closed_ = false;
  std::jthread thread_;
};

}  // namespace madang::http
