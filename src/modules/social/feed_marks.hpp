// What one person has seen in the home feed, and its compact form: one blob a person in SQL.
//
// Version 1, all numbers LEB128: version, count, smallest first_seen, then for each mark in the
// order of the posts: post minus the previous post, first_seen minus the smallest. About 7 bytes a
// mark.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "modules/social/feed_life.hpp"

namespace madang::social {

struct FeedMark {
  Id post = 0;
  FeedSeconds first_seen = 0;
  bool operator==(const FeedMark&) const = default;
};

/// The most marks one blob holds; when there are more, the oldest views are forgotten.
inline constexpr std::size_t max_feed_marks = 16'384;

/// Sorts by post and keeps the earliest view of each.
void sort_feed_marks(std::vector<FeedMark>& marks);

/// The union of what is stored and what is new, in any order; the earliest view of a post wins.
/// Views that are forgotten as of `now` are dropped first, then the oldest beyond max_feed_marks.
std::vector<FeedMark> merge_feed_marks(std::span<const FeedMark> stored,
                                       std::span<const FeedMark> fresh, FeedSeconds now);

/// 0 when there is none. `marks` as sort_feed_marks() leaves them.
FeedSeconds first_seen(std::span<const FeedMark> marks, Id post);

/// Marks in any order. What cannot be a mark (no post, never seen) is left out, and so are the
/// oldest views beyond max_feed_marks.
std::string encode_feed_marks(std::vector<FeedMark> marks);

/// Sorted by post. `feed_marks_malformed` for anything encode_feed_marks() would not have written.
Result<std::vector<FeedMark>> decode_feed_marks(std::string_view blob);

}  // namespace madang::social
