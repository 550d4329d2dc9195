// Port: the live part of every home feed, kept near at hand. It is a cache of what SQL says and
// never the only copy: whenever it cannot answer exactly it says so, and the caller serves that
// page from SQL. Every call may come from any thread. What requests ask for are coroutines that
// answer by their deadline or sooner, by name when they cannot; what blocks is for threads of ours.
//
// ONE LIST. A list is begun at a moment T and judged as of T (feed_life.hpp): the live posts of
// those the viewer follows and the viewer's own by id, newest first, then all the others, newest
// first. Live are at most the newest `max_live` of the live ones; if there are that many when the
// list is begun, the smallest of their ids becomes the list's floor, and from then on a post is
// live when it is live as of T and its id is not below the floor. The page after `last` holds
// smaller ids only: a post that is committed late with a smaller id can still appear further down,
// none appears twice, and none that was there at T is missed.
//
// COUNTING BEFORE FILTERING. The store knows no blocks, mutes or hidden posts; the caller filters
// what it has loaded, and asks again below the last item until its page is full. Deleted posts are
// taken out by remove(); one that is met on a page before that, or that no event told of, by
// erase(). Only posts that never come back are erased: nothing would bring them into the feed
// again.
//
// THE VIEWER'S OWN CHANGES. After a follow or an unfollow is committed and before it is answered,
// the caller calls invalidate(viewer). After a post is committed and before it is answered, the
// caller calls add_own(), so that it is in the author's own feed at once; the fan-out pushes it
// there too, whatever the author's policy is. Neither fails: a store that cannot do it now does not
// answer for that feed here until it has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/task.hpp"
#include "modules/social/feed_life.hpp"
#include "modules/social/feed_marks.hpp"

namespace madang::social {

enum class FeedPart : std::uint8_t { live, archive };

/// Where a list goes on: below `last` in `part`.
struct FeedCursor {
  FeedPart part = FeedPart::live;
  Id last = 0;
  Time begun{};
  Id floor = 0;           // 0: fewer than max_live were live when the list was begun
  bool from_sql = false;  // its first page came from SQL; of a list that is still in its live part
  bool operator==(const FeedCursor&) const = default;
};

/// Bounds that decide what a page holds: SQL must use the same.
struct FeedLimits {
  std::size_t max_live = 1'000;
  /// How many more a snapshot brings, so that the record can answer for a while as posts end.
  std::size_t slack = 250;
};

struct FeedItem {
  Id post = 0;
  FeedSeconds inserted = 0;
  FeedSeconds first_seen = 0;  // 0: not seen
  bool operator==(const FeedItem&) const = default;
};

/// A page of the live part.
struct FeedQuery {
  Time begun{};  // T: now for a first page, from the cursor otherwise
  Id below = 0;  // 0: the first page
  Id floor = 0;  // from the cursor; a first page finds its own
  std::size_t limit = 20;
  /// From the cursor. Such a list may have begun with posts that the store does not have yet.
  bool from_sql = false;
};

enum class FeedAnswer : std::uint8_t {
  page,
  cold,            // not here: serve this page from SQL and have the feed rebuilt
  below_coverage,  // here, but not for this page (too deep, or begun too long ago): SQL
  unreachable,     // the store does not answer for this feed: SQL, and the answer says so
};

struct FeedPage {
  FeedAnswer answer = FeedAnswer::cold;
  std::vector<FeedItem> items{};
  bool more_live = false;  // false: the archive follows
  Id floor = 0;            // for the cursor
};

struct FeedFollower {
  Id user = 0;
  Time followed_at{};
};

struct FeedFollow {
  Id author = 0;
  Time followed_at{};
};

struct FeedPost {
  Id id = 0;
  Id author = 0;
  Time created_at{};
};

struct BuildTicket {
  Id viewer = 0;
  std::uint64_t number = 0;
};

enum class BuildRefusal : std::uint8_t {
  already_warm,
  already_building,
  too_many_builds,
  too_early,  // the store has just changed hands
  unreachable,
};

enum class BuildOutcome : std::uint8_t {
  warm,
  void_ticket,  // something happened meanwhile that the snapshot may not contain: build anew
};

/// What SQL says, read in ONE transaction that was begun after begin_build().
struct FeedSnapshot {
  /// The newest posts of the feed that are not FeedLife::over() as of taken_at (FeedCollector finds
  /// them), whatever the policy of their authors is; `first_seen` is ignored.
  std::vector<FeedItem> items;
  /// 0 when no post was left out; otherwise everything with this id or a larger one is in `items`.
  Id covers_from = 0;
  std::vector<FeedMark> marks;      // as stored for this viewer
  std::vector<FeedFollow> follows;  // all, or only those whose policy() is not push
  std::uint64_t seq = 0;            // the last event visible to the transaction
  Time taken_at{};
};

struct PushReport {
  std::size_t inserted = 0;  // feeds that have it now and had not before
  std::size_t pending = 0;   // feeds being built: kept until they are
  std::size_t skipped = 0;   // feeds in memory that had it, or whose snapshot knew better
  std::size_t cold = 0;      // not in memory (or dropped now, in doubt)
};

/// How an author's posts reach the followers. `turning`: into the author's ring and pushed as well,
/// while the feeds that were built before are being told.
enum class FanOut : std::uint8_t { push, turning, pull };

struct UnsavedMarks {
  Id viewer = 0;
  std::vector<FeedMark> marks;
};

struct FeedCosts {
  double push_ns_per_follower = 0;  // 0: not measured yet
  double pull_ns_per_author = 0;    // for each pulled author merged into one page
  double reads_per_second = 0;
  double pushes_per_second = 0;  // followers reached
};

struct FeedStats {
  std::size_t warm = 0, building = 0, slots = 0, entries = 0, bytes = 0;
  std::size_t pulled_authors = 0, pulled_posts = 0, unsaved_marks = 0;
  std::uint64_t reads = 0, cold_reads = 0, below_coverage_reads = 0;
  std::uint64_t pushes = 0, push_inserted = 0, push_skipped = 0, push_doubtful = 0;
  std::uint64_t builds = 0, builds_void = 0, builds_refused = 0, builds_timed_out = 0;
  std::uint64_t pending_overflows = 0, trims = 0, ring_overflows = 0;
  std::uint64_t invalidations = 0, evictions = 0, idle_drops = 0, swept_entries = 0;
  std::uint64_t marks = 0, marks_dropped = 0, clock_set_back = 0;
  std::uint64_t unreachable_reads = 0;
  std::size_t owed = 0;  // feeds whose change the store has not taken yet
  FeedCosts costs;
};

class FeedStore {
 public:
  virtual ~FeedStore() = default;

