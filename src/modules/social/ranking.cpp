#include "modules/social/ranking.hpp"

#include <algorithm>

#include "platform/log/log.hpp"

namespace madang::social {

using http::Access;
using http::Call;
using http::Method;

void Ranking::mount(http::Api& api) {
  api.add({Method::get,
           "/api/v1/posts/ranking",
           Access::anyone,
           "Posts by likes in the last 7 days",
           {.tag = "posts"}},
          *this, &Ranking::page);
}

Ranking::Shared Ranking::keep(Snapshot snapshot, Time now) {
  const std::lock_guard lock(mutex_);
  const auto known = std::ranges::find_if(
      snapshots_, [&](const Shared& s) { return s->taken_at == snapshot.taken_at; });
  if (known != snapshots_.end()) return *known;
  auto shared = std::make_shared<const Snapshot>(std::move(snapshot));
  const auto place = std::ranges::find_if(
      snapshots_, [&](const Shared& s) { return s->taken_at < shared->taken_at; });
  snapshots_.insert(place, shared);
  while (now - snapshots_.back()->taken_at > life) snapshots_.pop_back();
  return shared;
}

Task<Result<Ranking::Shared>> Ranking::find(Deadline deadline, Time taken_at) {
  const Time now = context_.clock.now();
  if (now - taken_at > life) co_return nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found =
        std::ranges::find_if(snapshots_, [&](const Shared& s) { return s->taken_at == taken_at; });
    if (found != snapshots_.end()) co_return *found;
  }
  const auto body = [taken_at](db::Transaction& tx) -> Result<std::optional<RankingRow>> {
    return ranking_snapshot(tx, taken_at);
  };
  Result<std::optional<RankingRow>> row = co_await context_.db.read_latest(deadline, body);
  if (!row) co_return std::unexpected(std::move(row.error()));
  if (!*row) co_return nullptr;
  co_return keep({(*row)->taken_at, std::move((*row)->posts)}, now);
}

Task<Result<Ranking::Shared>> Ranking::newest(Deadline deadline) {
  const Time now = context_.clock.now();
  {
    const std::lock_guard lock(mutex_);
    const bool fresh = !snapshots_.empty() && now - snapshots_.front()->taken_at < interval_;
    if (fresh || (counting_ && !snapshots_.empty())) co_return snapshots_.front();
    if (counting_) co_return busy("busy", "The ranking is being counted; try again shortly.");
    counting_ = true;
  }
  struct Done {
    Ranking& ranking;
    ~Done() {
      const std::lock_guard lock(ranking.mutex_);
      ranking.counting_ = false;
    }
  } const done{*this};
  Result<Shared> snapshot = co_await read_or_count(deadline, now);
  co_return snapshot;
}

Task<Result<Ranking::Shared>> Ranking::read_or_count(Deadline deadline, Time now) {
  const auto read = [&](db::Transaction& tx) -> Result<std::optional<RankingRow>> {
    return newest_ranking(tx, now - interval_);
  };
  Result<std::optional<RankingRow>> row = co_await context_.db.read_latest(deadline, read);
  if (!row) co_return std::unexpected(std::move(row.error()));
  if (*row) co_return keep({(*row)->taken_at, std::move((*row)->posts)}, now);
  const auto count = [&](db::Transaction& tx) -> Result<std::vector<Id>> {
    return most_liked(tx, now - window, size);
  };
  Result<std::vector<Id>> posts = co_await context_.db.read(deadline, count);
  if (!posts) co_return std::unexpected(std::move(posts.error()));
  Snapshot snapshot{now, std::move(*posts)};
  co_await store(deadline, snapshot);
  co_return keep(std::move(snapshot), now);
}

/// Another instance may have counted meanwhile: then it is that one's. Where it cannot be stored
/// the list can be gone on with here.
Task<> Ranking::store(Deadline deadline, Snapshot& snapshot) {
  const auto body = [&](db::Transaction& tx) -> Result<std::optional<RankingRow>> {
    delete_rankings(tx, snapshot.taken_at - life - std::chrono::minutes(1));
    if (insert_ranking(tx, {snapshot.taken_at, snapshot.posts}, snapshot.taken_at - interval_))
      return std::optional<RankingRow>();
    return newest_ranking(tx, snapshot.taken_at - interval_);
  };
  Result<std::optional<RankingRow>> other;
  try {
    other = co_await context_.db.write(deadline, body, db::Lane::background);
  } catch (const db::SqlError& error) {
    log::warn("social", "ranking_not_stored", {{"error", std::string_view(error.what())}});
  }
  if (other && *other) snapshot = {(*other)->taken_at, std::move((*other)->posts)};
}

Task<Result<http::WrittenPage<Post>>> Ranking::page(Call& call, http::PageQuery query) {
  const auto cursor = decode_cursor(CursorKind::ranking, query.cursor, 2);
  if (!cursor) co_return std::unexpected(cursor.error());
  Shared snapshot;
  std::size_t at = 0;
  if (*cursor) {
    Result<Shared> found = co_await find(call.deadline(), from_micros((**cursor)[0]));
    if (!found) co_return std::unexpected(std::move(found.error()));
    snapshot = std::move(*found);
    at = static_cast<std::size_t>((**cursor)[1]);
    if (!snapshot)
      co_return invalid_field("cursor", "cursor_expired",
                              "the ranking has moved on; begin without a cursor");
  } else {
    Result<Shared> found = co_await newest(call.deadline());
    if (!found) co_return std::unexpected(std::move(found.error()));
    snapshot = std::move(*found);
  }
  const auto limit = static_cast<std::size_t>(query.size());
  http::WrittenPage<Post> page;
  // What is hidden from this viewer is read over in large steps: a page costs a read or two.
  constexpr std::size_t step = 50;
  std::size_t count = 0;
  while (count < limit && at < snapshot->posts.size()) {
    const std::size_t width = std::min(std::max(limit - count, step), snapshot->posts.size() - at);
    const auto some = std::span(snapshot->posts).subspan(at, width);
    Result<std::vector<PostCache::Shown>> shown = co_await context_.cache.show(
        call.deadline(), call.viewer(), some, PostCache::Muted::left_out);
    if (!shown) co_return std::unexpected(std::move(shown.error()));
    auto next = shown->begin();
    for (const Id post : some) {
      if (count == limit) break;
      ++at;
      if (next == shown->end() || next->post->post.id != post) continue;
      if (!page.items.empty()) page.items += ',';
      PostCache::write(page.items, *next++);
      ++count;
    }
  }
  if (at < snapshot->posts.size())
    page.next_cursor = encode_cursor(
        CursorKind::ranking, {to_micros(snapshot->taken_at), static_cast<std::int64_t>(at)});
  co_return page;
}

}  // namespace madang::social
