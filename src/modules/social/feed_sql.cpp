#include "modules/social/feed_sql.hpp"

#include <algorithm>

#include "platform/events/outbox.hpp"

namespace madang::social {

namespace {

// For MariaDB the order of the tables and the index of posts are said, in comments that it alone
// reads; SQLite keeps a cross join's order by itself. Left to choose, it compares by figures that
// were taken when a table was opened: of a store that was small or empty then it reads all posts
// there are for each feed.

/// Posts that may be live as of `t`, below an id, newest first: recent posts of everybody followed,
/// and older ones of those followed recently (a follow begins the life of what was there before
/// it). One's own are in the feed too.
constexpr std::string_view candidates_sql =
    "select id, created_at, followed_at from ("
    "select /*M! straight_join */ p.id as id, p.created_at as created_at, "
    "f.created_at as followed_at from follows f "
    "cross join posts p /*M! force index (posts_by_author) */ "
    "on p.author_id = f.followee_id and p.state = 0 and p.id >= ? and p.id < ? "
    "where f.follower_id = ? "
    "union all "
    "select /*M! straight_join */ p.id, p.created_at, f.created_at from follows f "
    "cross join posts p /*M! force index (posts_by_author) */ "
    "on p.author_id = f.followee_id and p.state = 0 and p.id < ? and p.id < ? "
    "where f.follower_id = ? and f.created_at >= ? "
    "union all "
    "select p.id, p.created_at, p.created_at from posts p /*M! force index (posts_by_author) */ "
    "where p.author_id = ? and p.state = 0 and p.id >= ? and p.id < ?"
    ") c order by id desc limit ?";

/// Everything below an id, newest first. From each author no more than the page can use, down to
/// the page's length-th newest, so that the cost grows with the people followed, not with what they
/// ever wrote.
constexpr std::string_view everything_sql =
    "select id, created_at, followed_at from ("
    "select /*M! straight_join */ p.id as id, p.created_at as created_at, "
    "f.created_at as followed_at from follows f "
    "cross join posts p /*M! force index (posts_by_author) */ "
    "on p.author_id = f.followee_id and p.state = 0 and p.id < ? and p.id >= coalesce(("
    "select n.id from posts n /*M! force index (posts_by_author) */ "
    "where n.author_id = f.followee_id and n.state = 0 and "
    "n.id < ? order by n.id desc limit 1 offset ?), 0) where f.follower_id = ? "
    "union all "
    "select p.id, p.created_at, p.created_at from posts p /*M! force index (posts_by_author) */ "
    "where p.author_id = ? and p.state = 0 and p.id < ? and p.id >= coalesce(("
    "select n.id from posts n /*M! force index (posts_by_author) */ "
    "where n.author_id = ? and n.state = 0 and n.id < ? order by n.id desc limit 1 offset ?), 0)"
    ") c order by id desc limit ?";

struct Candidate {
  Id post = 0;
  FeedSeconds inserted = 0;
};

Time life_begins(Time as_of) {
  // A second more than needed: lives are counted in whole seconds.
  return as_of - std::chrono::seconds(FeedLife::unseen_life + 1);
}

std::vector<Candidate> candidates(db::Transaction& tx, Id viewer, Time as_of, Id below,
                                  std::int64_t limit) {
  const Time since = life_begins(as_of);
  const Id oldest = first_id_at(since);
  std::vector<Candidate> out;
  tx.each<Id, Time, Time>(
      candidates_sql,
      [&](Id id, Time created, Time followed) {
        out.push_back({id, FeedLife::inserted(created, followed)});
      },
      oldest, below, viewer, oldest, below, viewer, since, viewer, oldest, below, limit);
  return out;
}

std::vector<Candidate> everything(db::Transaction& tx, Id viewer, Id below, std::int64_t limit) {
  std::vector<Candidate> out;
  tx.each<Id, Time, Time>(
      everything_sql,
      [&](Id id, Time created, Time followed) {
        out.push_back({id, FeedLife::inserted(created, followed)});
      },
      below, below, limit - 1, viewer, viewer, below, viewer, below, limit - 1, limit);
  return out;
}

/// Calls visit(item) for the posts below `below` that are live as of `as_of`, newest first, until
/// it returns false.
template <class Visit>
void each_live(db::Transaction& tx, Id viewer, Time as_of, Id below,
               std::span<const FeedMark> marks, Visit visit) {
  constexpr std::int64_t chunk = 2'000;
  const FeedSeconds t = FeedLife::seconds(as_of);
  for (;;) {
    const auto found = candidates(tx, viewer, as_of, below, chunk);
    for (const Candidate& candidate : found) {
      const FeedSeconds seen = first_seen(marks, candidate.post);
      if (FeedLife::live(candidate.inserted, seen, t) &&
          !visit(FeedItem{candidate.post, candidate.inserted, seen}))
        return;
    }
    if (static_cast<std::int64_t>(found.size()) < chunk) return;
    below = found.back().post;
  }
}

/// A list's first page of the live part, and its floor: the smallest live id when max_live are
/// live, 0 when fewer are. One scan, however long the page is.
Id begin_live(db::Transaction& tx, Id viewer, Time begun, std::size_t limit, std::size_t max_live,
              std::span<const FeedMark> marks, SqlFeedPage& page, bool& more) {
  std::size_t live = 0;
  Id floor = 0;
  more = false;
  each_live(tx, viewer, begun, max_id, marks, [&](const FeedItem& item) {
    if (page.items.size() < limit)
      page.items.emplace_back(item, FeedPart::live);
    else
      more = true;
    if (++live == max_live) floor = item.post;
    return floor == 0;
  });
  return floor;
}

std::vector<FeedMark> all_marks(db::Transaction& tx, Id viewer, std::span<const FeedMark> pending,
                                Time as_of) {
  return merge_feed_marks(load_feed_marks(tx, viewer), pending, FeedLife::seconds(as_of));
}

void append_live(db::Transaction& tx, Id viewer, const FeedCursor& from, std::size_t limit,
                 std::span<const FeedMark> marks, SqlFeedPage& page, bool& more) {
  more = false;
  each_live(tx, viewer, from.begun, from.last, marks, [&](const FeedItem& item) {
    if (item.post < from.floor) return false;
    if (page.items.size() == limit) {
      more = true;
      return false;
    }
    page.items.emplace_back(item, FeedPart::live);
    return true;
  });
}

void append_archive(db::Transaction& tx, Id viewer, const FeedCursor& from, std::size_t limit,
                    std::span<const FeedMark> marks, SqlFeedPage& page, bool& more) {
  const FeedSeconds t = FeedLife::seconds(from.begun);
  more = false;
  for (Id below = from.last;;) {
    const std::int64_t chunk = static_cast<std::int64_t>(limit) + 50;
    const auto found = everything(tx, viewer, below, chunk);
    for (const Candidate& candidate : found) {
      const FeedSeconds seen = first_seen(marks, candidate.post);
      if (candidate.post >= from.floor && FeedLife::live(candidate.inserted, seen, t)) continue;
      if (page.items.size() == limit) {
        more = true;
        return;
      }
      page.items.emplace_back(FeedItem{candidate.post, candidate.inserted, seen},
                              FeedPart::archive);
    }
    if (static_cast<std::int64_t>(found.size()) < chunk) return;
    below = found.back().post;
  }
}

}  // namespace

SqlFeedPage archive_page_from_sql(db::Transaction& tx, Id viewer, const FeedCursor& cursor,
                                  std::size_t limit, std::span<const FeedMark> pending) {
  SqlFeedPage page;
  bool more = false;
  append_archive(tx, viewer, cursor, limit, all_marks(tx, viewer, pending, cursor.begun), page,
                 more);
  if (more)
    page.next =
        FeedCursor{FeedPart::archive, page.items.back().first.post, cursor.begun, cursor.floor};
  return page;
}

SqlFeedPage feed_page_from_sql(db::Transaction& tx, Id viewer, Time begun,
                               const std::optional<FeedCursor>& cursor, std::size_t limit,
                               const FeedLimits& limits, std::span<const FeedMark> pending) {
  if (cursor && cursor->part == FeedPart::archive)
    return archive_page_from_sql(tx, viewer, *cursor, limit, pending);
  const auto marks = all_marks(tx, viewer, pending, cursor ? cursor->begun : begun);
  FeedCursor from = cursor.value_or(FeedCursor{FeedPart::live, max_id, begun, 0});
  SqlFeedPage page;
  bool more = false;
  if (cursor)
    append_live(tx, viewer, from, limit, marks, page, more);
  else
    from.floor = begin_live(tx, viewer, begun, limit, limits.max_live, marks, page, more);
  if (more) {
    page.next = FeedCursor{FeedPart::live, page.items.back().first.post, from.begun, from.floor};
    return page;
  }
  FeedCursor archive{FeedPart::archive, max_id, from.begun, from.floor};
  append_archive(tx, viewer, archive, limit, marks, page, more);
  if (!more) return page;
  const auto& [last, part] = page.items.back();
  page.next = FeedCursor{FeedPart::archive, part == FeedPart::archive ? last.post : max_id,
                         from.begun, from.floor};
  return page;
}

FeedSnapshot feed_snapshot_from_sql(db::Transaction& tx, Id viewer, Time now,
                                    const FeedLimits& limits) {
  FeedSnapshot snapshot;
  snapshot.taken_at = now;
  snapshot.seq = static_cast<std::uint64_t>(events::last_sequence(tx));
  snapshot.marks = load_feed_marks(tx, viewer);
  FeedCollector collector(limits, snapshot.marks, now);
  // Lists begun up to a grace ago are still paged through.
  const Time as_of = now - std::chrono::seconds(FeedLife::grace);
  constexpr std::int64_t chunk = 2'000;
  bool reached_end = false;
  for (Id below = max_id; !reached_end && !collector.full();) {
    const auto found = candidates(tx, viewer, as_of, below, chunk);
    reached_end = static_cast<std::int64_t>(found.size()) < chunk;
    for (const Candidate& candidate : found) {
      if (collector.full()) {
        reached_end = false;
        break;
      }
      collector.add(candidate.post, candidate.inserted);
      below = candidate.post;
    }
  }
  collector.finish(reached_end, snapshot);
  tx.each<Id, Time>(
      "select followee_id, created_at from follows where follower_id = ?",
      [&](Id author, Time at) { snapshot.follows.push_back({author, at}); }, viewer);
  return snapshot;
}

std::vector<FeedMark> load_feed_marks(db::Transaction& tx, Id viewer) {
  const auto blob =
      tx.value<db::Bytes>("select marks from feed_marks where account_id = ?", viewer);
  if (!blob) return {};
  const std::string_view text(reinterpret_cast<const char*>(blob->data()), blob->size());
  return decode_feed_marks(text).value_or(std::vector<FeedMark>());
}

void save_feed_marks(db::Transaction& tx, Id viewer, std::span<const FeedMark> fresh, Time now) {
  // The row first, and with it its lock: another instance may be saving views of the same viewer.
  const bool there =
      tx.execute("update feed_marks set updated_at = ? where account_id = ?", now, viewer) != 0;
  const std::vector<FeedMark> stored =
      there ? load_feed_marks(tx, viewer) : std::vector<FeedMark>();
  const std::string blob =
      encode_feed_marks(merge_feed_marks(stored, fresh, FeedLife::seconds(now)));
  const db::BytesView bytes = std::as_bytes(std::span(blob.data(), blob.size()));
  if (there)
    tx.execute("update feed_marks set marks = ? where account_id = ?", bytes, viewer);
  else
    tx.execute("insert into feed_marks (account_id, marks, updated_at) values (?, ?, ?)", viewer,
               bytes, now);
}

std::vector<FeedFollower> feed_followers(db::Transaction& tx, Id author) {
  std::vector<FeedFollower> out;
  tx.each<Id, Time>(
      "select follower_id, created_at from follows where followee_id = ?",
      [&](Id follower, Time at) { out.push_back({follower, at}); }, author);
  return out;
}

std::vector<FeedPost> feed_posts_since(db::Transaction& tx, Id author, Time since) {
  std::vector<FeedPost> out;
  tx.each<Id, Time>(
      "select id, created_at from posts where author_id = ? and state = 0 and id >= ? order by id",
      [&](Id id, Time at) { out.push_back({id, author, at}); }, author, first_id_at(since));
  return out;
}

}  // namespace madang::social
