// The domain events social emits. The aggregate is the post for everything about a post, and the
// account that acts for everything between two people.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace madang::social {

inline constexpr std::string_view post_created = "post.created";
inline constexpr std::string_view post_deleted = "post.deleted";    // deleted or hidden
inline constexpr std::string_view post_restored = "post.restored";  // shown again by an admin
inline constexpr std::string_view post_liked = "post.liked";
inline constexpr std::string_view post_unliked = "post.unliked";
inline constexpr std::string_view comment_created = "comment.created";
inline constexpr std::string_view comment_deleted = "comment.deleted";
inline constexpr std::string_view account_followed = "account.followed";
inline constexpr std::string_view account_unfollowed = "account.unfollowed";

struct PostEvent {
  std::int64_t version = 1;
  Id post = 0;
  Id author = 0;
  Time created_at{};  // of the post
};
BOOST_DESCRIBE_STRUCT(PostEvent, (), (version, post, author, created_at))

struct LikeEvent {
  std::int64_t version = 1;
  Id post = 0;
  Id author = 0;  // of the post
  Id actor = 0;   // who likes
};
BOOST_DESCRIBE_STRUCT(LikeEvent, (), (version, post, author, actor))

struct CommentEvent {
  std::int64_t version = 1;
  Id post = 0;
  Id author = 0;  // of the post
  Id comment = 0;
  Id actor = 0;  // of the comment
};
BOOST_DESCRIBE_STRUCT(CommentEvent, (), (version, post, author, comment, actor))

struct FollowEvent {
  std::int64_t version = 1;
  Id follower = 0;
  Id followee = 0;
};
BOOST_DESCRIBE_STRUCT(FollowEvent, (), (version, follower, followee))

}  // namespace madang::social
