// The life of a post in one person's home feed, in whole seconds. Memory and SQL both judge by
// these functions, so that a page is the same whichever of them serves it.
//
//   inserted = the post's creation, or the follow if that was later
//   ends     = inserted + 7 days, or one day after it was first seen if that is earlier
//
// As of a moment T a post is live when it ends after T; otherwise it belongs to the archive. A view
// at T or later cannot end a life before T + 1 day: a list that is judged as of the T at which it
// was begun does not change while it is paged through.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace madang::social {

/// Whole seconds since 2026-01-01T00:00:00Z; 0 means never. Lasts until 2162.
using FeedSeconds = std::uint32_t;

struct FeedLife {
  static constexpr FeedSeconds unseen_life = 7 * 86'400;
  static constexpr FeedSeconds seen_life = 86'400;
  /// What has ended stays in memory for this long: lists begun within it are served from there.
  static constexpr FeedSeconds grace = 3'600;
  /// Views are remembered for this long after they matter: lists begun within it have no holes and
  /// no repeats.
  static constexpr FeedSeconds list_life = 2 * 86'400;
  /// A view counts for this long. It outlasts every life it can end; only a post that comes back by
  /// a fresh follow, more than a week after it was seen, counts as unseen again. Without this bound
  /// views would have to be remembered for ever.
  static constexpr FeedSeconds view_life = 8 * 86'400;
  /// A post that was seen (on a page from SQL) and is not in the feed may still come for this long:
  /// until then the view is kept in the feed.
  static constexpr auto may_still_arrive = std::chrono::days(2);

  /// Rounded down; never 0.
  static FeedSeconds seconds(Time time) {
    using std::chrono::seconds;
    constexpr std::int64_t last = std::numeric_limits<FeedSeconds>::max();
    const seconds whole = std::chrono::floor<seconds>(time) - std::chrono::floor<seconds>(id_epoch);
    return static_cast<FeedSeconds>(std::clamp<std::int64_t>(whole.count(), 1, last));
  }

  /// For one's own posts pass the post's creation as the follow.
  static FeedSeconds inserted(Time created_at, Time followed_at) {
    return seconds(std::max(created_at, followed_at));
  }

  /// `first_seen` 0: not seen.
  static bool live(FeedSeconds inserted, FeedSeconds first_seen, FeedSeconds as_of) {
    const std::uint64_t t = as_of;
    if (t >= std::uint64_t(inserted) + unseen_life) return false;
    if (first_seen == 0) return true;
    return t < std::uint64_t(first_seen) + seen_life || t >= std::uint64_t(first_seen) + view_life;
  }

  /// Not live as of any moment from `now - grace` on: a store may forget the post.
  static bool over(FeedSeconds inserted, FeedSeconds first_seen, FeedSeconds now) {
    const std::uint64_t t = now > grace ? now - grace : 0;
    const std::uint64_t unseen_end = std::uint64_t(inserted) + unseen_life;
    if (t >= unseen_end) return true;
    return first_seen != 0 && t >= std::uint64_t(first_seen) + seen_life &&
           unseen_end <= std::uint64_t(first_seen) + view_life;
  }

  /// The view no longer matters as of any moment from `now - list_life` on.
  static bool forgotten(FeedSeconds first_seen, FeedSeconds now) {
    return std::uint64_t(now) >= std::uint64_t(first_seen) + view_life + list_life;
  }
};

}  // namespace madang::social
