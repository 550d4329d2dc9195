#include "modules/notifications/service.hpp"

#include "base/cursor.hpp"
#include "modules/notifications/subscriber.hpp"
#include "modules/social/social.hpp"

namespace madang::notifications {

namespace {

/// Rows a sweep removes at a time, and how often a step goes on before it gives way.
constexpr std::int64_t sweep_rows = 300;
constexpr int sweep_chunks = 20;
constexpr std::int64_t sweep_accounts = 500;

}  // namespace

Task<Result<NotificationPage>> Service::list(Deadline deadline, Id account, http::PageQuery page) {
  const auto cursor = decode_cursor(CursorKind::notifications, page.cursor, 1);
  if (!cursor) co_return std::unexpected(cursor.error());
  const Id below = *cursor ? (**cursor)[0] : max_id + 1;
  const auto body = [&](db::Transaction& tx) -> Result<NotificationPage> {
    return load_page(tx, account, below, page.size());
  };
  // Whoever was just told of one, by whichever instance wrote it, finds it.
  Result<NotificationPage> loaded = co_await db_.read_latest(deadline, body);
  co_return loaded;
}

Task<Result<Unread>> Service::mark_read(Deadline deadline, Id account, Id up_to) {
  std::int64_t marked = 0;
  const auto body = [&](db::Transaction& tx) -> Result<Unread> {
    marked = notifications::mark_read(tx, account, up_to, clock_.now());
    const auto hidden = social::hidden_from(tx, account);
    return Unread{count_unread(tx, account, hidden)};
  };
  Result<Unread> done = co_await db_.write(deadline, body);
  if (done && marked > 0) hub_.hint(account, changed_hint);  // the account's other devices
  co_return done;
}

Task<Result<realtime::ReplayPage>> Service::read(Id account, std::optional<Id> after,
                                                 std::int64_t limit, Deadline deadline) {
  const auto body = [&](db::Transaction& tx) -> Result<realtime::ReplayPage> {
    return load_replay(tx, account, after, limit, clock_.now());
  };
  Result<realtime::ReplayPage> page = co_await db_.read_latest(deadline, body);
  co_return page;
}

template <class Remove>
void Service::remove_in_chunks(Remove remove) {
  for (int chunk = 0; chunk < sweep_chunks; ++chunk) {
    const auto removed =
        db_.write_blocking([&](db::Transaction& tx) -> Result<std::int64_t> { return remove(tx); },
                           db::Lane::background);
    if (removed.value_or(0) < sweep_rows) return;
  }
}

void Service::sweep() {
  const Id below = first_id_at(clock_.now() - kept_for);
  const auto slice = db_.read_blocking([&](db::Transaction& tx) -> Result<Slice> {
    return accounts_over(tx, swept_to_, below, sweep_accounts);
  });
  if (!slice) return;
  for (const Id account : slice->over)
    remove_in_chunks([&](db::Transaction& tx) { return trim(tx, account, below, sweep_rows); });
  swept_to_ = slice->next;
  remove_in_chunks([&](db::Transaction& tx) { return forget_actors(tx, below, sweep_rows); });
}

}  // namespace madang::notifications
