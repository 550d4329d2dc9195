// What several instances share through Redis, when `redis.nodes` names one: streams of events reach
// whoever listens elsewhere, and a quota is one quota.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "platform/config/config.hpp"
#include "platform/http/rate_share_redis.hpp"
#include "platform/realtime/relay_redis.hpp"
#include "platform/redis/client.hpp"

namespace madang::app {

class Store;

class RedisPlace {
 public:
  /// Throws std::runtime_error, with one line for the operator, when the settings make no sense or
  /// Redis refuses the credentials. One that does not answer is a warning: it may come back, and
  /// nothing that is served needs it.
  RedisPlace(const config::Config& config, Store& store);
  ~RedisPlace();

  /// Null: there is no Redis, and this is the only instance.
  redis::Client* client() { return client_.get(); }

  // Each once, before serving; they do nothing without Redis. What is given outlives close().
  void share(http::RateLimiter& limiter, const std::string& name);
  void connect(realtime::Hub& hub);

  /// After the last that publishes or asks has ended.
  void close();

 private:
  Store& store_;
  std::unique_ptr<redis::Client> client_;
  std::vector<std::unique_ptr<http::RedisRateShare>> rates_;
  std::unique_ptr<realtime::RedisRelay> relay_;
  realtime::Hub* hub_ = nullptr;
};

}  // namespace madang::app
