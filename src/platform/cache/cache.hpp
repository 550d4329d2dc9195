// A bounded cache in process that is never stale after a write: look-aside on read, forgotten on
// write. What a reader loaded before a write was acknowledged cannot get in after it: put() is
// given the ticket that was taken before loading, and erase() makes tickets of that key worthless.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "platform/metrics/metrics.hpp"

namespace madang::cache {

/// Thread-safe. Values are shared and immutable. At the bound the oldest that is not in use goes.
template <class Key, class Value>
class Cache {
 public:
  using Shared = std::shared_ptr<const Value>;
  using Ticket = std::uint64_t;

  Cache(std::string name, std::size_t capacity, metrics::Registry& registry)
      : per_shard_(capacity / shards + 1),
        hits_(registry.counter("madang_cache_hits_total", "Found in the cache", {{"cache", name}})),
        misses_(registry.counter("madang_cache_misses_total", "Not found in the cache",
                                 {{"cache", name}})),
        size_(registry.gauge("madang_cache_entries", "Entries in the cache", {{"cache", name}})) {}

  Shared get(const Key& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.map.find(key);
    if (found == shard.map.end()) {
      misses_.Increment();
      return nullptr;
    }
    hits_.Increment();
    found->second.used = true;
    return found->second.value;
  }

  /// Take it before reading what put() will be given.
  Ticket ticket(const Key& key) { return epoch_of(key).load(std::memory_order_acquire); }

  void put(const Key& key, Shared value, Ticket ticket) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    if (epoch_of(key).load(std::memory_order_acquire) != ticket) return;
    if (const auto found = shard.map.find(key); found != shard.map.end()) {
      found->second.value = std::move(value);
      return;
    }
    if (shard.map.size() >= per_shard_) evict(shard);
    const auto place = shard.order.insert(shard.order.end(), key);
    shard.map.emplace(key, Entry{std::move(value), false, place});
    size_.Increment();
  }

  /// After a commit and before it is answered.
  void erase(const Key& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    epoch_of(key).fetch_add(1, std::memory_order_acq_rel);
    if (const auto found = shard.map.find(key); found != shard.map.end()) remove(shard, found);
  }

  /// erase() for all entries that `doomed(key, value)` names, wherever they are. Slow; for rare
  /// events.
  template <class Doomed>
  void erase_if(Doomed doomed) {
    for (auto& epoch : epochs_) epoch.fetch_add(1, std::memory_order_acq_rel);
    for (Shard& shard : shards_) {
      const std::lock_guard lock(shard.mutex);
      for (auto at = shard.map.begin(); at != shard.map.end();)
        at = doomed(at->first, *at->second.value) ? remove(shard, at) : std::next(at);
    }
  }

 private:
  static constexpr std::size_t shards = 32;
  static constexpr std::size_t epochs = 4096;
  struct Entry {
    Shared value;
    bool used = false;
    typename std::list<Key>::iterator place{};
  };
  using Map = std::unordered_map<Key, Entry>;
  struct Shard {
    std::mutex mutex;
    Map map;
    std::list<Key> order;  // oldest first
  };

  static std::size_t hash(const Key& key) {
    return std::hash<Key>()(key) * 0x9E3779B97F4A7C15ULL >> 20U;
  }
  Shard& shard_of(const Key& key) { return shards_[hash(key) % shards]; }
  std::atomic<std::uint64_t>& epoch_of(const Key& key) { return epochs_[hash(key) % epochs]; }

  typename Map::iterator remove(Shard& shard, typename Map::iterator at) {
    shard.order.erase(at->second.place);
    size_.Decrement();
    return shard.map.erase(at);
  }

  /// What was used since it was last looked at gets a second chance.
  void evict(Shard& shard) {
    for (;;) {
      const auto oldest = shard.map.find(shard.order.front());
      if (!std::exchange(oldest->second.used, false)) {
        remove(shard, oldest);
        return;
      }
      shard.order.splice(shard.order.end(), shard.order, shard.order.begin());
    }
  }

  const std::size_t per_shard_;
  metrics::Counter& hits_;
  metrics::Counter& misses_;
  metrics::Gauge& size_;
  std::array<Shard, shards> shards_;
  std::array<std::atomic<std::uint64_t>, epochs> epochs_{};
};

}  // namespace madang::cache
