// What removes rows of notifications.
#include <algorithm>
#include <map>

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

std::int64_t remove_ids(db::Transaction& tx, std::span<const Id> ids) {
  if (ids.empty()) return 0;
  return tx.execute("delete from notifications where id in (?*)", db::IdList{ids});
}

std::int64_t bounded(std::int64_t limit) {
  return std::min<std::int64_t>(limit, db::IdList::max_size);
}

std::vector<Id> ids(db::Transaction& tx, std::string_view sql, Id argument, std::int64_t limit) {
  std::vector<Id> out;
  tx.each<Id>(sql, [&](Id id) { out.push_back(id); }, argument, bounded(limit));
  return out;
}

std::int64_t remove_actors(db::Transaction& tx, std::span<const Id> seqs) {
  if (seqs.empty()) return 0;
  return tx.execute("delete from notification_actors where seq in (?*)", db::IdList{seqs});
}

/// What the account did to others, each undone before it is forgotten.
std::int64_t erase_as_actor(db::Transaction& tx, Id actor, std::int64_t limit) {
  struct Deed {
    What what;
    Counted counted;
  };
  std::vector<Deed> deeds;
  tx.each<Id, Id, Type, Id, Id, Id, bool>(
      "select seq, account_id, type, subject_id, item_id, thread, active from notification_actors "
      "where actor_id = ? order by seq limit ?",
      [&](Id seq, Id account, Type type, Id subject, Id item, Id thread, bool active) {
        deeds.push_back({{account, type, subject, actor, item}, {seq, thread, active}});
      },
      actor, bounded(limit));
  std::vector<Id> seqs;
  for (const Deed& deed : deeds) {
    retract_actor(tx, deed.what, deed.counted, Retract::everywhere);
    seqs.push_back(deed.counted.seq);
  }
  return remove_actors(tx, seqs);
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

std::int64_t remove_older(db::Transaction& tx, Id below, std::int64_t limit) {
  std::vector<Id> old;
  std::map<Id, Id> highest;
  tx.each<Id, Id>(
      "select id, account_id from notifications where id < ? order by id limit ?",
      [&](Id id, Id account) {
        old.push_back(id);
        highest[account] = id;
      },
      below, bounded(limit));
  for (const auto& [account, id] : highest) remember_removed(tx, account, id, true);
  return remove_ids(tx, old);
}

std::int64_t remove_actors_older(db::Transaction& tx, Id below, std::int64_t limit) {
  const auto old = ids(tx, "select seq from notification_actors where seq < ? order by seq limit ?",
                       below, limit);
  return remove_actors(tx, old);
}

Slice accounts_over(db::Transaction& tx, Id after, std::int64_t slice) {
  Slice out;
  std::int64_t seen = 0;
  tx.each<Id, std::int64_t>(
      "select account_id, count(*) from notifications where account_id > ? group by account_id "
      "order by account_id limit ?",
      [&](Id account, std::int64_t count) {
        ++seen;
        out.next = account;
        if (count > most_kept) out.over.push_back(account);
      },
      after, slice);
  if (seen < slice) out.next = 0;
  return out;
}

std::int64_t trim(db::Transaction& tx, Id account, std::int64_t limit) {
  // The oldest first, so that what is gone is always below what is left.
  const auto count =
      tx.value<std::int64_t>("select count(*) from notifications where account_id = ?", account)
          .value_or(0);
  if (count <= most_kept) return 0;
  const auto old = ids(tx, "select id from notifications where account_id = ? order by id limit ?",
                       account, std::min(limit, count - most_kept));
  if (!old.empty()) remember_removed(tx, account, old.back(), true);
  return remove_ids(tx, old);
}

bool erase(db::Transaction& tx, Id account, std::int64_t limit) {
  std::int64_t left = limit;
  const auto own = ids(tx, "select id from notifications where account_id = ? order by id limit ?",
                       account, left);
  left -= remove_ids(tx, own);
  if (left > 0) {
    const auto actors =
        ids(tx, "select seq from notification_actors where account_id = ? limit ?", account, left);
    left -= remove_actors(tx, actors);
  }
  if (left > 0) left -= erase_as_actor(tx, account, left);
  if (left <= 0) return false;
  tx.execute("delete from notification_marks where account_id = ?", account);
  return true;
}

}  // namespace madang::notifications
