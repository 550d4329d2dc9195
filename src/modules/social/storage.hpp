// Social's SQL. Only social's own tables, and the public functions of the modules below.
#pragma once

#include <map>
#include <set>

#include "modules/social/social.hpp"
#include "modules/social/types.hpp"

namespace madang::social {

/// Of posts and comments. Only `shown` ones are ever seen by anybody but an admin.
enum class ContentState : std::int64_t { shown = 0, hidden = 1, deleted = 2 };

// ---- profiles and counters

void insert_profile(db::Transaction& tx, Id account);
void set_profile_visible(db::Transaction& tx, Id account, bool visible);
bool is_visible(db::Transaction& tx, Id account);
void add_to_counts(db::Transaction& tx, Id account, int posts, int followers, int following);
struct Counts {
  std::int64_t posts = 0;
  std::int64_t followers = 0;
  std::int64_t following = 0;
};
std::optional<Counts> counts(db::Transaction& tx, Id account);  // of visible accounts

// ---- posts

struct PostRow {
  Id id = 0;
  Id author = 0;
  std::string text;
  std::int64_t like_count = 0;
  std::int64_t comment_count = 0;
  Time created_at{};
  std::optional<Time> edited_at;
};

void insert_post(db::Transaction& tx, const PostRow& post, std::span<const Id> media);
/// Shown posts of visible authors.
std::map<Id, PostRow> find_posts(db::Transaction& tx, std::span<const Id> ids);
std::optional<PostRow> find_post(db::Transaction& tx, Id id);
/// With author cards and pictures: four statements for any number. Not `liked`.
std::map<Id, Post> load_posts(db::Transaction& tx, std::span<const Id> ids);
/// (post, medium), in the order of each post's pictures.
std::vector<std::pair<Id, Id>> media_of(db::Transaction& tx, std::span<const Id> posts);
/// Which of them are deleted, or not there any more: none of these ever comes back.
std::vector<Id> deleted_among(db::Transaction& tx, std::span<const Id> ids);
/// Which of them `account` likes.
std::set<Id> liked_among(db::Transaction& tx, Id account, std::span<const Id> posts);
/// Changes a post that is shown and the author's own; how many rows.
std::int64_t update_post_text(db::Transaction& tx, Id post, Id author, std::string_view text,
                              Time now);
/// shown <-> hidden, shown or hidden -> deleted; counters follow. False when it was not in `from`.
bool move_post(db::Transaction& tx, Id post, Id author, ContentState from, ContentState to);
std::optional<std::pair<Id, ContentState>> post_author_and_state(db::Transaction& tx, Id post);
std::vector<Id> posts_of(db::Transaction& tx, Id author, Id below, std::int64_t limit);

// ---- likes

/// False when the like was there (not there) already: nothing is changed then.
bool insert_like(db::Transaction& tx, Id post, Id account, Time now);
bool delete_like(db::Transaction& tx, Id post, Id account);
struct LikedPost {
  Id post = 0;
  Time at{};
};
std::vector<LikedPost> likes_of(db::Transaction& tx, Id account, std::optional<LikedPost> below,
                                std::int64_t limit);
/// The posts with most likes since then, most first; ties by id.
std::vector<Id> most_liked(db::Transaction& tx, Time since, std::int64_t limit);

/// What the ranking was at a moment.
struct RankingRow {
  Time taken_at{};
  std::vector<Id> posts;  // at most Ranking::size
};
std::optional<RankingRow> newest_ranking(db::Transaction& tx, Time since);
std::optional<RankingRow> ranking_snapshot(db::Transaction& tx, Time taken_at);
/// Whether it is there now: not when there is one since `unless_since`.
bool insert_ranking(db::Transaction& tx, const RankingRow& row, Time unless_since);
void delete_rankings(db::Transaction& tx, Time before);

// ---- comments

struct CommentRow {
  Id id = 0;
  Id post = 0;
  Id author = 0;
  std::string text;
  Time created_at{};
  std::optional<Time> edited_at;
};
void insert_comment(db::Transaction& tx, const CommentRow& comment);
std::optional<CommentRow> find_comment(db::Transaction& tx, Id id);  // shown ones
/// Oldest first, without those of authors whom `viewer` does not see or who have withdrawn.
std::vector<CommentRow> comments_of(db::Transaction& tx, Id post, Id viewer, Id after,
                                    std::int64_t limit);
std::int64_t update_comment_text(db::Transaction& tx, Id comment, Id author, std::string_view text,
                                 Time now);
/// As move_post().
bool move_comment(db::Transaction& tx, Id comment, Id post, ContentState from, ContentState to);
struct CommentPlace {
  Id post = 0;
  Id author = 0;
  ContentState state = ContentState::shown;
};
std::optional<CommentPlace> comment_place(db::Transaction& tx, Id comment);

// ---- the graph

bool insert_follow(db::Transaction& tx, Id follower, Id followee, Time now);  // false: was there
bool delete_follow(db::Transaction& tx, Id follower, Id followee);  // false: was not there
bool insert_block(db::Transaction& tx, Id blocker, Id blocked, Time now);
bool delete_block(db::Transaction& tx, Id blocker, Id blocked);
bool insert_mute(db::Transaction& tx, Id muter, Id muted, Time now);
bool delete_mute(db::Transaction& tx, Id muter, Id muted);
std::set<Id> blocked_with(db::Transaction& tx, Id account);  // in either direction
std::set<Id> muted_by(db::Transaction& tx, Id account);
/// Either has blocked the other.
bool blocked_between(db::Transaction& tx, Id one, Id other);

struct Relation {
  bool following = false;
  bool followed_by = false;
  bool blocked = false;  // by viewer
  bool blocked_by = false;
  bool muted = false;
};
Relation relation(db::Transaction& tx, Id viewer, Id other);
std::set<Id> followed_among(db::Transaction& tx, Id follower, std::span<const Id> accounts);

struct Edge {
  Time at{};
  Id account = 0;
};
/// Newest first, below the given one; without accounts that are not visible or blocked with viewer.
std::vector<Edge> followers_of(db::Transaction& tx, Id account, Id viewer,
                               std::optional<Edge> below, std::int64_t limit);
std::vector<Edge> following_of(db::Transaction& tx, Id account, Id viewer,
                               std::optional<Edge> below, std::int64_t limit);

}  // namespace madang::social
