#include "modules/notifications/storage.hpp"

#include <algorithm>

namespace madang::notifications {

namespace {

std::optional<Id> none_if_zero(Id id) {
  return id == 0 ? std::nullopt : std::optional(id);
}

/// `not in (?*)` needs at least one id, and nobody has the id 0. What goes beyond a list's bound is
/// filtered by the caller.
std::vector<Id> for_not_in(std::span<const Id> hidden) {
  const auto some = hidden.first(std::min(hidden.size(), db::IdList::max_size));
  std::vector<Id> out(some.begin(), some.end());
  if (out.empty()) out.push_back(0);
  return out;
}

}  // namespace

// ---- counting actors

namespace {

/// Counts an actor in the group's unread thread.
void insert_actor(db::Transaction& tx, const What& what, Id seq, std::string_view group_key) {
  tx.execute(
      "insert into notification_actors (account_id, type, subject_id, actor_id, item_id, seq, "
      "thread, active) select ?, ?, ?, ?, ?, ?, thread, 1 from notifications "
      "where account_id = ? and unread_key = ?",
      what.account, what.type, what.subject, what.actor, what.item, seq, what.account, group_key);
}

bool set_active(db::Transaction& tx, const What& what, bool active) {
  return tx.execute(
             "update notification_actors set active = ? where account_id = ? and type = ? "
             "and subject_id = ? and actor_id = ? and item_id = ? and active = ?",
             active, what.account, what.type, what.subject, what.actor, what.item, !active) != 0;
}

}  // namespace

std::optional<Counted> find_counted(db::Transaction& tx, const What& what) {
  const auto row = tx.row<Id, bool>(
      "select thread, active from notification_actors where account_id = ? and type = ? "
      "and subject_id = ? and actor_id = ? and item_id = ?",
      what.account, what.type, what.subject, what.actor, what.item);
  if (!row) return {};
  return Counted{std::get<0>(*row), std::get<1>(*row)};
}

bool join_thread(db::Transaction& tx, const What& what, std::string_view group_key, Id id,
                 Time at) {
  // Somebody who comments twice is one actor.
  const bool joined =
      tx.execute(
          "update notifications set actor_count = actor_count + case when exists (select 1 from "
          "notification_actors a where a.account_id = ? and a.type = ? and a.subject_id = ? "
          "and a.actor_id = ? and a.thread = notifications.thread and a.active = 1) then 0 else 1 "
          "end, id = ?, actor_id = ?, comment_id = ?, updated_at = ? "
          "where account_id = ? and unread_key = ? and not exists (select 1 from "
          "notification_actors a where a.account_id = ? and a.type = ? and a.subject_id = ? "
          "and a.actor_id = ? and a.item_id = ?)",
          what.account, what.type, what.subject, what.actor, id, what.actor,
          none_if_zero(what.item), at, what.account, group_key, what.account, what.type,
          what.subject, what.actor, what.item) != 0;
  if (!joined) return false;
  insert_actor(tx, what, id, group_key);
  return true;
}

void begin_thread(db::Transaction& tx, const What& what, std::string_view group_key, Id id,
                  Time at) {
  tx.execute(
      "insert into notifications (thread, id, account_id, type, group_key, unread_key, post_id, "
      "comment_id, actor_id, actor_count, created_at, updated_at) "
      "values (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
      id, id, what.account, what.type, group_key, group_key, none_if_zero(what.subject),
      none_if_zero(what.item), what.actor, at, at);
  insert_actor(tx, what, id, group_key);
}

bool restore_actor(db::Transaction& tx, const What& what, Id thread) {
  if (!set_active(tx, what, true)) return false;
  // The actor first: MariaDB assigns from left to right.
  return tx.execute(
             "update notifications set actor_id = case when actor_count = 0 then ? else actor_id "
             "end, actor_count = actor_count + 1 where thread = ? and read_at is null",
             what.actor, thread) != 0;
}

bool retract_actor(db::Transaction& tx, const What& what, Id thread, Retract where) {
  if (!set_active(tx, what, false)) return false;
  const bool changed =
      tx.execute(
          "update notifications set actor_count = actor_count - case when exists (select 1 from "
          "notification_actors a where a.account_id = ? and a.type = ? and a.subject_id = ? "
          "and a.actor_id = ? and a.thread = notifications.thread and a.active = 1) then 0 else 1 "
          "end where thread = ? and (read_at is null or ? = 1)",
          what.account, what.type, what.subject, what.actor, thread,
          where == Retract::everywhere) != 0;
  if (!changed) return false;
  const auto latest = tx.row<Id, Id>(
      "select actor_id, item_id from notification_actors where thread = ? and active = 1 "
      "order by seq desc limit 1",
      thread);
  if (latest)
    tx.execute("update notifications set actor_id = ?, comment_id = ? where thread = ?",
               std::get<0>(*latest), none_if_zero(std::get<1>(*latest)), thread);
  return true;
}

// ---- reading

namespace {

constexpr std::string_view shown_rows =
    "select id, type, post_id, comment_id, actor_id, actor_count, updated_at, "
    "case when read_at is null then 0 else 1 end from notifications "
    "where account_id = ? and actor_count > 0 and actor_id not in (?*) and id ";

std::vector<Row> load_rows(db::Transaction& tx, std::string_view how, Id account, Id from,
                           std::span<const Id> hidden, std::int64_t limit) {
  std::vector<Row> out;
  const std::vector<Id> excluded = for_not_in(hidden);
  std::string sql(shown_rows);
  tx.each<Id, Type, std::optional<Id>, std::optional<Id>, Id, std::int64_t, Time, bool>(
      sql.append(how),
      [&](Id id, Type type, std::optional<Id> post, std::optional<Id> comment, Id actor,
          std::int64_t actors, Time at,
          bool read) { out.push_back({id, type, post, comment, actor, actors, at, read}); },
      account, db::IdList{excluded}, from, limit);
  return out;
}

}  // namespace

std::vector<Row> rows_below(db::Transaction& tx, Id account, Id below, std::span<const Id> hidden,
                            std::int64_t limit) {
  return load_rows(tx, "< ? order by id desc limit ?", account, below, hidden, limit);
}

std::vector<Row> rows_above(db::Transaction& tx, Id account, Id above, std::span<const Id> hidden,
                            std::int64_t limit) {
  return load_rows(tx, "> ? order by id limit ?", account, above, hidden, limit);
}

std::int64_t count_unread(db::Transaction& tx, Id account, std::span<const Id> hidden) {
  const std::vector<Id> excluded = for_not_in(hidden);
  return tx
      .value<std::int64_t>(
          "select count(*) from notifications where account_id = ? and unread_key > '' "
          "and actor_count > 0 and actor_id not in (?*)",
          account, db::IdList{excluded})
      .value_or(0);
}

std::int64_t mark_read(db::Transaction& tx, Id account, Id up_to, Time now) {
  return tx.execute(
      "update notifications set read_at = ?, unread_key = null where account_id = ? "
      "and unread_key > '' and +id <= ?",
      now, account, up_to);
}

Sequence sequence_of(db::Transaction& tx, Id account) {
  const auto row = tx.row<Id, Id, Id, Id>(
      "select coalesce((select max(id) from notifications where account_id = ?), 0), "
      "coalesce((select min(id) from notifications where account_id = ?), 0), "
      "coalesce((select last_id from notification_marks where account_id = ?), 0), "
      "coalesce((select gone_id from notification_marks where account_id = ?), 0)",
      account, account, account, account);
  const auto& [last, first, last_removed, gone] = *row;
  return {std::max(last, last_removed), gone, first};
}

std::int64_t count_above(db::Transaction& tx, Id account, Id above, std::int64_t limit) {
  return tx
      .value<std::int64_t>(
          "select count(*) from (select 1 from notifications where account_id = ? and id > ? "
          "limit ?) some",
          account, above, limit)
      .value_or(0);
}

}  // namespace madang::notifications
