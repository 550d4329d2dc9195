// One person's feed in memory, and the table that finds it. Internal to the store in memory.
//
// AN ENTRY TAKES 16 BYTES: 8 for the post's id (53 bits) and two flags, 4 for `inserted` and 4 for
// `first_seen` in seconds. Both times are needed to judge a life as of any moment; microseconds
// would double them without moving an end by more than a second, and an author or a rank is nowhere
// needed because the order is the id's. A feed adds one 64-byte slot (one cache line; the table is
// between a third and 0.7 full, so 91 to 190 bytes a feed), 16 bytes of the allocator's, and the
// growth room of its array (at most half). A million feeds of 40 entries: 870 bytes a feed,
// 21.8 bytes an entry (measured).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "modules/social/feed_life.hpp"
#include "modules/social/feed_marks.hpp"

namespace madang::social {

class FeedEntry {
 public:
  FeedEntry() = default;
  FeedEntry(Id post, FeedSeconds inserted, FeedSeconds first_seen)
      : word_(static_cast<std::uint64_t>(post)), inserted(inserted), first_seen(first_seen) {}

  Id post() const { return static_cast<Id>(word_ & static_cast<std::uint64_t>(max_id)); }

  /// A view of a post that has not arrived yet; not served until it does.
  bool view_only() const { return (word_ & view_only_bit) != 0; }
  void make_view_only() { word_ |= view_only_bit; }
  void arrive(FeedSeconds at) {
    word_ &= ~view_only_bit;
    inserted = at;
  }

  /// Deleted, but still in a pulled author's ring; hides it there.
  bool erased() const { return (word_ & erased_bit) != 0; }
  void make_erased() { word_ |= erased_bit; }

 private:
  static constexpr std::uint64_t view_only_bit = std::uint64_t(1) << 53;
  static constexpr std::uint64_t erased_bit = std::uint64_t(1) << 54;
  std::uint64_t word_ = 0;

 public:
  FeedSeconds inserted = 0;
  FeedSeconds first_seen = 0;
};
static_assert(sizeof(FeedEntry) == 16);

/// What arrives while a feed is being built.
struct FeedPending {
  Id post = 0;
  FeedSeconds created = 0;
  FeedSeconds inserted = 0;
  bool erase = false;
  std::uint64_t read_seq = 0;
};

struct FeedBuild {
  std::uint64_t number = 0;
  std::uint32_t epoch = 0;    // of the policies when it began
  std::int64_t started = 0;   // steady nanoseconds
  FeedSeconds last_cold = 0;  // when the last list was begun (from SQL) meanwhile
  std::vector<FeedPending> pending{};
  std::vector<FeedMark> saved{};  // saved meanwhile: the snapshot may have been read before
};

struct FeedPulled {
  Id author = 0;
  FeedSeconds followed = 0;
};

/// What most feeds have none of.
struct FeedSide {
  std::vector<FeedMark> unsaved;
  std::vector<FeedMark> saving;  // handed out, not yet reported as saved
  std::vector<FeedPulled> pulled;
  std::unique_ptr<FeedBuild> build;
  bool queued = false;  // in the shard's queue of viewers with unsaved marks
  /// Lists begun from SQL between the snapshot and the end of the build, until then: they may have
  /// posts that are newer than the snapshot and have not been pushed yet. They stay with SQL.
  FeedSeconds doubt_from = 0, doubt_until = 0;

  bool idle() const {
    return unsaved.empty() && saving.empty() && pulled.empty() && !build && doubt_until == 0;
  }
};

/// Entries ascend by post. All of the feed's posts from `covers_from` on that are not over are
/// here, except those that only a pulled author's ring has.
class alignas(64) FeedRecord {
 public:
  enum class State : std::uint8_t { cold, warm };  // being built: cold with side->build

  Id user = 0;  // 0: a free slot
  std::unique_ptr<FeedSide> side;
  std::uint64_t snapshot_seq = 0;
  Id covers_from = 0;
  std::uint32_t epoch = 0;  // of the policies when it was built
  FeedSeconds cleared = 0;  // what was over at this moment may be gone
  FeedSeconds last_read = 0;
  State state = State::cold;
  bool referenced = false;  // read since the evicting hand passed

  bool warm() const { return state == State::warm; }
  bool building() const { return side && side->build; }
  bool pulls() const { return side && !side->pulled.empty(); }
  bool removable() const { return state == State::cold && (!side || side->idle()); }
  FeedSide& with_side();
  void drop_idle_side();

  std::span<FeedEntry> entries() { return {entries_.get(), size_}; }
  std::span<const FeedEntry> entries() const { return {entries_.get(), size_}; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  /// The last entry and the place after it, which may be in the next cache line.
  void prefetch_tail() const {
    if (size_ == 0) return;
    const FeedEntry* const end = entries_.get() + size_;
    __builtin_prefetch(end - 1, 1);
    __builtin_prefetch(end, 1);
  }

  /// The first entry whose post is `post` or larger.
  std::size_t lower_bound(Id post) const;
  FeedEntry* find(Id post);
  /// The newest entry is older than `post`.
  bool appends(Id post) const {
    return size_ == 0 ? post >= covers_from : entries_[size_ - 1].post() < post;
  }
  FeedEntry& insert(std::size_t at, FeedEntry entry);
  void append(FeedEntry entry) {
    if (size_ == capacity_) grow();
    entries_[size_++] = entry;
  }
  void erase(std::size_t at);
  void drop_oldest(std::size_t count);
  /// Copies with a little room to grow.
  void assign(std::span<const FeedEntry> entries);
  /// Back to cold: entries and pulled authors go, a build is void; marks stay.
  void cool();
  /// Removes what no list begun within the grace can need. A feed that merges rings keeps what was
  /// seen until it would have ended unseen: the ring still has the post and knows no views.
  std::size_t sweep(FeedSeconds now);
  bool spent(const FeedEntry& entry, FeedSeconds now) const;

 private:
  void grow();

  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  std::unique_ptr<FeedEntry[]> entries_;
};
static_assert(sizeof(FeedRecord) == 64, "one cache line");

/// Open addressing with linear probing, at most 0.7 full. Slots move when one is added or erased.
class FeedTable {
 public:
  static std::uint64_t hash(Id user);

  FeedRecord* find(Id user, std::uint64_t hash);
  FeedRecord& find_or_add(Id user, std::uint64_t hash);
  void erase(FeedRecord& record);
  void prefetch(std::uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & mask_], 1);
  }
  std::size_t used() const { return used_; }
  std::size_t capacity() const { return slots_.size(); }
  FeedRecord& slot(std::size_t index) { return slots_[index]; }

 private:
  void grow();

  std::vector<FeedRecord> slots_;
  std::uint64_t mask_ = 0;
  std::size_t used_ = 0;
};

}  // namespace madang::social
