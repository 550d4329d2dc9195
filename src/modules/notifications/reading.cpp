#include "modules/notifications/reading.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "base/cursor.hpp"
#include "modules/social/social.hpp"

namespace madang::notifications {

namespace {

std::map<Id, std::string> texts_of(db::Transaction& tx, Id account, const std::set<Id>& posts) {
  const std::vector<Id> ids(posts.begin(), posts.end());
  std::map<Id, std::string> out;
  for (auto& preview : social::previews(tx, account, ids))
    out.emplace(preview.id, std::move(preview.text));
  return out;
}

/// Rows as people see them. Those whose actor or post is gone are left out: what removes them is on
/// its way.
std::vector<Notification> dress(db::Transaction& tx, Id account, std::span<const Row> rows,
                                std::span<const Id> hidden) {
  std::set<Id> actors;
  std::set<Id> posts;
  for (const Row& row : rows) {
    actors.insert(row.actor);
    if (row.post) posts.insert(*row.post);
  }
  for (const Id id : hidden) actors.erase(id);
  const auto cards = identity::cards(tx, std::vector(actors.begin(), actors.end()));
  const auto texts = texts_of(tx, account, posts);
  std::vector<Notification> out;
  for (const Row& row : rows) {
    const auto card = cards.find(row.actor);
    if (card == cards.end() || (row.post && !texts.contains(*row.post))) continue;
    Notification& item = out.emplace_back();
    item = {row.id, row.type, card->second, row.actor_count, {}, row.comment, row.at, row.read};
    if (row.post) item.post = NotifiedPost{*row.post, texts.at(*row.post)};
  }
  return out;
}

realtime::Stored to_message(const Notification& item, std::int64_t unread) {
  NotificationEvent event;
  static_cast<Notification&>(event) = item;
  event.unread = unread;
  return {item.id, {}, "notification", json::to_json(event), item.created_at};
}

/// Whether something after `after` is no longer kept for replay, or `after` was never given out.
bool is_lost(db::Transaction& tx, Id account, Id after, const Sequence& sequence, Time now) {
  if (after == sequence.last) return false;
  if (after > sequence.last || after < sequence.gone) return true;
  const Id oldest = first_id_at(now - replayable_for);
  // 0 stands before the first one: what counts is how old that is.
  const bool too_old = after == 0 ? sequence.first != 0 && sequence.first < oldest : after < oldest;
  return too_old || count_above(tx, account, after, most_kept + 1) > most_kept;
}

}  // namespace

NotificationPage load_page(db::Transaction& tx, Id account, Id below, std::int64_t limit) {
  const auto hidden = social::hidden_from(tx, account);
  std::vector<Row> rows = rows_below(tx, account, below, hidden, limit + 1);
  NotificationPage page;
  if (std::ssize(rows) > limit) {
    rows.pop_back();
    page.next_cursor = encode_cursor(CursorKind::notifications, {rows.back().id});
  }
  page.items = dress(tx, account, rows, hidden);
  page.unread = count_unread(tx, account, hidden);
  return page;
}

realtime::ReplayPage load_replay(db::Transaction& tx, Id account, std::optional<Id> after,
                                 std::int64_t limit, Time now) {
  const Sequence sequence = sequence_of(tx, account);
  realtime::ReplayPage page;
  page.upto = sequence.last;
  if (!after) return page;
  page.reset = is_lost(tx, account, *after, sequence, now);
  if (page.reset || *after == sequence.last) return page;
  const auto hidden = social::hidden_from(tx, account);
  const std::vector<Row> rows = rows_above(tx, account, *after, hidden, limit);
  page.more = !rows.empty() && std::ssize(rows) == limit;
  if (page.more) page.upto = rows.back().id;
  const std::int64_t unread = count_unread(tx, account, hidden);
  for (const Notification& item : dress(tx, account, rows, hidden))
    page.messages.push_back(to_message(item, unread));
  return page;
}

}  // namespace madang::notifications
