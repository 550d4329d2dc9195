// Chooses what belongs into a FeedSnapshot: hand it the viewer's posts newest first until it is
// full.
#pragma once

#include <span>
#include <utility>

#include "modules/social/feed_store.hpp"

namespace madang::social {

class FeedCollector {
 public:
  /// `marks` sorted by post (decode_feed_marks() and merge_feed_marks() leave them so); outlives
  /// this.
  FeedCollector(FeedLimits limits, std::span<const FeedMark> marks, Time taken_at)
      : enough_(limits.max_live + limits.slack), marks_(marks), now_(FeedLife::seconds(taken_at)) {}

  bool full() const { return live_ >= enough_ || items_.size() >= 2 * enough_; }

  /// Ids must fall from call to call.
  void add(Id post, FeedSeconds inserted) {
    oldest_ = post;
    const FeedSeconds seen = first_seen(marks_, post);
    if (FeedLife::over(inserted, seen, now_)) return;
    items_.push_back({post, inserted, seen});
    if (FeedLife::live(inserted, seen, now_)) ++live_;
  }

  /// `reached_end`: the viewer has no further posts that could be live.
  void finish(bool reached_end, FeedSnapshot& snapshot) {
    snapshot.covers_from = reached_end ? 0 : oldest_;
    snapshot.items = std::exchange(items_, {});
  }

 private:
  std::size_t enough_;
  std::span<const FeedMark> marks_;
  FeedSeconds now_;
  std::size_t live_ = 0;
  Id oldest_ = 0;
  std::vector<FeedItem> items_;
};

}  // namespace madang::social
