#include "app/redis_place.hpp"

#include <charconv>
#include <stdexcept>

#include "app/application.hpp"
#include "platform/log/log.hpp"

namespace madang::app {

namespace {

constexpr std::chrono::seconds first_answer{2};

redis::Address parse_address(const std::string& text) {
  const auto colon = text.rfind(':');
  redis::Address address;
  if (colon != text.npos && colon != 0) {
    address.host = text.substr(0, colon);
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, address.port);
    if (error == std::errc{} && stop == end && address.port != 0) return address;
  }
  throw std::runtime_error("redis.nodes must be HOST:PORT, HOST:PORT and so on, not " + text);
}

redis::ClientOptions client_options(const config::Config& config) {
  redis::ClientOptions options;
  for (const std::string& node : config.list("redis.nodes"))
    options.seeds.push_back(parse_address(node));
  options.connection.user = config.text("redis.user");
  options.connection.password = config.text("redis.password");
  return options;
}

}  // namespace

RedisPlace::RedisPlace(const config::Config& config, Store& store) : store_(store) {
  redis::ClientOptions options = client_options(config);
  if (options.seeds.empty()) return;
  client_ = std::make_unique<redis::Client>(std::move(options), store.random(), store.registry());
  const auto ready = client_->ready(Deadline::after(first_answer));
  if (ready) return;
  const Problem& problem = ready.error();
  if (problem.code == "redis_denied") throw std::runtime_error("redis.nodes: " + problem.detail);
  log::warn("redis", "away", {{"detail", std::string_view(problem.detail)}});
}

RedisPlace::~RedisPlace() {
  close();
}

void RedisPlace::share(http::RateLimiter& limiter, const std::string& name) {
  if (!client_) return;
  rates_.push_back(std::make_unique<http::RedisRateShare>(http::RateShareOptions{.name = name},
                                                          limiter, *client_, store_.registry()));
}

void RedisPlace::connect(realtime::Hub& hub) {
  if (!client_) return;
  hub_ = &hub;
  relay_ = std::make_unique<realtime::RedisRelay>(
      realtime::RedisRelayOptions{.node = static_cast<std::uint64_t>(store_.node())}, *client_, hub,
      store_.registry());
  hub.relay_through(relay_.get());
}

void RedisPlace::close() {
  if (!client_) return;
  if (hub_ != nullptr) hub_->relay_through(nullptr);
  if (relay_) relay_->close();
  for (auto& rate : rates_) rate->close();
  client_->close();
}

}  // namespace madang::app
