// What removes rows of notifications.
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "modules/notifications/notifications.hpp"
#include "modules/notifications/storage.hpp"

namespace madang::notifications {

namespace {

/// Rows go: their account's sequence must not look shorter than it was. `gone`: because of age or
/// number, so that whoever has not seen them is told so.
void remember_removed(db::Transaction& tx, Id account, Id highest, bool gone) {
  tx.execute(
      "insert into notification_marks (account_id, last_id, gone_id) select ?, 0, 0 where not "
      "exists "
      "(select 1 from notification_marks where account_id = ?)",
      account, account);
  tx.execute(
      "update notification_marks set last_id = case when last_id < ? then ? else last_id end, "
      "gone_id = case when gone_id < ? then ? else gone_id end where account_id = ?",
      highest, highest, gone ? highest : 0, gone ? highest : 0, account);
}

std::int64_t bounded(std::int64_t limit) {
  return std::min<std::int64_t>(limit, db::IdList::max_size);
}

std::int64_t remove_ids(db::Transaction& tx, Id account, std::span<const Id> ids) {
  if (ids.empty()) return 0;
  return tx.execute("delete from notifications where account_id = ? and id in (?*)", account,
                    db::IdList{ids});
}

/// One row of notification_actors.
struct Deed {
  What what;
  Id thread = 0;
};

std::vector<Deed> deeds(db::Transaction& tx, std::string_view where, Id argument,
                        std::int64_t limit) {
  std::vector<Deed> out;
  std::string sql =
      "select account_id, type, subject_id, actor_id, item_id, thread from notification_actors "
      "where ";
  tx.each<Id, Type, Id, Id, Id, Id>(
      sql.append(where),
      [&](Id account, Type type, Id subject, Id actor, Id item, Id thread) {
        out.push_back({{account, type, subject, actor, item}, thread});
      },
      argument, limit);
  return out;
}

std::int64_t forget(db::Transaction& tx, std::span<const Deed> deeds) {
  for (const auto& [what, thread] : deeds)
    tx.execute(
        "delete from notification_actors where account_id = ? and type = ? and subject_id = ? "
        "and actor_id = ? and item_id = ?",
        what.account, what.type, what.subject, what.actor, what.item);
  return std::ssize(deeds);
}

}  // namespace

bool remove_threads_of_post(db::Transaction& tx, Id account, Id post) {
  const auto highest = tx.value<std::optional<Id>>(
      "select max(id) from notifications where account_id = ? and post_id = ?", account, post);
  if (!highest || !*highest) return false;
  remember_removed(tx, account, **highest, false);
  tx.execute("delete from notifications where account_id = ? and post_id = ?", account, post);
  return true;
}

Slice accounts_over(db::Transaction& tx, Id after, Id below, std::int64_t slice) {
  Slice out;
  std::int64_t seen = 0;
  tx.each<Id, std::int64_t, Id>(
      "select account_id, count(*), min(id) from notifications where account_id > ? "
      "group by account_id order by account_id limit ?",
      [&](Id account, std::int64_t count, Id oldest) {
        ++seen;
        out.next = account;
        if (count > most_kept || oldest < below) out.over.push_back(account);
      },
      after, slice);
  if (seen < slice) out.next = 0;
  return out;
}

std::int64_t trim(db::Transaction& tx, Id account, Id below, std::int64_t limit) {
  auto excess =
      tx.value<std::int64_t>("select count(*) from notifications where account_id = ?", account)
          .value_or(0) -
      most_kept;
  // The oldest first, so that what is gone is always below what is left.
  std::vector<Id> old;
  tx.each<Id>(
      "select id from notifications where account_id = ? order by id limit ?",
      [&](Id id) {
        if (excess-- > 0 || id < below) old.push_back(id);
      },
      account, bounded(limit));
  if (!old.empty()) remember_removed(tx, account, old.back(), true);
  return remove_ids(tx, account, old);
}

std::int64_t forget_actors(db::Transaction& tx, Id below, std::int64_t limit) {
  return forget(tx, deeds(tx, "thread < ? order by thread limit ?", below, limit));
}

bool erase(db::Transaction& tx, Id account, std::int64_t limit) {
  std::vector<Id> own;
  tx.each<Id>(
      "select id from notifications where account_id = ? order by id limit ?",
      [&](Id id) { own.push_back(id); }, account, bounded(limit));
  std::int64_t left = limit - remove_ids(tx, account, own);
  if (left > 0) left -= forget(tx, deeds(tx, "account_id = ? limit ?", account, left));
  if (left > 0) {
    // What the account did to others is undone before it is forgotten.
    const auto done = deeds(tx, "actor_id = ? limit ?", account, left);
    for (const auto& [what, thread] : done) retract_actor(tx, what, thread, Retract::everywhere);
    left -= forget(tx, done);
  }
  if (left <= 0) return false;
  tx.execute("delete from notification_marks where account_id = ?", account);
  return true;
}

}  // namespace madang::notifications
