// The home feed straight from SQL: the plain meaning of it. It serves whatever memory cannot,
// builds what memory holds, and is what the tests hold memory against.
#pragma once

#include "modules/social/feed_collector.hpp"
#include "modules/social/storage.hpp"

namespace madang::social {

struct SqlFeedPage {
  std::vector<std::pair<FeedItem, FeedPart>> items;
  std::optional<FeedCursor> next;  // nothing: the list has ended
};

/// A page of the list that begins at `begun` (no cursor) or goes on at `cursor`. `pending`: marks
/// that are not saved yet, asked for before this transaction began. Statements: four at most.
SqlFeedPage feed_page_from_sql(db::Transaction& tx, Id viewer, Time begun,
                               const std::optional<FeedCursor>& cursor, std::size_t limit,
                               const FeedLimits& limits, std::span<const FeedMark> pending);

/// The archive alone, below `cursor`.
SqlFeedPage archive_page_from_sql(db::Transaction& tx, Id viewer, const FeedCursor& cursor,
                                  std::size_t limit, std::span<const FeedMark> pending);

/// All that a build needs, from one transaction.
FeedSnapshot feed_snapshot_from_sql(db::Transaction& tx, Id viewer, Time now,
                                    const FeedLimits& limits);

std::vector<FeedMark> load_feed_marks(db::Transaction& tx, Id viewer);
void save_feed_marks(db::Transaction& tx, Id viewer, std::span<const FeedMark> fresh, Time now);

/// Everybody who follows `author`, with the moment; one statement.
std::vector<FeedFollower> feed_followers(db::Transaction& tx, Id author);
/// The author's shown posts since then.
std::vector<FeedPost> feed_posts_since(db::Transaction& tx, Id author, Time since);

}  // namespace madang::social