  virtual FeedLimits limits() const = 0;

  // --- For requests: coroutines. A deadline that has passed asks for what is known without
  // waiting.

  virtual Task<FeedPage> read(Deadline deadline, Id viewer, FeedQuery query) = 0;
  /// The author's own post, into the author's feed.
  virtual Task<> add_own(Deadline deadline, FeedPost post) = 0;
  /// The viewer's feed named a post that is deleted for good.
  virtual Task<> erase(Deadline deadline, Id viewer, Id post) = 0;
  /// The viewer follows others now.
  virtual Task<> invalidate(Deadline deadline, Id viewer) = 0;
  /// Only the first view counts. Views are kept until they are saved, also for feeds that are cold;
  /// beyond the bounds they are dropped and counted. `now`: not before the moment at which the list
  /// was begun. A post that has been in the archive for longer than a week need not be named.
  virtual Task<> mark_seen(Deadline deadline, Id viewer, std::vector<Id> posts, Time now) = 0;
  /// Views that are not saved yet, in any order, for merge_feed_marks(). Ask BEFORE the transaction
  /// that reads the stored marks begins: whatever is saved in between is then in both.
  virtual Task<std::vector<FeedMark>> pending_marks(Deadline deadline, Id viewer) = 0;

  // --- Building. The ticket is void as soon as something happens that the snapshot may miss.

  virtual Task<std::expected<BuildTicket, BuildRefusal>> begin_build(Deadline deadline,
                                                                     Id viewer) = 0;
  virtual Task<BuildOutcome> finish_build(Deadline deadline, BuildTicket ticket,
                                          FeedSnapshot snapshot) = 0;
  virtual Task<> abandon_build(Deadline deadline, BuildTicket ticket) = 0;

  // --- Fan-out, for the dispatcher: these block. Repeating a call does no harm, and one that
  // throws (the store cannot be reached) is to be repeated: it may have reached some.

  /// `read_seq`: the last event visible to the transaction that read the followers. A feed whose
  /// snapshot is as new skips the post: either the snapshot had it, or the viewer has unfollowed.
  virtual PushReport push(const FeedPost& post, std::span<const FeedFollower> followers,
                          std::uint64_t read_seq) = 0;
  /// The post is deleted: out of the ring and of these feeds. Returns how many had it.
  virtual std::size_t remove(const FeedPost& post, std::span<const FeedFollower> followers) = 0;
  virtual void invalidate(std::span<const Id> viewers) = 0;
  /// All feeds are cold afterwards; unsaved marks are kept.
  virtual void invalidate_all() = 0;

  // --- Authors with very many followers. For each post: ask policy(); if it is not push, pull();
  // if it is not pull, or pull() returns false, push().

  virtual FanOut policy(Id author) const = 0;
  /// Into the author's ring. False: the policy is push now, so push it.
  virtual bool pull(const FeedPost& post, Time now) = 0;
  /// Push -> turning. Then read the followers and call complete_pull(). False: too many such
  /// authors.
  virtual bool begin_pull(Id author) = 0;
  /// Turning -> pull. The followers are read after begin_pull().
  virtual void complete_pull(Id author, std::span<const FeedFollower> followers) = 0;
  /// Back to push. What is in the ring stays there until it ends.
  virtual void begin_push(Id author) = 0;

  // --- Saving what was seen, for the housekeeper: these may block.

  /// At most `max_viewers`, to be merged into their stored blobs by merge_feed_marks(.., now). A
  /// viewer is not handed out again before marks_saved() or marks_failed().
  virtual std::vector<UnsavedMarks> take_unsaved_marks(std::size_t max_viewers, Time now) = 0;
  virtual void marks_saved(std::span<const Id> viewers) = 0;
  virtual void marks_failed(std::span<const Id> viewers) = 0;

  // --- Upkeep.

  /// Looks at about `budget` feeds, a part of all each time; call it about every second. Returns
  /// how many entries it freed. Finding the clock set back by more than the grace, it forgets all
  /// feeds.
  virtual std::size_t sweep(Time now, std::size_t budget) = 0;
  virtual FeedStats stats() const = 0;
};

}  // namespace madang::social
