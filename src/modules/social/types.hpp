// The shapes of social's routes.
#pragma once

#include "modules/identity/identity.hpp"
#include "modules/media/media.hpp"
#include "platform/http/api.hpp"
#include "platform/json/types.hpp"

namespace madang::social {

struct Post {
  Id id = 0;
  identity::Card author;
  std::string text;
  std::vector<media::View> media;
  std::int64_t like_count = 0;
  std::int64_t comment_count = 0;
  bool liked = false;  // by who asks
  Time created_at{};
  std::optional<Time> edited_at;
};
BOOST_DESCRIBE_STRUCT(Post, (),
                      (id, author, text, media, like_count, comment_count, liked, created_at,
                       edited_at))

struct CreatePost {
  json::Text<1, 1000> text;
  std::optional<json::List<std::int64_t, 10>> media;
};
BOOST_DESCRIBE_STRUCT(CreatePost, (), (text, media))

struct EditPost {
  json::Text<1, 1000> text;
};
BOOST_DESCRIBE_STRUCT(EditPost, (), (text))

struct LikeState {
  bool liked = false;
  std::int64_t like_count = 0;
};
BOOST_DESCRIBE_STRUCT(LikeState, (), (liked, like_count))

struct Comment {
  Id id = 0;
  Id post_id = 0;
  identity::Card author;
  std::string text;
  Time created_at{};
  std::optional<Time> edited_at;
};
BOOST_DESCRIBE_STRUCT(Comment, (), (id, post_id, author, text, created_at, edited_at))

struct WriteComment {
  json::Text<1, 1000> text;
};
BOOST_DESCRIBE_STRUCT(WriteComment, (), (text))

struct FollowState {
  bool following = false;
};
BOOST_DESCRIBE_STRUCT(FollowState, (), (following))

struct BlockState {
  bool blocked = false;
};
BOOST_DESCRIBE_STRUCT(BlockState, (), (blocked))

struct MuteState {
  bool muted = false;
};
BOOST_DESCRIBE_STRUCT(MuteState, (), (muted))

/// A public profile.
struct UserProfile {
  Id id = 0;
  std::string handle;
  std::string name;
  std::string bio;
  std::optional<std::string> avatar;
  std::int64_t post_count = 0;
  std::int64_t follower_count = 0;
  std::int64_t following_count = 0;
  bool is_following = false;
  bool is_followed_by = false;
  bool is_blocked = false;
  bool is_muted = false;
  Time created_at{};
};
BOOST_DESCRIBE_STRUCT(UserProfile, (),
                      (id, handle, name, bio, avatar, post_count, follower_count, following_count,
                       is_following, is_followed_by, is_blocked, is_muted, created_at))

/// A person in a list.
struct Person {
  Id id = 0;
  std::string handle;
  std::string name;
  std::optional<std::string> avatar;
  bool is_following = false;
};
BOOST_DESCRIBE_STRUCT(Person, (), (id, handle, name, avatar, is_following))

struct PeopleQuery {
  json::Line<1, 50> query;
  std::optional<json::Integer<1, 100>> limit;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(PeopleQuery, (), (query, limit, cursor))

struct FeedQueryParameters {
  std::optional<json::Integer<1, 100>> limit;
  std::optional<std::string> cursor;
  std::optional<bool> mark_seen;
};
BOOST_DESCRIBE_STRUCT(FeedQueryParameters, (), (limit, cursor, mark_seen))

enum class FeedSource { live, archive };
BOOST_DESCRIBE_ENUM(FeedSource, live, archive)

/// As the document shows it; the page itself is written from cached fragments (post_cache.hpp).
struct FeedListItem {
  Post post;
  bool seen = false;
  FeedSource source = FeedSource::live;
};
BOOST_DESCRIBE_STRUCT(FeedListItem, (), (post, seen, source))

struct WriteReport {
  std::optional<std::int64_t> post_id;
  std::optional<std::int64_t> comment_id;
  std::optional<std::int64_t> user_id;
  json::Text<1, 500> reason;
};
BOOST_DESCRIBE_STRUCT(WriteReport, (), (post_id, comment_id, user_id, reason))

enum class ReportState { open, kept, hidden, suspended };
BOOST_DESCRIBE_ENUM(ReportState, open, kept, hidden, suspended)

struct Report {
  Id id = 0;
  identity::Card reporter;
  std::optional<Id> post_id;
  std::optional<Id> comment_id;
  std::optional<Id> user_id;
  std::optional<identity::Card> author;            // of what is reported
  std::optional<std::string> text;                 // of what is reported
  std::vector<media::View> media;                  // of a reported post, also of a hidden one
  std::optional<identity::Suspension> suspension;  // of the author, now
  std::string reason;
  ReportState state = ReportState::open;
  Time created_at{};
  std::optional<Time> resolved_at;
};
BOOST_DESCRIBE_STRUCT(Report, (),
                      (id, reporter, post_id, comment_id, user_id, author, text, media, suspension,
                       reason, state, created_at, resolved_at))

struct ReportReceived {
  Id id = 0;
};
BOOST_DESCRIBE_STRUCT(ReportReceived, (), (id))

struct ReportsQuery {
  std::optional<ReportState> state;  // open when absent
  std::optional<json::Integer<1, 100>> limit;
  std::optional<std::string> cursor;
};
BOOST_DESCRIBE_STRUCT(ReportsQuery, (), (state, limit, cursor))

/// hide: true hides what is reported, false shows it (again).
struct ResolveReport {
  bool hide = false;
};
BOOST_DESCRIBE_STRUCT(ResolveReport, (), (hide))

}  // namespace madang::social
