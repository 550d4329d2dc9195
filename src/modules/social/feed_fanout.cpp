#include <algorithm>
#include <array>
#include <chrono>

#include "modules/social/feed_shard.hpp"

namespace madang::social {

/// A follower on the way to a shard.
struct MemoryFeedStore::Target {
  std::uint64_t hash;
  Id user;
  FeedSeconds inserted;
};

namespace {
constexpr std::size_t batch = 16'384;     // bounds the scratch memory of one call (400 KB a thread)
constexpr std::size_t measure_from = 64;  // fewer followers say little about the cost of one
}  // namespace

/// Sorts the followers by shard (counting sort), so that each lock is taken once a batch.
template <class Apply>
void MemoryFeedStore::visit(std::span<const FeedFollower> followers, Time created_at,
                            const Apply& apply) {
  thread_local std::vector<Target> sorted;
  const FeedSeconds created = FeedLife::seconds(created_at);
  const auto target = [&](const FeedFollower& follower) {
    const bool late = follower.followed_at > created_at;
    return Target{FeedTable::hash(follower.user), follower.user,
                  late ? FeedLife::seconds(follower.followed_at) : created};
  };
  if (followers.size() == 1) {  // as everybody's own post
    const Target one = target(followers.front());
    visit_shard(shard(one.hash), {&one, 1}, apply);
    return relieve();
  }
  while (!followers.empty()) {
    const auto part = followers.first(std::min(batch, followers.size()));
    followers = followers.subspan(part.size());
    sorted.resize(std::max(sorted.size(), part.size()));
    std::array<std::size_t, shard_count + 1> begin{};
    for (const FeedFollower& f : part) ++begin[(FeedTable::hash(f.user) >> (64 - shard_bits)) + 1];
    for (std::size_t s = 0; s < shard_count; ++s) begin[s + 1] += begin[s];
    auto next = begin;
    for (const FeedFollower& f : part) {
      const Target one = target(f);
      sorted[next[one.hash >> (64 - shard_bits)]++] = one;
    }
    for (std::size_t s = 0; s < shard_count; ++s) {
      const auto targets = std::span(sorted).subspan(begin[s], begin[s + 1] - begin[s]);
      if (!targets.empty()) visit_shard(shards_[s], targets, apply);
    }
    relieve();
  }
}

/// A feed costs two cache misses, its slot and the end of its entries: both are asked for ahead.
template <class Apply>
void MemoryFeedStore::visit_shard(Shard& in, std::span<const Target> targets, const Apply& apply) {
  constexpr std::size_t slot_ahead = 16;
  constexpr std::size_t tail_ahead = 8;
  const Guard guard(*this, in);
  std::array<FeedRecord*, 2 * tail_ahead> found{};
  for (std::size_t i = 0; i < std::min(slot_ahead, targets.size()); ++i)
    in.table.prefetch(targets[i].hash);
  for (std::size_t i = 0; i < targets.size() + tail_ahead; ++i) {
    if (i + slot_ahead < targets.size()) in.table.prefetch(targets[i + slot_ahead].hash);
    if (i < targets.size()) {
      FeedRecord* const record = in.table.find(targets[i].user, targets[i].hash);
      found[i % found.size()] = record;
      if (record != nullptr) record->prefetch_tail();
    }
    if (i >= tail_ahead) apply(in, found[(i - tail_ahead) % found.size()], targets[i - tail_ahead]);
  }
}

PushReport MemoryFeedStore::push(const FeedPost& post, std::span<const FeedFollower> followers,
                                 std::uint64_t read_seq) {
  const auto since = std::chrono::steady_clock::now();
  const FeedSeconds created = FeedLife::seconds(post.created_at);
  PushReport report;
  visit(followers, post.created_at, [&](Shard& in, FeedRecord* record, const Target& target) {
    if (record == nullptr)
      ++report.cold;
    else
      push_one(
          in, *record,
          {.post = post.id, .created = created, .inserted = target.inserted, .read_seq = read_seq},
          report);
  });
  ++pushes_;
  {
    Shard& in = shards_[static_cast<std::size_t>(post.id) % shard_count];
    const std::lock_guard lock(in.mutex);
    in.counts.push_inserted += report.inserted;
    in.counts.push_skipped += report.skipped;
  }
  if (followers.size() >= measure_from) {
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - since;
    smooth(push_ns_, took.count() / static_cast<double>(followers.size()), 0.1);
  }
  return report;
}

void MemoryFeedStore::push_one(Shard& in, FeedRecord& record, const FeedPending& post,
                               PushReport& report) {
  if (!record.warm()) {
    ++(record.building() && hold(in, record, post) ? report.pending : report.cold);
    return;
  }
  if (record.snapshot_seq >= post.read_seq) {
    ++report.skipped;
    return;
  }
  const std::size_t always_room = options_.limits.max_live + options_.limits.slack;
  const bool young = std::uint64_t(post.created) + FeedLife::seen_life > record.cleared;
  if (!young || record.size() >= always_room || !record.appends(post.post))
    return push_late(in, record, post, report);
  const std::size_t room = record.capacity();
  record.append({post.post, post.inserted, 0});
  ++in.entries;
  in.room += record.capacity() - room;
  ++report.inserted;
}

void MemoryFeedStore::push_late(Shard& in, FeedRecord& record, const FeedPending& post,
                                PushReport& report) {
  const Shard::Tally tally(in, record);
  FeedEntry* const known = record.find(post.post);
  if ((known != nullptr && !known->view_only()) || post.post < record.covers_from ||
      FeedLife::over(post.inserted, 0, record.cleared)) {
    ++report.skipped;
    return;
  }
  // So late that it may have been seen before (if only before a later follow), and its entry left
  // out or swept.
  if (std::uint64_t(post.created) + FeedLife::seen_life <= record.cleared) {
    drop_in_doubt(in, record);
    ++report.cold;
    return;
  }
  if (known != nullptr) {
    known->arrive(post.inserted);
    ++report.inserted;
    return;
  }
  if (!make_room(in, record, post.post)) {
    ++report.skipped;
    return;
  }
  record.insert(record.lower_bound(post.post), {post.post, post.inserted, 0});
  ++report.inserted;
}

/// Called under a Tally: the slot stays, so that records do not move; the sweeper clears it away.
void MemoryFeedStore::drop_in_doubt(Shard& in, FeedRecord& record) {
  ++in.counts.push_doubtful;
  record.cool();
}

bool MemoryFeedStore::hold(Shard& in, FeedRecord& record, const FeedPending& post) {
  std::vector<FeedPending>& pending = record.side->build->pending;
  if (pending.size() < options_.max_pending) {
    pending.push_back(post);
    return true;
  }
  ++in.counts.pending_overflows;
  ++in.counts.builds_void;
  end_build(record);
  return false;
}

/// Room for one entry more, under a Tally. False: the feed does not reach down to that post.
bool MemoryFeedStore::make_room(Shard& in, FeedRecord& record, Id post) const {
  const std::size_t kept_over = record.pulls() ? 2 : 1;  // entries that are over but still needed
  const std::size_t most = kept_over * (options_.limits.max_live + 2 * options_.limits.slack);
  if (record.size() >= most) record.sweep(std::max(record.cleared, now_.load()));
  if (record.size() >= most) {
    const std::size_t count = std::max<std::size_t>(1, options_.limits.slack);
    record.covers_from = record.entries()[count - 1].post() + 1;
    record.drop_oldest(count);
    ++in.counts.trims;
  }
  return post >= record.covers_from;
}

std::size_t MemoryFeedStore::remove(const FeedPost& post, std::span<const FeedFollower> followers) {
  std::size_t removed = 0;
  if (rings_.remove(post.author, post.id)) ++removed;
  visit(followers, post.created_at, [&](Shard& in, FeedRecord* record, const Target&) {
    if (record == nullptr) return;
    if (record->building()) hold(in, *record, {.post = post.id, .erase = true});
    if (!record->warm() || record->find(post.id) == nullptr) return;
    const Shard::Tally tally(in, *record);
    record->erase(record->lower_bound(post.id));
    ++removed;
  });
  return removed;
}

void MemoryFeedStore::complete_pull(Id author, std::span<const FeedFollower> followers) {
  const auto since = rings_.turning_since(author);
  if (!since) return;
  const auto oldest = rings_.oldest(author);
  visit(followers, Time{}, [&](Shard& in, FeedRecord* record, const Target& target) {
    // Feeds that began to be built after the turn know the author from their snapshot.
    if (record == nullptr || !record->warm() || record->epoch >= *since) return;
    const Shard::Tally tally(in, *record);
    std::vector<FeedPulled>& pulled = record->with_side().pulled;
    if (std::ranges::find(pulled, author, &FeedPulled::author) != pulled.end()) return;
    // It may have swept a seen post that is in the ring, where it would come back unseen.
    if (oldest && std::uint64_t(*oldest) + FeedLife::seen_life <= record->cleared)
      return drop_in_doubt(in, *record);
    pulled.push_back({author, target.inserted});
  });
  rings_.complete_pull(author);
}

}  // namespace madang::social
