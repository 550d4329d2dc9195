// Events that a durable subscriber could not handle, in SQL. A parked one is tried again with
// backoff; a dead one waits for an operator, who retries or discards it, and expires. What follows
// in the same aggregate is parked behind it, in order.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/events/outbox.hpp"

namespace madang::events {

enum class ParkedState { parked, dead };
BOOST_DESCRIBE_ENUM(ParkedState, parked, dead)

/// As an operator sees it; the payload stays inside.
struct ParkedEvent {
  std::string subscriber;
  std::int64_t seq = 0;
  std::string type;
  Id aggregate = 0;
  ParkedState state = ParkedState::parked;
  std::string reason;
  std::int64_t attempts = 0;
  Time created_at{};                    // of the event
  Time parked_at{};                     // the first attempt
  Time last_attempt_at{};               // the last one
  std::optional<Time> next_attempt_at;  // absent for dead ones
};
BOOST_DESCRIBE_STRUCT(ParkedEvent, (),
                      (subscriber, seq, type, aggregate, state, reason, attempts, created_at,
                       parked_at, last_attempt_at, next_attempt_at))

// ---- the dispatcher's

struct DueEvent {
  Event event;
  int attempts = 0;
};

/// How an attempt went wrong.
struct Failure {
  std::string reason;
  Time at{};
  Time next_attempt_at{};
  bool dead = false;
};

bool waits_behind(db::Transaction& tx, std::string_view subscriber, Id aggregate);
void insert_parked(db::Transaction& tx, std::string_view subscriber, const Event& event,
                   const Failure& failure);
/// The first parked event of each aggregate whose time has come.
std::vector<DueEvent> due_events(db::Transaction& tx, std::string_view subscriber, Time now,
                                 std::int64_t limit);
/// Takes it out, to be handled in the same transaction. False: somebody discarded it meanwhile.
bool take_parked(db::Transaction& tx, std::string_view subscriber, std::int64_t seq);
void note_failure(db::Transaction& tx, std::string_view subscriber, std::int64_t seq,
                  const Failure& failure);
struct ParkedCounts {
  std::int64_t all = 0;
  std::int64_t dead = 0;
};
ParkedCounts count_parked(db::Transaction& tx, std::string_view subscriber);
/// Removes dead letters last tried before then, at most `limit`; how many.
std::int64_t expire_dead(db::Transaction& tx, Time before, std::int64_t limit);

// ---- an operator's

struct ParkedPlace {
  std::int64_t seq = 0;
  std::string subscriber;
};
/// By sequence and subscriber, after the given place.
std::vector<ParkedEvent> list_parked(db::Transaction& tx, std::optional<ParkedState> state,
                                     const ParkedPlace& after, std::int64_t limit);
/// The names of all who ever subscribed, sorted.
std::vector<std::string> subscribers(db::Transaction& tx);
/// Due at once, from the first attempt on. How many. Nothing named: all of them.
std::int64_t retry_parked(db::Transaction& tx);
std::int64_t retry_parked(db::Transaction& tx, std::string_view subscriber, std::int64_t seq);
/// Gone for good; dead letters alone. How many.
std::int64_t discard_dead(db::Transaction& tx);
/// Errors: not_found; not_dead, it is still being tried.
Result<void> discard_dead(db::Transaction& tx, std::string_view subscriber, std::int64_t seq);

/// Removes what names this account (as aggregate or in its payload), whoever was to handle it,
/// except for the given types: those that take something away and hold ids alone.
std::int64_t erase_parked(db::Transaction& tx, Id account,
                          std::span<const std::string_view> kept_types);

}  // namespace madang::events
