#include "platform/events/parked.hpp"

#include <algorithm>

namespace madang::events {

bool waits_behind(db::Transaction& tx, std::string_view subscriber, Id aggregate) {
  return tx
      .value<int>("select 1 from event_parked where subscriber = ? and aggregate = ? limit 1",
                  subscriber, aggregate)
      .has_value();
}

void insert_parked(db::Transaction& tx, std::string_view subscriber, const Event& event,
                   const Failure& failure) {
  tx.execute(
      "insert into event_parked (subscriber, seq, aggregate, type, payload, created_at, reason, "
      "attempts, next_attempt_at, dead, parked_at, last_attempt_at) "
      "values (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?)",
      subscriber, event.seq, event.aggregate, event.type, event.payload, event.created_at,
      failure.reason, failure.next_attempt_at, failure.dead, failure.at, failure.at);
}

std::vector<DueEvent> due_events(db::Transaction& tx, std::string_view subscriber, Time now,
                                 std::int64_t limit) {
  std::vector<DueEvent> out;
  tx.each<std::int64_t, std::string, Id, std::string, Time, int>(
      "select seq, type, aggregate, payload, created_at, attempts from event_parked p "
      "where subscriber = ? and dead = 0 and next_attempt_at <= ? and seq = (select min(seq) "
      "from event_parked q where q.subscriber = p.subscriber and q.aggregate = p.aggregate) "
      "order by seq limit ?",
      [&](std::int64_t seq, std::string type, Id aggregate, std::string payload, Time created,
          int attempts) {
        out.push_back({{seq, std::move(type), aggregate, std::move(payload), created}, attempts});
      },
      subscriber, now, limit);
  return out;
}

bool take_parked(db::Transaction& tx, std::string_view subscriber, std::int64_t seq) {
  return tx.execute("delete from event_parked where subscriber = ? and seq = ?", subscriber, seq) !=
         0;
}

void note_failure(db::Transaction& tx, std::string_view subscriber, std::int64_t seq,
                  const Failure& failure) {
  tx.execute(
      "update event_parked set attempts = attempts + 1, reason = ?, last_attempt_at = ?, "
      "next_attempt_at = ?, dead = ? where subscriber = ? and seq = ?",
      failure.reason, failure.at, failure.next_attempt_at, failure.dead, subscriber, seq);
}

ParkedCounts count_parked(db::Transaction& tx, std::string_view subscriber) {
  const auto row = tx.row<std::int64_t, std::int64_t>(
      "select count(*), coalesce(sum(dead), 0) from event_parked where subscriber = ?", subscriber);
  return row ? ParkedCounts{std::get<0>(*row), std::get<1>(*row)} : ParkedCounts{};
}

std::int64_t expire_dead(db::Transaction& tx, Time before, std::int64_t limit) {
  return tx.execute(
      "delete from event_parked where (subscriber, seq) in (select subscriber, seq from "
      "(select subscriber, seq from event_parked where dead = 1 and last_attempt_at < ? "
      "order by last_attempt_at limit ?) oldest)",
      before, limit);
}

std::vector<ParkedEvent> list_parked(db::Transaction& tx, std::optional<ParkedState> state,
                                     const ParkedPlace& after, std::int64_t limit) {
  std::vector<ParkedEvent> out;
  const std::optional<std::int64_t> dead =
      state ? std::optional<std::int64_t>(*state == ParkedState::dead ? 1 : 0) : std::nullopt;
  tx.each<std::string, std::int64_t, std::string, Id, bool, std::string, std::int64_t, Time, Time,
          Time, Time>(
      "select subscriber, seq, type, aggregate, dead, reason, attempts, created_at, parked_at, "
      "last_attempt_at, next_attempt_at from event_parked where seq >= ? and (seq > ? or "
      "subscriber > ?) and dead = coalesce(?, dead) order by seq, subscriber limit ?",
      [&](std::string subscriber, std::int64_t seq, std::string type, Id aggregate, bool is_dead,
          std::string reason, std::int64_t attempts, Time created, Time parked, Time last,
          Time next) {
        out.push_back({std::move(subscriber), seq, std::move(type), aggregate,
                       is_dead ? ParkedState::dead : ParkedState::parked, std::move(reason),
                       attempts, created, parked, last,
                       is_dead ? std::nullopt : std::optional(next)});
      },
      after.seq, after.seq, after.subscriber, dead, limit);
  return out;
}

std::vector<std::string> subscribers(db::Transaction& tx) {
  std::vector<std::string> out;
  tx.each<std::string>("select subscriber from event_positions order by subscriber",
                       [&](std::string name) { out.push_back(std::move(name)); });
  return out;
}

std::int64_t retry_parked(db::Transaction& tx) {
  return tx.execute("update event_parked set dead = 0, attempts = 1, next_attempt_at = 0");
}

std::int64_t retry_parked(db::Transaction& tx, std::string_view subscriber, std::int64_t seq) {
  return tx.execute(
      "update event_parked set dead = 0, attempts = 1, next_attempt_at = 0 "
      "where subscriber = ? and seq = ?",
      subscriber, seq);
}

std::int64_t discard_dead(db::Transaction& tx) {
  return tx.execute("delete from event_parked where dead = 1");
}

Result<void> discard_dead(db::Transaction& tx, std::string_view subscriber, std::int64_t seq) {
  if (tx.execute("delete from event_parked where subscriber = ? and seq = ? and dead = 1",
                 subscriber, seq) != 0)
    return {};
  if (tx.value<int>("select 1 from event_parked where subscriber = ? and seq = ?", subscriber, seq))
    return fail(Kind::conflict, "not_dead", "This event is still being tried.");
  return fail(Kind::not_found, "not_found", "There is no such event.");
}

std::int64_t erase_parked(db::Transaction& tx, Id account,
                          std::span<const std::string_view> kept_types) {
  // Ids are unique among everything: the digits alone say whom a payload names.
  const std::string number = std::to_string(account);
  std::vector<std::pair<std::string, std::int64_t>> found;
  tx.each<std::string, std::int64_t, std::string>(
      "select subscriber, seq, type from event_parked where aggregate = ? or payload like ? or "
      "payload like ?",
      [&](std::string subscriber, std::int64_t seq, const std::string& type) {
        if (std::ranges::find(kept_types, type) == kept_types.end())
          found.emplace_back(std::move(subscriber), seq);
      },
      account, "%:" + number + ",%", "%:" + number + "}%");
  for (const auto& [subscriber, seq] : found) take_parked(tx, subscriber, seq);
  return static_cast<std::int64_t>(found.size());
}

}  // namespace madang::events
