#include "app/event_routes.hpp"

#include <algorithm>

#include "base/cursor.hpp"
#include "platform/log/log.hpp"

namespace madang::app {

using events::ParkedEvent;
using http::Access;
using http::Call;
using http::Method;
using http::Nothing;
using http::Page;

namespace {

const http::EndpointOptions admin_options{.tag = "operations", .idempotent_by_key = false};

/// The operator's doings stand in the log: there is no other trace of them.
void note(const Call& call, std::string_view what, std::int64_t events) {
  log::info("events", what, {{"admin", call.account()}, {"events", events}});
}

/// Cursors hold numbers: the sequence, and the subscriber's place among all names.
Result<events::ParkedPlace> place_of(db::Transaction& tx,
                                     const std::optional<std::vector<std::int64_t>>& cursor) {
  if (!cursor) return events::ParkedPlace{};
  const auto names = events::subscribers(tx);
  const auto at = static_cast<std::size_t>((*cursor)[1]);
  if (at >= names.size()) return invalid_field("cursor", "invalid", "is not one of this list's");
  return events::ParkedPlace{(*cursor)[0], names[at]};
}

std::string cursor_after(db::Transaction& tx, const ParkedEvent& last) {
  const auto names = events::subscribers(tx);
  const auto at = std::ranges::find(names, last.subscriber) - names.begin();
  return encode_cursor(CursorKind::parked_events, {last.seq, at});
}

}  // namespace

EventRoutes::EventRoutes(db::Database& db, events::Dispatcher& dispatcher,
                         metrics::Registry& registry)
    : db_(db),
      dispatcher_(dispatcher),
      discarded_(registry.counter("madang_events_discarded_total",
                                  "Dead letters that an admin threw away")) {}

void EventRoutes::mount(http::Api& api) {
  api.add({Method::get, "/api/v1/admin/events", Access::admin,
           "Events that were set aside, oldest first", admin_options},
          *this, &EventRoutes::list);
  api.add({Method::del, "/api/v1/admin/events", Access::admin, "Throw all dead letters away",
           admin_options},
          *this, &EventRoutes::discard_all);
  api.add({Method::post, "/api/v1/admin/events/retry", Access::admin,
           "Try events again that were set aside", admin_options},
          *this, &EventRoutes::retry_all);
  api.add({Method::post, "/api/v1/admin/events/{subscriber}/{id}/retry", Access::admin,
           "Try one event again that was set aside", admin_options},
          *this, &EventRoutes::retry);
  http::EndpointOptions one = admin_options;
  one.also = {409};
  api.add({Method::del, "/api/v1/admin/events/{subscriber}/{id}", Access::admin,
           "Throw one dead letter away", one},
          *this, &EventRoutes::discard);
}

Task<Result<Page<ParkedEvent>>> EventRoutes::list(Call& call, ParkedQuery query) {
  const auto cursor = decode_cursor(CursorKind::parked_events, query.cursor, 2);
  if (!cursor) co_return std::unexpected(cursor.error());
  const std::int64_t size = query.limit ? query.limit->value : 20;
  const auto body = [&](db::Transaction& tx) -> Result<Page<ParkedEvent>> {
    const auto after = place_of(tx, *cursor);
    if (!after) return std::unexpected(after.error());
    Page<ParkedEvent> page{events::list_parked(tx, query.state, *after, size + 1), {}};
    if (static_cast<std::int64_t>(page.items.size()) > size) {
      page.items.pop_back();
      page.next_cursor = cursor_after(tx, page.items.back());
    }
    return page;
  };
  Result<Page<ParkedEvent>> page = co_await db_.read_latest(call.deadline(), body);
  co_return page;
}

Task<Result<Retried>> EventRoutes::retry(Call& call) {
  const auto body = [&](db::Transaction& tx) -> Result<Retried> {
    const auto retried = events::retry_parked(tx, call.text(), call.id());
    if (retried == 0) return fail(Kind::not_found, "not_found", "There is no such event.");
    return Retried{retried};
  };
  Result<Retried> done = co_await call.write(db_, body);
  if (done) {
    dispatcher_.wake();
    note(call, "retried", done->retried);
  }
  co_return done;
}

Task<Result<Retried>> EventRoutes::retry_all(Call& call) {
  const auto body = [](db::Transaction& tx) -> Result<Retried> {
    return Retried{events::retry_parked(tx)};
  };
  Result<Retried> done = co_await call.write(db_, body);
  if (done) {
    dispatcher_.wake();
    note(call, "retried", done->retried);
  }
  co_return done;
}

Task<Result<Nothing>> EventRoutes::discard(Call& call) {
  const auto body = [&](db::Transaction& tx) -> Result<void> {
    return events::discard_dead(tx, call.text(), call.id());
  };
  Result<void> done = co_await db_.write(call.deadline(), body);
  if (!done) co_return std::unexpected(std::move(done.error()));
  dispatcher_.wake();
  discarded_.Increment();
  note(call, "discarded", 1);
  co_return Nothing{};
}

Task<Result<Discarded>> EventRoutes::discard_all(Call& call) {
  const auto body = [](db::Transaction& tx) -> Result<Discarded> {
    return Discarded{events::discard_dead(tx)};
  };
  Result<Discarded> done = co_await db_.write(call.deadline(), body);
  if (done) {
    dispatcher_.wake();
    discarded_.Increment(static_cast<double>(done->discarded));
    note(call, "discarded", done->discarded);
  }
  co_return done;
}

}  // namespace madang::app
