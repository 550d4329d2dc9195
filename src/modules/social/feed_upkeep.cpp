#include <algorithm>
#include <chrono>

#include "modules/social/feed_shard.hpp"

namespace madang::social {

/// Makes a feed cold, and frees its slot unless marks wait there. Slots may move.
void MemoryFeedStore::forget(Shard& in, FeedRecord& record) {
  {
    const Shard::Tally tally(in, record);
    end_build(record);
    record.cool();
  }
  if (record.removable()) drop_slot(in, record);
}

void MemoryFeedStore::drop_slot(Shard& in, FeedRecord& record) {
  {
    const Shard::Tally tally(in, record);
    record.side.reset();
  }
  in.table.erase(record);
}

/// Second chance: the hand goes round all feeds and spares one that was read since it last passed,
/// once. No lock is held by the caller; whoever adds pays, one at a time.
void MemoryFeedStore::relieve() {
  const auto heavy = [this] {
    return weight_.load(std::memory_order_relaxed) > options_.max_entries;
  };
  if (!heavy()) return;
  const std::unique_lock lock(evicting_, std::try_to_lock);
  if (!lock) return;
  for (std::size_t shards = 0; heavy() && shards <= 2 * shard_count;) {
    if (!evict_from(shards_[evict_hand_ % shard_count])) continue;
    ++evict_hand_;
    ++shards;
  }
}

/// Some steps of the hand. True: it has come to the end of the shard.
bool MemoryFeedStore::evict_from(Shard& in) {
  constexpr std::size_t slots_at_once = 512;
  const Guard guard(*this, in);
  const std::size_t end = std::min(in.table.capacity(), in.evict_hand + slots_at_once);
  for (; in.evict_hand < end; ++in.evict_hand) {
    const std::size_t weight = weight_.load(std::memory_order_relaxed);
    if (weight - in.published + in.weight() <= options_.max_entries) return false;
    FeedRecord& record = in.table.slot(in.evict_hand);
    if (!record.warm() || std::exchange(record.referenced, false)) continue;
    ++in.counts.evictions;
    forget(in, record);
  }
  if (in.evict_hand < in.table.capacity()) return false;
  in.evict_hand = 0;
  return true;
}

std::size_t MemoryFeedStore::sweep(Time now, std::size_t budget) {
  const std::unique_lock lock(upkeep_, std::try_to_lock);
  if (!lock) return 0;
  const FeedSeconds at = FeedLife::seconds(now);
  follow_clock(at);
  measure_rates(std::chrono::steady_clock::now());
  std::size_t removed = rings_.sweep(at);
  for (std::size_t s = 0; s < shard_count && budget > 0; ++s)
    removed += sweep_shard(shards_[sweep_hand_ % shard_count], at, budget);
  relieve();
  return removed;
}

/// As far as the budget reaches; with the shard done, the hand moves to the next one.
std::size_t MemoryFeedStore::sweep_shard(Shard& in, FeedSeconds now, std::size_t& budget) {
  constexpr std::size_t slots_at_once = 512;  // bounds how long the lock is held
  std::size_t removed = 0;
  while (budget > 0) {
    const Guard guard(*this, in);
    const std::size_t end = std::min(in.table.capacity(), in.sweep_hand + slots_at_once);
    for (; in.sweep_hand < end && budget > 0; ++in.sweep_hand) {
      FeedRecord& record = in.table.slot(in.sweep_hand);
      if (record.user == 0) continue;
      --budget;
      removed += sweep_one(in, record, now);
    }
    if (in.sweep_hand < in.table.capacity()) continue;
    in.sweep_hand = 0;
    ++sweep_hand_;
    break;
  }
  return removed;
}

std::size_t MemoryFeedStore::sweep_one(Shard& in, FeedRecord& record, FeedSeconds now) {
  if (record.building()) {
    const auto started = std::chrono::steady_clock::time_point(
        std::chrono::nanoseconds(record.side->build->started));
    if (std::chrono::steady_clock::now() - started < options_.build_timeout) return 0;
    ++in.counts.builds_timed_out;
    forget(in, record);
    return 0;
  }
  if (!record.warm()) {
    if (record.removable()) drop_slot(in, record);
    return 0;
  }
  if (now >
      std::uint64_t(record.last_read) + static_cast<std::uint64_t>(options_.idle_life.count())) {
    const std::size_t size = record.size();
    ++in.counts.idle_drops;
    forget(in, record);
    return size;
  }
  const Shard::Tally tally(in, record);
  if (record.side && now > std::uint64_t(record.side->doubt_until) + FeedLife::grace)
    record.side->doubt_until = 0;
  const std::size_t removed = record.sweep(now);
  in.counts.swept_entries += removed;
  return removed;
}

/// What was swept while the clock stood ahead lives again when it is set back.
void MemoryFeedStore::follow_clock(FeedSeconds now) {
  if (std::uint64_t(now) + FeedLife::grace < now_) {
    ++clock_set_back_;
    rings_.distrust_all();
    invalidate_all();
  }
  now_ = now;
}

void MemoryFeedStore::measure_rates(std::chrono::steady_clock::time_point now) {
  const std::chrono::duration<double> passed = now - rated_at_;
  if (passed < std::chrono::seconds(1)) return;
  std::uint64_t reads = 0;
  std::uint64_t pushed = 0;
  for (std::size_t s = 0; s < shard_count; ++s) {
    const std::lock_guard lock(shards_[s].mutex);
    reads += shards_[s].counts.reads;
    pushed += shards_[s].counts.push_inserted;
  }
  if (rated_at_ != decltype(rated_at_){}) {
    smooth(reads_rate_, static_cast<double>(reads - rated_reads_) / passed.count(), 0.1);
    smooth(pushes_rate_, static_cast<double>(pushed - rated_pushes_) / passed.count(), 0.1);
  }
  rated_at_ = now;
  rated_reads_ = reads;
  rated_pushes_ = pushed;
}

}  // namespace madang::social
