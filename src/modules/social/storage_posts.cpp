#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>

#include "modules/social/storage.hpp"

namespace madang::social {

namespace {

constexpr auto shown = ContentState::shown;

/// `p` is shown and its author is there.
constexpr std::string_view visible_post =
    "+p.state = 0 and exists (select 1 from social_profiles v where v.account_id = p.author_id and "
    "v.visible = 1)";

}  // namespace

void insert_profile(db::Transaction& tx, Id account) {
  tx.execute(
      "insert into social_profiles (account_id, visible, post_count, follower_count, "
      "following_count) "
      "values (?, 1, 0, 0, 0)",
      account);
}

void set_profile_visible(db::Transaction& tx, Id account, bool visible) {
  tx.execute("update social_profiles set visible = ? where account_id = ?", visible, account);
}

bool is_visible(db::Transaction& tx, Id account) {
  return tx
      .value<int>("select 1 from social_profiles where account_id = ? and visible = 1", account)
      .has_value();
}

void add_to_counts(db::Transaction& tx, Id account, int posts, int followers, int following) {
  tx.execute(
      "update social_profiles set post_count = post_count + ?, follower_count = follower_count + "
      "?, "
      "following_count = following_count + ? where account_id = ?",
      posts, followers, following, account);
}

std::optional<Counts> counts(db::Transaction& tx, Id account) {
  const auto row = tx.row<std::int64_t, std::int64_t, std::int64_t>(
      "select post_count, follower_count, following_count from social_profiles where account_id = "
      "? and visible = 1",
      account);
  if (!row) return {};
  return Counts{std::get<0>(*row), std::get<1>(*row), std::get<2>(*row)};
}

void insert_post(db::Transaction& tx, const PostRow& post, std::span<const Id> media) {
  tx.execute(
      "insert into posts (id, author_id, body, state, like_count, comment_count, created_at) "
      "values (?, ?, ?, 0, 0, 0, ?)",
      post.id, post.author, post.text, post.created_at);
  int position = 0;
  for (const Id id : media)
    tx.execute("insert into post_media (post_id, position, media_id) values (?, ?, ?)", post.id,
               position++, id);
  add_to_counts(tx, post.author, 1, 0, 0);
}

std::map<Id, PostRow> find_posts(db::Transaction& tx, std::span<const Id> ids) {
  std::map<Id, PostRow> out;
  static const std::string sql =
      "select p.id, p.author_id, p.body, p.like_count, p.comment_count, p.created_at, p.edited_at "
      "from posts p "
      "where p.id in (?*) and " +
      std::string(visible_post);
  tx.each<Id, Id, std::string, std::int64_t, std::int64_t, Time, std::optional<Time>>(
      sql,
      [&](Id id, Id author, std::string text, std::int64_t likes, std::int64_t comments,
          Time created, std::optional<Time> edited) {
        out.try_emplace(id, PostRow{id, author, std::move(text), likes, comments, created, edited});
      },
      db::IdList{ids});
  return out;
}

std::optional<PostRow> find_post(db::Transaction& tx, Id id) {
  auto found = find_posts(tx, std::span(&id, 1));
  if (found.empty()) return {};
  return std::move(found.begin()->second);
}

std::vector<std::pair<Id, Id>> media_of(db::Transaction& tx, std::span<const Id> posts) {
  std::vector<std::pair<Id, Id>> out;
  tx.each<Id, Id>(
      "select post_id, media_id from post_media where post_id in (?*) order by post_id, position",
      [&](Id post, Id medium) { out.emplace_back(post, medium); }, db::IdList{posts});
  return out;
}

std::map<Id, Post> load_posts(db::Transaction& tx, std::span<const Id> ids) {
  std::map<Id, Post> out;
  const auto rows = find_posts(tx, ids);
  std::set<Id> authors;
  for (const auto& [id, row] : rows) authors.insert(row.author);
  const auto post_media = media_of(tx, ids);
  std::vector<Id> media_ids;
  for (const auto& [post, medium] : post_media) media_ids.push_back(medium);
  const std::vector<Id> author_ids(authors.begin(), authors.end());
  const auto cards = identity::cards(tx, author_ids);
  const auto views = media_ids.empty() ? std::map<Id, media::View>() : media::views(tx, media_ids);
  for (const auto& [id, row] : rows) {
    const auto card = cards.find(row.author);
    if (card == cards.end()) continue;
    out.emplace(id, Post{id,
                         card->second,
                         row.text,
                         {},
                         row.like_count,
                         row.comment_count,
                         false,
                         row.created_at,
                         row.edited_at});
  }
  for (const auto& [post, medium] : post_media) {
    const auto found = out.find(post);
    const auto view = views.find(medium);
    if (found != out.end() && view != views.end()) found->second.media.push_back(view->second);
  }
  return out;
}

std::vector<Id> deleted_among(db::Transaction& tx, std::span<const Id> ids) {
  std::set<Id> gone(ids.begin(), ids.end());
  tx.each<Id>(
      "select id from posts where id in (?*) and +state in (0, 1)", [&](Id id) { gone.erase(id); },
      db::IdList{ids});
  return {gone.begin(), gone.end()};
}

std::set<Id> liked_among(db::Transaction& tx, Id account, std::span<const Id> posts) {
  std::set<Id> out;
  if (account == 0 || posts.empty()) return out;
  tx.each<Id>(
      "select post_id from post_likes where account_id = ? and post_id in (?*)",
      [&](Id post) { out.insert(post); }, account, db::IdList{posts});
  return out;
}

std::int64_t update_post_text(db::Transaction& tx, Id post, Id author, std::string_view text,
                              Time now) {
  return tx.execute(
      "update posts set body = ?, edited_at = ? where id = ? and author_id = ? and state = 0", text,
      now, post, author);
}

bool move_post(db::Transaction& tx, Id post, Id author, ContentState from, ContentState to) {
  if (tx.execute("update posts set state = ? where id = ? and state = ?", to, post, from) == 0)
    return false;
  if (from == shown) add_to_counts(tx, author, -1, 0, 0);
  if (to == shown) add_to_counts(tx, author, 1, 0, 0);
  return true;
}

std::optional<std::pair<Id, ContentState>> post_author_and_state(db::Transaction& tx, Id post) {
  const auto row =
      tx.row<Id, ContentState>("select author_id, state from posts where id = ?", post);
  if (!row) return {};
  return std::pair(std::get<0>(*row), std::get<1>(*row));
}

std::vector<Id> posts_of(db::Transaction& tx, Id author, Id below, std::int64_t limit) {
  std::vector<Id> out;
  tx.each<Id>(
      "select id from posts where author_id = ? and state = 0 and id < ? order by id desc limit ?",
      [&](Id id) { out.push_back(id); }, author, below, limit);
  return out;
}

bool insert_like(db::Transaction& tx, Id post, Id account, Time now) {
  const auto added = tx.execute(
      "insert into post_likes (post_id, account_id, created_at) select ?, ?, ? "
      "where not exists (select 1 from post_likes where post_id = ? and account_id = ?)",
      post, account, now, post, account);
  if (added != 0) tx.execute("update posts set like_count = like_count + 1 where id = ?", post);
  return added != 0;
}

bool delete_like(db::Transaction& tx, Id post, Id account) {
  const auto removed =
      tx.execute("delete from post_likes where post_id = ? and account_id = ?", post, account);
  if (removed != 0) tx.execute("update posts set like_count = like_count - 1 where id = ?", post);
  return removed != 0;
}

std::vector<LikedPost> likes_of(db::Transaction& tx, Id account, std::optional<LikedPost> below,
                                std::int64_t limit) {
  const LikedPost from = below.value_or(LikedPost{max_id, Time::max()});
  std::vector<LikedPost> out;
  tx.each<Id, Time>(
      "select post_id, created_at from post_likes where account_id = ? and created_at <= ? "
      "and (created_at < ? or post_id < ?) order by created_at desc, post_id desc limit ?",
      [&](Id post, Time at) { out.push_back({post, at}); }, account, from.at, from.at, from.post,
      limit);
  return out;
}

std::vector<Id> most_liked(db::Transaction& tx, Time since, std::int64_t limit) {
  std::vector<Id> out;
  tx.each<Id, std::int64_t>(
      "select post_id, count(*) as likes from post_likes where created_at > ? group by post_id + 0 "
      "order by likes desc, post_id desc limit ?",
      [&](Id post, std::int64_t) { out.push_back(post); }, since, limit);
  return out;
}

namespace {

std::optional<RankingRow> ranking_row(std::optional<std::tuple<Time, std::string>> row) {
  if (!row) return {};
  RankingRow out{std::get<0>(*row), {}};
  std::istringstream ids(std::get<1>(*row));
  for (Id id = 0; ids >> id;) out.posts.push_back(id);
  return out;
}

}  // namespace

std::optional<RankingRow> newest_ranking(db::Transaction& tx, Time since) {
  return ranking_row(tx.row<Time, std::string>(
      "select taken_at, posts from ranking_snapshots where taken_at > ? order by taken_at desc "
      "limit 1",
      since));
}

std::optional<RankingRow> ranking_snapshot(db::Transaction& tx, Time taken_at) {
  return ranking_row(tx.row<Time, std::string>(
      "select taken_at, posts from ranking_snapshots where taken_at = ?", taken_at));
}

bool insert_ranking(db::Transaction& tx, const RankingRow& row, Time unless_since) {
  return tx.execute(
             "insert into ranking_snapshots (taken_at, posts) select ?, ? where not exists "
             "(select 1 from ranking_snapshots where taken_at > ?)",
             row.taken_at, fmt::format("{}", fmt::join(row.posts, " ")), unless_since) == 1;
}

void delete_rankings(db::Transaction& tx, Time before) {
  tx.execute("delete from ranking_snapshots where taken_at < ?", before);
}

}  // namespace madang::social
