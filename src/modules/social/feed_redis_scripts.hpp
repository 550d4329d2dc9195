// How a feed lies in Redis, and the scripts that touch it. Internal to the store in Redis.
//
// ONE KEY A FEED, so that none can be there by half: the string `feed2:{f<bucket>}:<viewer>`,
// bytes, numbers big-endian. First the head, then records of 13 bytes in the order in which they
// came:
//
//   head   state (1: `w` warm, `b` being built), build (8), last event seen (8), covers_from (8),
//          cleared (4), last read (4), taken (4), reign (16): see FeedHead
//   p      post (8), inserted (4): an entry
//   v      post (8), first_seen (4): a view, of an entry or of a post that has not arrived
//   q      post (8), inserted (4): pushed while it is built; with it
//   Q      last event seen (8), created (4)
//   e      post (8), nothing (4): erased while it is built
//
// Whoever reads takes the whole of it and puts it in order (FeedScan): an entry may be there twice
// and counts once, of several views the earliest counts, and entries below covers_from do not.
// Pushing is putting a record at its end, whatever its length; see docs/adr/0006-home-feed.md.
//
// The reign is the server's own name for the state it continues (redis::reign_lua). It changes when
// a server starts and when a replica takes over: what was lost with the old state was lost from
// feeds that are cold now.
//
// The number in `feed2` is raised when any of this changes its form. What the former format left
// without a TTL is cleared away by the sweep (former_bucket): the list of a bucket names its feeds.
//
// Beside the feeds of a bucket: `feed2:{f<bucket>}`, a sorted set of who has one, by the second of
// the last read; `feed2:{f<bucket>}:r`, its reign and since when; `feed2:{f<bucket>}:<viewer>:v`, a
// hash of views that are not in SQL yet; and `feed2:{f<bucket>}:v`, who has such views, by the
// second of the last one. The feeds and their list have no TTL and are not evicted (volatile-lru);
// the others have one.
#pragma once

#include "modules/social/feed_store.hpp"
#include "platform/redis/client.hpp"

namespace madang::social {

struct FeedHead {
  static constexpr std::size_t size = 37;         // without the reign, which the server adds
  static constexpr std::size_t stored_size = 53;  // with it

  bool warm = false;
  std::uint64_t build = 0;
  std::uint64_t seq = 0;
  Id covers_from = 0;
  FeedSeconds cleared = 0;  // what was over at this moment may be gone
  FeedSeconds read = 0;
  FeedSeconds taken = 0;

  std::string encode() const;
};

inline constexpr std::size_t feed_record_size = 13;

/// One record: `p` or `v`.
std::string encode_feed_record(char kind, Id post, FeedSeconds at);

/// A warm feed as it lies in Redis: entries newest first, each with its view.
struct FeedScan {
  FeedHead head;
  std::vector<FeedItem> items;

  /// Nothing: the feed is cold, or of another reign than the server's. Views that are forgotten as
  /// of `as_of` are none.
  static std::optional<FeedScan> decode(std::string_view feed, std::string_view reign,
                                        FeedSeconds as_of);
};

/// As in memory, so here.
FeedPage page_of(const FeedScan& scan, const FeedQuery& query, std::size_t max_live);

struct FeedScripts {
  FeedScripts();

  // The keys and arguments of each stand at its source.
  const redis::Script touch, begin, finish, abandon, push, remove, mark, settle, sweep, drop;
};

/// The slots of all feeds: followers of one author share a script call when they share a bucket.
inline constexpr std::size_t feed_buckets = 512;
std::size_t feed_bucket(Id viewer);

struct FeedKeys {
  static std::string bucket(std::size_t bucket);         // who has a feed
  static std::string former_bucket(std::size_t bucket);  // who has one in the former format
  static std::string unsaved_in(std::size_t bucket);     // who has unsaved views
  static std::string reign(std::size_t bucket);
  static std::string feed(Id viewer);
  static std::string views(Id viewer);
};

}  // namespace madang::social
