// The SQL of notifications. Only its own tables.
#pragma once

#include "modules/notifications/types.hpp"
#include "platform/db/sql.hpp"

namespace madang::notifications {

/// Most rows an account keeps; the sweeper removes the oldest beyond.
inline constexpr std::int64_t most_kept = 1000;
inline constexpr std::chrono::days kept_for{90};
/// How far back an event stream can be resumed.
inline constexpr std::chrono::days replayable_for{7};

/// One thing somebody did. The same `What` is counted once.
struct What {
  Id account = 0;  // who is told
  Type type = Type::follow;
  Id subject = 0;  // the post; 0 for follows
  Id actor = 0;
  Id item = 0;  // the comment; 0 otherwise
};

/// Where it is counted, when it was before.
struct Counted {
  Id thread = 0;
  bool active = false;
};
std::optional<Counted> find_counted(db::Transaction& tx, const What& what);

/// Adds an actor to the group's unread thread, which moves to the new id. False when there is none,
/// or when `what` is counted already: nothing is changed then.
bool join_thread(db::Transaction& tx, const What& what, std::string_view group_key, Id id, Time at);
/// Begins the group's unread thread with an actor.
void begin_thread(db::Transaction& tx, const What& what, std::string_view group_key, Id id,
                  Time at);
/// Done again after it was taken back: counted again while unread, quietly. Whether anything
/// changed.
bool restore_actor(db::Transaction& tx, const What& what, Id thread);
enum class Retract { unread_only, everywhere };
/// Taken back. Whether the thread changed.
bool retract_actor(db::Transaction& tx, const What& what, Id thread, Retract where);
/// A deleted post's threads; whether there were any.
bool remove_threads_of_post(db::Transaction& tx, Id account, Id post);

struct Row {
  Id id = 0;
  Type type = Type::follow;
  std::optional<Id> post;
  std::optional<Id> comment;
  Id actor = 0;
  std::int64_t actor_count = 0;
  Time at{};
  bool read = false;
};
/// Rows to be shown, without those of hidden actors: newest first below an id, or oldest first
/// above.
std::vector<Row> rows_below(db::Transaction& tx, Id account, Id below, std::span<const Id> hidden,
                            std::int64_t limit);
std::vector<Row> rows_above(db::Transaction& tx, Id account, Id above, std::span<const Id> hidden,
                            std::int64_t limit);
std::int64_t count_unread(db::Transaction& tx, Id account, std::span<const Id> hidden);
/// How many it marked.
std::int64_t mark_read(db::Transaction& tx, Id account, Id up_to, Time now);

/// An account's sequence as a reader needs to know it.
struct Sequence {
  Id last = 0;   // the highest id ever committed, or 0
  Id gone = 0;   // the highest removed because of age or number, or 0
  Id first = 0;  // the lowest that is there, or 0
};
Sequence sequence_of(db::Transaction& tx, Id account);
/// At most `limit`.
std::int64_t count_above(db::Transaction& tx, Id account, Id above, std::int64_t limit);

// ---- housekeeping

/// Accounts after `after` that keep rows below `below` or more than most_kept, of the next `slice`
/// accounts. `next`: where the following slice begins, 0 at the end.
struct Slice {
  std::vector<Id> over;
  Id next = 0;
};
Slice accounts_over(db::Transaction& tx, Id after, Id below, std::int64_t slice);
/// Removes such rows, the oldest first, at most `limit`; how many.
std::int64_t trim(db::Transaction& tx, Id account, Id below, std::int64_t limit);
/// Forgets who was counted in threads that began before `below`, at most `limit`; how many.
std::int64_t forget_actors(db::Transaction& tx, Id below, std::int64_t limit);

}  // namespace madang::notifications
