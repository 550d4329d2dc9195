// A 64th of all feeds under one lock. Internal to the store in memory.
#pragma once

#include <deque>
#include <mutex>

#include "modules/social/feed_store_memory.hpp"

namespace madang::social {

struct alignas(64) MemoryFeedStore::Shard {
  mutable std::mutex mutex;  // guards all below
  FeedTable table;
  std::deque<Id> unsaved;  // viewers with unsaved marks, each once (FeedSide::queued)
  std::size_t warm = 0, entries = 0, room = 0, arrays = 0, sides = 0, pulled = 0;
  std::size_t evict_hand = 0, sweep_hand = 0;
  FeedStats counts;           // only its counters of events
  std::size_t published = 0;  // what weight_ knows of this shard

  std::size_t weight() const { return entries + warm * feed_weight; }

  /// Keeps the shard's sums right over a change of one record (which must not move meanwhile).
  class Tally {
   public:
    Tally(Shard& in, const FeedRecord& record) : in_(in), record_(record) {
      add(std::size_t(0) - 1);
    }
    ~Tally() { add(1); }
    Tally(const Tally&) = delete;
    Tally& operator=(const Tally&) = delete;

   private:
    void add(std::size_t sign) {  // modulo arithmetic: minus one takes away
      in_.warm += sign * (record_.warm() ? 1 : 0);
      in_.entries += sign * record_.size();
      in_.room += sign * record_.capacity();
      in_.arrays += sign * (record_.capacity() != 0 ? 1 : 0);
      in_.sides += sign * (record_.side ? 1 : 0);
      in_.pulled += sign * (record_.side ? record_.side->pulled.capacity() : 0);
    }
    Shard& in_;
    const FeedRecord& record_;
  };
};

/// Holds a shard's lock; tells the store the shard's new weight when it lets go.
class MemoryFeedStore::Guard {
 public:
  Guard(MemoryFeedStore& store, Shard& in) : store_(store), in_(in), lock_(in.mutex) {}
  ~Guard() {
    const std::size_t weight = in_.weight();
    if (weight == in_.published) return;
    store_.weight_.fetch_add(weight - in_.published, std::memory_order_relaxed);
    in_.published = weight;
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  MemoryFeedStore& store_;
  Shard& in_;
  std::lock_guard<std::mutex> lock_;
};

inline MemoryFeedStore::Shard& MemoryFeedStore::shard(std::uint64_t hash) const {
  return shards_[hash >> (64 - shard_bits)];
}

/// An exponentially weighted mean; the first value counts whole.
inline void smooth(std::atomic<double>& mean, double value, double share) {
  const double old = mean.load(std::memory_order_relaxed);
  mean.store(old == 0 ? value : old + share * (value - old), std::memory_order_relaxed);
}

}  // namespace madang::social
