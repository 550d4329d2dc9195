#include "modules/social/ranking.hpp"

#include <algorithm>

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

Ranking::Shared Ranking::find(Time taken_at) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::ranges::find_if(snapshots_, [&](const Shared& s) { return s->taken_at == taken_at; });
  return found == snapshots_.end() ? nullptr : *found;
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
  const auto body = [&](db::Transaction& tx) -> Result<std::vector<std::pair<Id, std::int64_t>>> {
    return most_liked(tx, now - window, size);
  };
  const Result<std::vector<std::pair<Id, std::int64_t>>> found =
      co_await context_.db.read(deadline, body);
  if (!found) co_return std::unexpected(found.error());
  auto made = std::make_shared<Snapshot>(Snapshot{now, {}});
  for (const auto& [post, likes] : *found) made->posts.push_back(post);
  const std::lock_guard lock(mutex_);
  snapshots_.push_front(std::move(made));
  while (now - snapshots_.back()->taken_at > life) snapshots_.pop_back();
  co_return snapshots_.front();
}

Task<Result<http::WrittenPage<Post>>> Ranking::page(Call& call, http::PageQuery query) {
  const auto cursor = decode_cursor(CursorKind::ranking, query.cursor, 2);
  if (!cursor) co_return std::unexpected(cursor.error());
  Shared snapshot;
  std::size_t at = 0;
  if (*cursor) {
    snapshot = find(from_micros((**cursor)[0]));
    at = static_cast<std::size_t>((**cursor)[1]);
    if (!snapshot)
      co_return invalid_field("cursor", "cursor_expired",
                              "the ranking has moved on; begin without a cursor");
  } else {
    Result<Shared> found = co_await newest(call.deadline());
    if (!found) co_return std::unexpected(found.error());
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
