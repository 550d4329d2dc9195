#include "modules/social/feeds.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <exception>

#include "platform/log/log.hpp"

namespace madang::social {

using http::Access;
using http::Call;
using http::Method;

namespace {

/// More than this many reads in a row find nothing to show only when almost everything is hidden.
constexpr int max_batches = 10;

/// For a store that is elsewhere; what it has not done by then it owes (feed_store.hpp).
constexpr auto own_change_patience = std::chrono::seconds(1);

/// In a cursor: a live part whose first page came from SQL.
constexpr std::int64_t live_from_sql = 2;

std::string encode(const FeedCursor& cursor) {
  const bool from_sql = cursor.part == FeedPart::live && cursor.from_sql;
  const auto part = from_sql ? live_from_sql : static_cast<std::int64_t>(cursor.part);
  return encode_cursor(CursorKind::feed,
                       {part, cursor.last, to_micros(cursor.begun), cursor.floor});
}

Result<std::optional<FeedCursor>> decode(const std::optional<std::string>& text, Time now) {
  const auto numbers = decode_cursor(CursorKind::feed, text, 4);
  if (!numbers) return std::unexpected(numbers.error());
  if (!*numbers) return std::optional<FeedCursor>();
  const auto& n = **numbers;
  const Time begun = from_micros(n[2]);
  const bool plausible = n[0] <= live_from_sql && n[1] <= max_id && n[3] <= max_id &&
                         begun <= now + std::chrono::seconds(2);
  if (!plausible)
    return invalid_field("cursor", "bad_cursor", "is not a cursor of this list; begin without one");
  if (begun < now - Feeds::cursor_life)
    return invalid_field("cursor", "cursor_expired", "is more than a day old; begin without one");
  const bool from_sql = n[0] == live_from_sql;
  const FeedPart part = from_sql ? FeedPart::live : static_cast<FeedPart>(n[0]);
  return std::optional(FeedCursor{part, n[1], begun, n[3], from_sql});
}

bool is_prefetch(const http::Request& request) {
  return request.header("sec-purpose").starts_with("prefetch") ||
         request.header("purpose") == "prefetch";
}

}  // namespace

Feeds::Feeds(Context context, FeedStore& store, runtime::TaskGroup& tasks,
             metrics::Registry& registry)
    : context_(context),
      store_(store),
      tasks_(tasks),
      from_memory_(registry.counter("madang_feed_pages_total", "Feed reads by source",
                                    {{"source", "memory"}})),
      from_sql_(registry.counter("madang_feed_pages_total", "Feed reads by source",
                                 {{"source", "sql"}})) {}

void Feeds::mount(http::Api& api) {
  api.add({Method::get,
           "/api/v1/feed",
           Access::user,
           "My home feed: the live part, then the archive",
           {.tag = "feed"}},
          *this, &Feeds::page);
}

Task<> Feeds::add_own(Id post, Id author, Time created_at) {
  const FeedPost own{post, author, created_at};
  co_await store_.add_own(Deadline::after(own_change_patience), own);
}

Task<> Feeds::follows_changed(Id account) {
  co_await store_.invalidate(Deadline::after(own_change_patience), account);
}

Task<Result<Feeds::Page>> Feeds::page(Call& call, FeedQueryParameters query) {
  const auto limit = static_cast<std::size_t>(query.limit ? query.limit->value : 20);
  const bool mark_seen = query.mark_seen.value_or(true) && !is_prefetch(call.request) &&
                         call.request.method == Method::get;
  Result<Page> page = co_await read_page(call.deadline(), call.account(), std::move(query.cursor),
                                         limit, mark_seen, &call.degraded);
  if (page) call.headers.emplace_back("Cache-Control", "private, no-store");
  co_return page;
}

Task<Result<Feeds::Page>> Feeds::read_page(Deadline deadline, Id viewer,
                                           std::optional<std::string> cursor, std::size_t limit,
                                           bool mark_seen, resilience::Degraded* degraded) {
  const Time now = context_.clock.now();
  const auto at = decode(cursor, now);
  if (!at) co_return std::unexpected(at.error());
  List list{.viewer = viewer, .begun = *at ? (*at)->begun : now, .at = *at, .rows = {}};
  list.rows.reserve(limit);
  for (int batches = 0; batches < max_batches && !list.ended && list.rows.size() < limit;
       ++batches) {
    Result<Batch> batch = co_await next_batch(deadline, list, limit - list.rows.size());
    if (!batch) co_return std::unexpected(std::move(batch.error()));
    Result<void> appended = co_await append(deadline, list, *batch);
    if (!appended) co_return std::unexpected(std::move(appended.error()));
  }
  if (mark_seen) {
    std::vector<Id> seen;
    for (const Row& row : list.rows)
      if (row.item.first_seen == 0 ||
          FeedLife::forgotten(row.item.first_seen, FeedLife::seconds(now)))
        seen.push_back(row.item.post);
    // Never before the list was begun, should the clock have been set back since.
    const Time seen_at = std::max(now, list.begun);
    if (!seen.empty())
      co_await store_.mark_seen(patience(deadline, list), viewer, std::move(seen), seen_at);
  }
  if ((list.degraded || list.too_early) && degraded != nullptr) degraded->add("feed-from-sql");
  co_return write(list);
}

Feeds::Page Feeds::write(const List& list) {
  constexpr std::string_view around = R"(,{"post":,"seen":false,"source":"archive"})";
  std::size_t size = 0;
  for (const Row& row : list.rows) size += PostCache::written_size(row.shown) + around.size();
  Page page;
  page.items.reserve(size);
  for (const Row& row : list.rows) {
    page.items += page.items.empty() ? "{\"post\":" : ",{\"post\":";
    PostCache::write(page.items, row.shown);
    page.items += row.item.first_seen != 0 ? ",\"seen\":true" : ",\"seen\":false";
    page.items += row.part == FeedPart::live ? ",\"source\":\"live\"}" : ",\"source\":\"archive\"}";
  }
  if (!list.ended) page.next_cursor = encode(*list.at);
  return page;
}

/// Who has waited for the store in vain does not wait again.
Deadline Feeds::patience(Deadline deadline, const List& list) {
  return list.degraded ? Deadline::after(std::chrono::seconds(0)) : deadline;
}

Task<Result<Feeds::Batch>> Feeds::next_batch(Deadline deadline, List& list, std::size_t limit) {
  Batch batch;
  const FeedAnswer answer = co_await from_store(deadline, list, limit, batch);
  if (answer == FeedAnswer::page) {
    from_memory_.Increment();
    co_return batch;
  }
  from_sql_.Increment();
  if (answer == FeedAnswer::unreachable) list.degraded = true;
  if (answer == FeedAnswer::cold) {
    // Refused while it is being built, or while too many are: SQL answers until then.
    const auto ticket = co_await store_.begin_build(deadline, list.viewer);
    if (ticket) tasks_.spawn(co_await asio::this_coro::executor, "build_feed", build(*ticket));
    list.too_early = !ticket && ticket.error() == BuildRefusal::too_early;
  }
  Result<Batch> rows = co_await from_sql(deadline, list, limit);
  co_return rows;
}

/// The live part, when the store can answer for it.
Task<FeedAnswer> Feeds::from_store(Deadline deadline, List& list, std::size_t limit, Batch& batch) {
  FeedQuery query{.begun = list.begun, .limit = limit};
  if (list.at) {
    if (list.at->part == FeedPart::archive) co_return FeedAnswer::below_coverage;
    query.below = list.at->last;
    query.floor = list.at->floor;
    query.from_sql = list.at->from_sql;
  }
  const FeedPage found = co_await store_.read(patience(deadline, list), list.viewer, query);
  if (found.answer != FeedAnswer::page) co_return found.answer;
  for (const FeedItem& item : found.items) batch.emplace_back(item, FeedPart::live);
  if (found.more_live)
    list.at = FeedCursor{FeedPart::live, found.items.back().post, list.begun, found.floor};
  else
    list.at = FeedCursor{FeedPart::archive, max_id, list.begun, found.floor};
  co_return found.answer;
}

Task<Result<Feeds::Batch>> Feeds::from_sql(Deadline deadline, List& list, std::size_t limit) {
  const bool stays_with_sql = !list.at || list.at->from_sql;
  const std::vector<FeedMark> pending =
      co_await store_.pending_marks(patience(deadline, list), list.viewer);
  const FeedLimits limits = store_.limits();
  const auto body = [&](db::Transaction& tx) -> Result<SqlFeedPage> {
    return feed_page_from_sql(tx, list.viewer, list.begun, list.at, limit, limits, pending);
  };
  Result<SqlFeedPage> found = co_await context_.db.read_latest(deadline, body);
  if (!found) co_return std::unexpected(std::move(found.error()));
  list.ended = !found->next;
  if (found->next) list.at = found->next;
  if (list.at) list.at->from_sql = stays_with_sql;
  co_return std::move(found->items);
}

/// What of the batch the viewer may see, with its posts.
Task<Result<void>> Feeds::append(Deadline deadline, List& list, const Batch& batch) {
  std::vector<Id> ids;
  ids.reserve(batch.size());
  for (const auto& [item, part] : batch) ids.push_back(item.post);
  std::vector<Id> deleted;
  Result<std::vector<PostCache::Shown>> shown = co_await context_.cache.show(
      deadline, list.viewer, ids, PostCache::Muted::left_out, &deleted);
  if (!shown) co_return std::unexpected(std::move(shown.error()));
  // Their event is on its way; the posts of an erased account have none.
  for (const Id post : deleted) co_await store_.erase(patience(deadline, list), list.viewer, post);
  auto next = shown->begin();
  for (const auto& [item, part] : batch) {
    if (next == shown->end() || next->post->post.id != item.post) continue;
    list.rows.push_back({item, part, std::move(*next)});
    ++next;
  }
  co_return Result<void>();
}

Task<> Feeds::build(BuildTicket ticket) {
  const Deadline deadline = Deadline::after(std::chrono::seconds(30));
  const Time now = context_.clock.now();
  const FeedLimits limits = store_.limits();
  const auto body = [&](db::Transaction& tx) -> Result<FeedSnapshot> {
    return feed_snapshot_from_sql(tx, ticket.viewer, now, limits);
  };
  Result<FeedSnapshot> snapshot = fail(Kind::internal, "not_read");
  std::exception_ptr thrown;
  try {
    snapshot = co_await context_.db.read_latest(deadline, body);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (snapshot)
    co_await store_.finish_build(deadline, ticket, std::move(*snapshot));
  else
    co_await store_.abandon_build(deadline, ticket);
  if (thrown) std::rethrow_exception(thrown);
}

void Feeds::save_marks() {
  constexpr std::size_t viewers_a_transaction = 32;
  for (;;) {
    const Time now = context_.clock.now();
    const auto unsaved = store_.take_unsaved_marks(viewers_a_transaction, now);
    if (unsaved.empty()) return;
    std::vector<Id> viewers;
    for (const UnsavedMarks& marks : unsaved) viewers.push_back(marks.viewer);
    bool saved = false;
    try {
      saved = context_.db
                  .write_blocking(
                      [&](db::Transaction& tx) -> Result<void> {
                        for (const UnsavedMarks& marks : unsaved)
                          save_feed_marks(tx, marks.viewer, marks.marks, now);
                        return {};
                      },
                      db::Lane::background)
                  .has_value();
    } catch (const std::exception& e) {
      log::warn("feed", "marks_not_saved", {{"error", e.what()}});
    }
    if (!saved) return store_.marks_failed(viewers);
    store_.marks_saved(viewers);
    if (unsaved.size() < viewers_a_transaction) return;
  }
}

void Feeds::sweep() {
  store_.sweep(context_.clock.now(), 2'000);
}

}  // namespace madang::social
