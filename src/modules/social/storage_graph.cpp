#include <algorithm>

#include "modules/social/storage.hpp"

namespace madang::social {

namespace {

/// Inserts a pair once; whether it is new.
bool insert_pair(db::Transaction& tx, std::string_view sql, Id one, Id other, Time now) {
  return tx.execute(sql, one, other, now, one, other) != 0;
}

}  // namespace

bool insert_follow(db::Transaction& tx, Id follower, Id followee, Time now) {
  const bool added = insert_pair(
      tx,
      "insert into follows (follower_id, followee_id, created_at) select ?, ?, ? where not "
      "exists (select 1 from follows where follower_id = ? and followee_id = ?)",
      follower, followee, now);
  if (!added) return false;
  add_to_counts(tx, follower, 0, 0, 1);
  add_to_counts(tx, followee, 0, 1, 0);
  return true;
}

bool delete_follow(db::Transaction& tx, Id follower, Id followee) {
  if (tx.execute("delete from follows where follower_id = ? and followee_id = ?", follower,
                 followee) == 0)
    return false;
  add_to_counts(tx, follower, 0, 0, -1);
  add_to_counts(tx, followee, 0, -1, 0);
  return true;
}

bool insert_block(db::Transaction& tx, Id blocker, Id blocked, Time now) {
  return insert_pair(
      tx,
      "insert into blocks (blocker_id, blocked_id, created_at) select ?, ?, ? where not exists "
      "(select 1 from blocks where blocker_id = ? and blocked_id = ?)",
      blocker, blocked, now);
}

bool delete_block(db::Transaction& tx, Id blocker, Id blocked) {
  return tx.execute("delete from blocks where blocker_id = ? and blocked_id = ?", blocker,
                    blocked) != 0;
}

bool insert_mute(db::Transaction& tx, Id muter, Id muted, Time now) {
  return insert_pair(
      tx,
      "insert into mutes (muter_id, muted_id, created_at) select ?, ?, ? where not exists "
      "(select 1 from mutes where muter_id = ? and muted_id = ?)",
      muter, muted, now);
}

bool delete_mute(db::Transaction& tx, Id muter, Id muted) {
  return tx.execute("delete from mutes where muter_id = ? and muted_id = ?", muter, muted) != 0;
}

bool blocked_between(db::Transaction& tx, Id one, Id other) {
  return tx
      .value<int>(
          "select 1 from blocks where (blocker_id = ? and blocked_id = ?) or (blocker_id = ? and "
          "blocked_id = ?)",
          one, other, other, one)
      .has_value();
}

std::set<Id> blocked_with(db::Transaction& tx, Id account) {
  std::set<Id> out;
  tx.each<Id>(
      "select blocked_id from blocks where blocker_id = ? union select blocker_id from blocks "
      "where blocked_id = ?",
      [&](Id id) { out.insert(id); }, account, account);
  return out;
}

std::set<Id> muted_by(db::Transaction& tx, Id account) {
  std::set<Id> out;
  tx.each<Id>(
      "select muted_id from mutes where muter_id = ?", [&](Id id) { out.insert(id); }, account);
  return out;
}

bool hears(db::Transaction& tx, Id viewer, Id actor) {
  return !blocked_between(tx, viewer, actor) &&
         !tx.value<int>("select 1 from mutes where muter_id = ? and muted_id = ?", viewer, actor);
}

std::vector<Id> hidden_from(db::Transaction& tx, Id viewer) {
  std::vector<Id> out;
  tx.each<Id>(
      "select blocked_id from blocks where blocker_id = ? union select blocker_id from blocks "
      "where blocked_id = ? "
      "union select muted_id from mutes where muter_id = ?",
      [&](Id id) { out.push_back(id); }, viewer, viewer, viewer);
  return out;
}

Relation relation(db::Transaction& tx, Id viewer, Id other) {
  const auto row = tx.row<bool, bool, bool, bool, bool>(
      "select exists (select 1 from follows where follower_id = ? and followee_id = ?), "
      "exists (select 1 from follows where follower_id = ? and followee_id = ?), "
      "exists (select 1 from blocks where blocker_id = ? and blocked_id = ?), "
      "exists (select 1 from blocks where blocker_id = ? and blocked_id = ?), "
      "exists (select 1 from mutes where muter_id = ? and muted_id = ?)",
      viewer, other, other, viewer, viewer, other, other, viewer, viewer, other);
  const auto& [following, followed_by, blocked, blocked_by, muted] = *row;
  return {following, followed_by, blocked, blocked_by, muted};
}

std::set<Id> followed_among(db::Transaction& tx, Id follower, std::span<const Id> accounts) {
  std::set<Id> out;
  if (follower == 0 || accounts.empty()) return out;
  tx.each<Id>(
      "select followee_id from follows where follower_id = ? and followee_id in (?*)",
      [&](Id id) { out.insert(id); }, follower, db::IdList{accounts});
  return out;
}

namespace {

/// `e.other` is visible and not blocked with the viewer.
std::string edges_sql(const std::string& mine, const std::string& other) {
  return "select e.created_at, e." + other + " from follows e where e." + mine +
         " = ? and e.created_at <= ? and (e.created_at < ? or e." + other + " < ?) " +
         "and exists (select 1 from social_profiles v where v.account_id = e." + other +
         " and v.visible = 1) " +
         "and not exists (select 1 from blocks b where b.blocker_id = ? and b.blocked_id = e." +
         other + ") " + "and not exists (select 1 from blocks b where b.blocker_id = e." + other +
         " and b.blocked_id = ?) " + "order by e.created_at desc, e." + other + " desc limit ?";
}

std::vector<Edge> edges(db::Transaction& tx, const std::string& sql, Id account, Id viewer,
                        std::optional<Edge> below, std::int64_t limit) {
  const Edge from = below.value_or(Edge{Time::max(), max_id});
  std::vector<Edge> out;
  tx.each<Time, Id>(
      sql, [&](Time at, Id other) { out.push_back({at, other}); }, account, from.at, from.at,
      from.account, viewer, viewer, limit);
  return out;
}

}  // namespace

std::vector<Edge> followers_of(db::Transaction& tx, Id account, Id viewer,
                               std::optional<Edge> below, std::int64_t limit) {
  static const std::string sql = edges_sql("followee_id", "follower_id");
  return edges(tx, sql, account, viewer, below, limit);
}

std::vector<Edge> following_of(db::Transaction& tx, Id account, Id viewer,
                               std::optional<Edge> below, std::int64_t limit) {
  static const std::string sql = edges_sql("follower_id", "followee_id");
  return edges(tx, sql, account, viewer, below, limit);
}

std::vector<PostPreview> previews(db::Transaction& tx, Id viewer, std::span<const Id> posts) {
  std::vector<PostPreview> out;
  const std::vector<Id> hidden = hidden_from(tx, viewer);
  for (auto& [id, row] : find_posts(tx, posts)) {
    if (std::ranges::find(hidden, row.author) != hidden.end()) continue;
    std::string text = std::move(row.text);
    std::size_t bytes = 0;
    for (std::size_t points = 0; bytes < text.size(); ++bytes)
      if ((static_cast<unsigned char>(text[bytes]) & 0xC0U) != 0x80U && points++ == 80) break;
    text.resize(bytes);
    out.push_back({id, row.author, std::move(text)});
  }
  return out;
}

}  // namespace madang::social
