#include "platform/http/rate_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <functional>

namespace madang::http {

using std::chrono::ceil;
using std::chrono::seconds;

RateLimiter::RateLimiter(std::size_t max_keys, metrics::Registry& registry)
    : max_per_shard_(std::max<std::size_t>(max_keys / shards, 1)),
      keys_(registry.gauge("madang_rate_keys", "Rate limit keys remembered")),
      refused_(registry.counter("madang_rate_limited_total", "Requests refused by a rate limit")),
      forgotten_(registry.counter("madang_rate_keys_forgotten_total",
                                  "Rate limit keys dropped at the bound while still in use")) {}

RateVerdict RateLimiter::take(const RatePolicy& policy, std::string_view key,
                              Steady::time_point now) {
  const auto window = std::chrono::duration_cast<Steady::duration>(policy.window);
  const auto interval = window / std::max<std::int64_t>(policy.quota, 1);
  const std::uint64_t hash = hash_of(policy, key);
  Shard& shard = shard_of(hash);
  const std::lock_guard lock(shard.mutex);
  if (shard.full_at.size() >= max_per_shard_) make_room(shard, now);
  const auto [entry, is_new] = shard.full_at.try_emplace(hash);
  if (is_new) keys_.Increment();
  auto& full_at = entry->second;
  const auto next = std::max(full_at, now) + interval;
  if (next > now + window) {
    refused_.Increment();
    return {.allowed = false,
            .remaining = 0,
            .reset = std::max(ceil<seconds>(next - now - window), seconds(1))};
  }
  full_at = next;
  if (shared_.load(std::memory_order_relaxed)) remember(shard, hash, interval, window);
  return {.allowed = true,
          .remaining = (now + window - next) / interval,
          .reset = ceil<seconds>(next - now)};
}

/// Under the shard's lock.
void RateLimiter::remember(Shard& shard, std::uint64_t hash, Steady::duration interval,
                           Steady::duration window) const {
  if (shard.unsaid.size() >= max_per_shard_ && !shard.unsaid.contains(hash)) return;
  using std::chrono::microseconds;
  RateSpent& spent = shard.unsaid[hash];
  spent.key = hash;
  spent.interval = std::max(ceil<microseconds>(interval), microseconds(1));
  spent.window = ceil<microseconds>(window);
  ++spent.count;
}

std::vector<RateSpent> RateLimiter::take_unsaid(std::size_t max) {
  std::vector<RateSpent> out;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    while (!shard.unsaid.empty() && out.size() < max) {
      out.push_back(shard.unsaid.begin()->second);
      shard.unsaid.erase(shard.unsaid.begin());
    }
  }
  return out;
}

void RateLimiter::learn(const RateSpent& said, Steady::time_point full_at) {
  Shard& shard = shard_of(said.key);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.full_at.find(said.key);
  if (known == shard.full_at.end()) return;  // forgotten meanwhile
  if (const auto since = shard.unsaid.find(said.key); since != shard.unsaid.end()) {
    full_at += since->second.interval * since->second.count;
  }
  known->second = std::max(known->second, full_at);
}

void RateLimiter::make_room(Shard& shard, Steady::time_point now) {
  const auto whole =
      std::erase_if(shard.full_at, [now](const auto& entry) { return entry.second <= now; });
  keys_.Decrement(static_cast<double>(whole));
  if (shard.full_at.size() < max_per_shard_) return;
  // Everything is in use: drop a quarter, whichever comes first, so that this is rare.
  auto at = shard.full_at.begin();
  for (std::size_t i = 0; i < max_per_shard_ / 4 + 1 && at != shard.full_at.end(); ++i) {
    at = shard.full_at.erase(at);
    forgotten_.Increment();
    keys_.Decrement();
  }
}

std::uint64_t RateLimiter::hash_of(const RatePolicy& policy, std::string_view key) {
  return std::hash<std::string_view>()(key) * 31 + std::hash<std::string_view>()(policy.name);
}

std::string address_key(std::string_view address) {
  in6_addr bytes{};
  if (address.find(':') == address.npos ||
      inet_pton(AF_INET6, std::string(address).c_str(), &bytes) != 1)
    return std::string(address);
  return std::string(reinterpret_cast<const char*>(&bytes), 8);
}

}  // namespace madang::http
