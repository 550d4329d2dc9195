// The recent posts of authors whose posts are pulled instead of pushed: one ring an author, shared
// by all followers' feeds. Internal to the store in memory. Thread-safe; lock order: shard, then
// rings.
//
// A feed that was built while its author was pulled has, from its snapshot, everything that existed
// then; the ring supplies what came later. So a ring begins empty, and when it loses posts early
// (it was full, or one came too late) the feeds built before are stale and are built anew.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "modules/social/feed_record.hpp"
#include "modules/social/feed_store.hpp"

namespace madang::social {

struct RingPost {
  Id post = 0;
  FeedSeconds created = 0;
};

class FeedRings {
 public:
  struct Bounds {
    std::size_t authors = 4'096;
    std::size_t posts = 2'048;  // an author
  };
  explicit FeedRings(Bounds bounds) : bounds_(bounds) {}

  /// Moves with every change of a policy.
  std::uint32_t epoch() const { return epoch_.load(); }
  FanOut policy(Id author) const;
  bool any() const { return count_.load(std::memory_order_relaxed) != 0; }

  bool begin_pull(Id author);
  /// The epoch in which the author began to be pulled; nothing when it is not turning.
  std::optional<std::uint32_t> turning_since(Id author) const;
  /// When the oldest post of the ring was made.
  std::optional<FeedSeconds> oldest(Id author) const;
  void complete_pull(Id author);
  void begin_push(Id author);

  bool add(const FeedPost& post, FeedSeconds now);
  bool remove(Id author, Id post);
  /// Drops what is over and rings that are empty and no longer pulled. Returns how many posts went.
  std::size_t sweep(FeedSeconds now);
  /// The clock was set back: feeds built before may miss what was swept too early.
  void distrust_all();

  std::size_t authors() const;
  std::size_t posts() const;
  std::size_t bytes() const;
  std::uint64_t overflows() const { return overflows_.load(std::memory_order_relaxed); }

 private:
  friend class FeedWalk;
  friend class RingsView;
  struct Ring {
    FanOut state = FanOut::turning;  // push: draining
    std::uint32_t since = 0;         // the epoch it began in
    std::uint32_t valid_from = 0;    // feeds built in an earlier epoch are stale
    std::vector<RingPost> posts;     // ascend
  };

  const Bounds bounds_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<Id, Ring> rings_;
  std::atomic<std::uint32_t> epoch_{1};
  std::atomic<std::size_t> count_{0};
  std::atomic<std::uint64_t> overflows_{0};
};

/// The rings held still for one reading.
class RingsView {
 public:
  explicit RingsView(const FeedRings& rings) : rings_(rings), lock_(rings.mutex_) {}

  std::uint32_t epoch() const { return rings_.epoch(); }
  std::span<const RingPost> posts(Id author) const;
  /// Whether the author's posts are (also) found here.
  bool pulled(Id author) const;
  /// The feed was built before one of its rings lost something: it must be built anew.
  bool stale(const FeedRecord& record) const;
  /// `inserted` of the post in this feed, when a ring of its authors has it.
  std::optional<FeedSeconds> inserted(const FeedRecord& record, Id post) const;

 private:
  const FeedRings& rings_;
  std::shared_lock<std::shared_mutex> lock_;
};

/// Walks a feed and its rings from the newest post down, each post once. The view must outlive it.
class FeedWalk {
 public:
  /// From the newest below `below` (0: from the very newest) to the record's covers_from.
  FeedWalk(const FeedRecord& record, const RingsView* rings, Id below);
  bool next(FeedItem& item);
  /// No fewer than there can be.
  std::size_t at_most() const { return at_most_; }

 private:
  struct Head {
    const RingPost* at;     // the newest not yet walked
    const RingPost* first;  // the oldest to walk
    FeedSeconds followed;
  };
  static bool older(const Head& a, const Head& b) { return a.at->post < b.at->post; }
  RingPost take_ring(FeedSeconds& inserted);

  std::span<const FeedEntry> entries_;
  std::size_t left_;
  std::size_t at_most_;
  std::vector<Head> heads_;  // a heap, the newest in front
};

}  // namespace madang::social
