#include "platform/http/rate_share_redis.hpp"

#include <pthread.h>

#include <charconv>
#include <utility>

namespace madang::http {

namespace {

// The generic cell rate algorithm by the server's clock: when the quota is whole again, in
// microseconds from now. Instances' clocks play no part. The key goes when it says nothing any
// more.
constexpr const char* spend_source = R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0) or 0, now) + tonumber(ARGV[1])
full = math.min(full, now + tonumber(ARGV[2]))
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
return full - now
)lua";

std::string hex(std::uint64_t number) {
  char digits[16];
  return {digits, std::to_chars(digits, digits + sizeof digits, number, 16).ptr};
}

}  // namespace

RedisRateShare::RedisRateShare(RateShareOptions options, RateLimiter& limiter,
                               redis::Client& client, metrics::Registry& registry)
    : options_(std::move(options)),
      limiter_(limiter),
      client_(client),
      spend_(spend_source),
      said_(registry.counter("madang_rate_share_keys_total", "Keys whose count was shared",
                             {{"result", "said"}})),
      lost_(registry.counter("madang_rate_share_keys_total", "Keys whose count was shared",
                             {{"result", "lost"}})) {
  limiter_.share();
  thread_ = std::jthread([this] {
    pthread_setname_np(pthread_self(), "rate-share");
    keep();
  });
}

RedisRateShare::~RedisRateShare() {
  close();
}

void RedisRateShare::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RedisRateShare::keep() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, options_.interval, [this] { return closed_; })) {
    lock.unlock();
    exchange();
    lock.lock();
  }
}

/// Waits for the answers, on a thread of its own: one exchange at a time.
void RedisRateShare::exchange() {
  const std::vector<RateSpent> said = limiter_.take_unsaid(options_.keys);
  if (said.empty()) return;
  std::vector<redis::Command> commands;
  commands.reserve(said.size());
  for (const RateSpent& spent : said) {
    // Not twice: what is not known to have been counted is forgotten.
    commands.push_back(redis::Command::script(spend_, 1, redis::Command::Effect::once)
                           .key(options_.name + ':' + hex(spent.key))
                           .arg((spent.interval * spent.count).count())
                           .arg(2 * spent.window.count()));
  }
  hear(said, client_.execute_all_blocking(std::move(commands), Deadline::after(options_.patience)));
}

void RedisRateShare::hear(const std::vector<RateSpent>& said, const redis::Results& results) {
  const auto now = RateLimiter::Steady::now();
  int lost = 0;
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (!results[i] || results[i]->type != redis::Value::Type::integer) {
      ++lost;
      continue;
    }
    limiter_.learn(said[i], now + std::chrono::microseconds(results[i]->integer));
  }
  lost_.Increment(lost);
  said_.Increment(static_cast<double>(said.size()) - lost);
}

}  // namespace madang::http
