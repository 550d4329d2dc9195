#include "modules/social/feed_store_memory.hpp"

#include <limits>

#include "modules/social/feed_shard.hpp"

namespace madang::social {

MemoryFeedStore::MemoryFeedStore(const MemoryFeedOptions& options)
    : options_(options), shards_(std::make_unique<Shard[]>(shard_count)), rings_(options.rings) {}

MemoryFeedStore::~MemoryFeedStore() = default;

Task<FeedPage> MemoryFeedStore::read(Deadline, Id viewer, FeedQuery query) {
  co_return read(viewer, query);
}

Task<> MemoryFeedStore::add_own(Deadline, FeedPost post) {
  const FeedFollower self{post.author, post.created_at};
  // No snapshot can know better than the transaction that has just made it.
  push(post, std::span(&self, 1), std::numeric_limits<std::uint64_t>::max());
  co_return;
}

Task<> MemoryFeedStore::erase(Deadline, Id viewer, Id post) {
  erase(viewer, post);
  co_return;
}

Task<> MemoryFeedStore::invalidate(Deadline, Id viewer) {
  invalidate(viewer);
  co_return;
}

Task<> MemoryFeedStore::mark_seen(Deadline, Id viewer, std::vector<Id> posts, Time now) {
  mark_seen(viewer, std::span<const Id>(posts), now);
  co_return;
}

Task<std::vector<FeedMark>> MemoryFeedStore::pending_marks(Deadline, Id viewer) {
  co_return pending_marks(viewer);
}

Task<std::expected<BuildTicket, BuildRefusal>> MemoryFeedStore::begin_build(Deadline, Id viewer) {
  co_return begin_build(viewer);
}

Task<BuildOutcome> MemoryFeedStore::finish_build(Deadline, BuildTicket ticket,
                                                 FeedSnapshot snapshot) {
  co_return finish_build(ticket, std::move(snapshot));
}

Task<> MemoryFeedStore::abandon_build(Deadline, BuildTicket ticket) {
  abandon_build(ticket);
  co_return;
}

void MemoryFeedStore::invalidate(std::span<const Id> viewers) {
  for (const Id viewer : viewers) invalidate(viewer);
}

void MemoryFeedStore::invalidate(Id viewer) {
  const std::uint64_t hash = FeedTable::hash(viewer);
  Shard& in = shard(hash);
  const Guard guard(*this, in);
  FeedRecord* const record = in.table.find(viewer, hash);
  if (record == nullptr) return;
  ++in.counts.invalidations;
  forget(in, *record);
}

void MemoryFeedStore::invalidate_all() {
  for (std::size_t s = 0; s < shard_count; ++s) {
    Shard& in = shards_[s];
    const Guard guard(*this, in);
    ++in.counts.invalidations;
    // Erasing moves later slots up; a slot that is looked at twice does no harm.
    for (std::size_t at = 0; at < in.table.capacity();) {
      FeedRecord& record = in.table.slot(at);
      const Id user = record.user;
      if (user != 0) forget(in, record);
      if (user == 0 || in.table.slot(at).user == user) ++at;
    }
  }
}

void MemoryFeedStore::erase(Id viewer, Id post) {
  const std::uint64_t hash = FeedTable::hash(viewer);
  Shard& in = shard(hash);
  const Guard guard(*this, in);
  FeedRecord* const record = in.table.find(viewer, hash);
  if (record == nullptr) return;
  if (record->building()) hold(in, *record, {.post = post, .erase = true});
  if (!record->warm() || post < record->covers_from) return;
  const Shard::Tally tally(in, *record);
  std::optional<FeedSeconds> in_ring;
  if (record->pulls() && rings_.any()) in_ring = RingsView(rings_).inserted(*record, post);
  FeedEntry* const entry = record->find(post);
  if (in_ring && entry != nullptr) {
    entry->arrive(*in_ring);
    entry->make_erased();
  } else if (in_ring && make_room(in, *record, post)) {
    record->insert(record->lower_bound(post), {post, *in_ring, 0}).make_erased();
  } else if (entry != nullptr) {
    record->erase(record->lower_bound(post));
  }
}

FeedStats MemoryFeedStore::stats() const {
  FeedStats sum;
  std::size_t memory = sizeof(*this);
  for (std::size_t s = 0; s < shard_count; ++s) {
    const Shard& in = shards_[s];
    const std::lock_guard lock(in.mutex);
    sum.warm += in.warm;
    sum.slots += in.table.used();
    sum.entries += in.entries;
    // The allocator adds 8 bytes and rounds up to 16.
    memory += sizeof(Shard) + in.table.capacity() * sizeof(FeedRecord) +
              in.room * sizeof(FeedEntry) + in.arrays * 16 + in.sides * (sizeof(FeedSide) + 16) +
              in.pulled * sizeof(FeedPulled) + in.unsaved.size() * sizeof(Id);
    for (const auto counter :
         {&FeedStats::reads, &FeedStats::cold_reads, &FeedStats::below_coverage_reads,
          &FeedStats::push_inserted, &FeedStats::push_skipped, &FeedStats::push_doubtful,
          &FeedStats::builds, &FeedStats::builds_void, &FeedStats::builds_refused,
          &FeedStats::builds_timed_out, &FeedStats::pending_overflows, &FeedStats::trims,
          &FeedStats::invalidations, &FeedStats::evictions, &FeedStats::idle_drops,
          &FeedStats::swept_entries, &FeedStats::marks, &FeedStats::marks_dropped})
      sum.*counter += in.counts.*counter;
  }
  sum.building = builds_;
  sum.pushes = pushes_;
  sum.unsaved_marks = unsaved_;
  sum.clock_set_back = clock_set_back_;
  sum.pulled_authors = rings_.authors();
  sum.pulled_posts = rings_.posts();
  sum.ring_overflows = rings_.overflows();
  sum.bytes = memory + rings_.bytes() + sum.unsaved_marks * sizeof(FeedMark);
  sum.costs = {.push_ns_per_follower = push_ns_,
               .pull_ns_per_author = pull_ns_,
               .reads_per_second = reads_rate_,
               .pushes_per_second = pushes_rate_};
  return sum;
}

}  // namespace madang::social
