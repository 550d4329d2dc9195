#include "modules/social/upkeep.hpp"

#include <array>

namespace madang::social {

namespace {

constexpr auto deleted = ContentState::deleted;

}  // namespace

std::int64_t purge_deleted(db::Transaction& tx, std::int64_t limit) {
  const auto post =
      tx.value<Id>("select id from posts where state = ? order by id limit 1", deleted);
  if (!post) return tx.execute("delete from comments where state = ? limit ?", deleted, limit);
  std::int64_t removed =
      tx.execute("delete from post_likes where post_id = ? limit ?", *post, limit);
  removed += tx.execute("delete from comments where post_id = ? limit ?", *post, limit);
  if (removed != 0) return removed;
  tx.execute("delete from post_media where post_id = ?", *post);
  return tx.execute("delete from posts where id = ?", *post);
}

bool erase_account(db::Transaction& tx, Id account, std::int64_t limit, Time now,
                   std::vector<Id>& touched) {
  std::int64_t left = limit;
  for (const Id post : posts_of(tx, account, max_id, left)) {
    move_post(tx, post, account, ContentState::shown, deleted);
    media::release(tx, post, now);
    --left;
  }
  tx.execute("update posts set state = ? where author_id = ? and state = ?", deleted, account,
             ContentState::hidden);
  for (const auto& [id, post, state] : tx.rows<Id, Id, ContentState>(
           "select id, post_id, state from comments where author_id = ? and state <> ? limit ?",
           account, deleted, left)) {
    move_comment(tx, id, post, state, deleted);
    touched.push_back(post);
    --left;
  }
  for (const LikedPost& liked : likes_of(tx, account, {}, left)) {
    delete_like(tx, liked.post, account);
    touched.push_back(liked.post);
    --left;
  }
  for (const auto& [other] : tx.rows<Id>(
           "select followee_id from follows where follower_id = ? limit ?", account, left)) {
    delete_follow(tx, account, other);
    --left;
  }
  for (const auto& [other] : tx.rows<Id>(
           "select follower_id from follows where followee_id = ? limit ?", account, left)) {
    delete_follow(tx, other, account);
    --left;
  }
  if (left <= 0) return false;
  tx.execute("delete from blocks where blocker_id = ? or blocked_id = ?", account, account);
  tx.execute("delete from mutes where muter_id = ? or muted_id = ?", account, account);
  tx.execute("delete from feed_marks where account_id = ?", account);
  tx.execute("update reports set reason = '' where reporter_id = ?", account);
  return true;
}

namespace {

struct Counter {
  std::string_view name;
  std::string_view find;    // row, stored, counted
  std::string_view update;  // counted, row
};

constexpr std::array counters{
    Counter{"posts.like_count",
            "select p.id, p.like_count, (select count(*) from post_likes l where l.post_id = p.id) "
            "as counted "
            "from posts p where p.state <> 2 and p.like_count <> "
            "(select count(*) from post_likes l where l.post_id = p.id) limit ?",
            "update posts set like_count = ? where id = ?"},
    Counter{"posts.comment_count",
            "select p.id, p.comment_count, (select count(*) from comments c where c.post_id = p.id "
            "and c.state = 0) "
            "from posts p where p.state <> 2 and p.comment_count <> "
            "(select count(*) from comments c where c.post_id = p.id and c.state = 0) limit ?",
            "update posts set comment_count = ? where id = ?"},
    Counter{"social_profiles.post_count",
            "select s.account_id, s.post_count, "
            "(select count(*) from posts p where p.author_id = s.account_id and p.state = 0) from "
            "social_profiles s "
            "where s.post_count <> (select count(*) from posts p where p.author_id = s.account_id "
            "and p.state = 0) "
            "limit ?",
            "update social_profiles set post_count = ? where account_id = ?"},
    Counter{"social_profiles.follower_count",
            "select s.account_id, s.follower_count, "
            "(select count(*) from follows f where f.followee_id = s.account_id) from "
            "social_profiles s "
            "where s.follower_count <> (select count(*) from follows f where f.followee_id = "
            "s.account_id) limit ?",
            "update social_profiles set follower_count = ? where account_id = ?"},
    Counter{"social_profiles.following_count",
            "select s.account_id, s.following_count, "
            "(select count(*) from follows f where f.follower_id = s.account_id) from "
            "social_profiles s "
            "where s.following_count <> (select count(*) from follows f where f.follower_id = "
            "s.account_id) limit ?",
            "update social_profiles set following_count = ? where account_id = ?"},
};

}  // namespace

std::vector<Miscount> find_miscounts(db::Transaction& tx, std::int64_t limit) {
  std::vector<Miscount> out;
  for (const Counter& counter : counters)
    tx.each<Id, std::int64_t, std::int64_t>(
        counter.find,
        [&](Id row, std::int64_t stored, std::int64_t counted) {
          out.push_back({std::string(counter.name), row, stored, counted});
        },
        limit);
  return out;
}

void correct(db::Transaction& tx, const Miscount& miscount) {
  for (const Counter& counter : counters)
    if (counter.name == miscount.counter)
      tx.execute(counter.update, miscount.counted, miscount.row);
}

}  // namespace madang::social
