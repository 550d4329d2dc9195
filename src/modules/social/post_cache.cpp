#include "modules/social/post_cache.hpp"

#include <algorithm>

#include "modules/social/post_cache_memory.hpp"

namespace madang::social {

namespace {

std::shared_ptr<const CachedPost> prepare(const Post& post) {
  auto cached = std::make_shared<CachedPost>();
  const std::string text = json::to_json(post);
  // `liked` is false here, and no text can hold an unescaped quote: the first match is the member.
  constexpr std::string_view member = "\"liked\":false";
  const auto at = text.find(member, text.find("\"comment_count\":"));
  cached->head = text.substr(0, at + member.size() - std::string_view("false").size());
  cached->tail = text.substr(at + member.size());
  cached->post = {post.id, post.author.id};
  return cached;
}

bool has(const std::vector<Id>& sorted, Id id) {
  return std::ranges::binary_search(sorted, id);
}

}  // namespace

struct PostCache::Missing {
  PostCacheStore::Page page;
  std::span<const Id> ids;           // all that were asked for
  std::vector<Id> post_ids;          // not in the cache
  std::vector<std::size_t> post_at;  // and their places in the page
  std::vector<Id> like_ids;          // not known of the viewer
};

struct PostCache::Loaded {
  std::map<Id, Post> posts;
  std::set<Id> liked;
  std::set<Id> blocked;
  std::set<Id> muted;
  std::vector<Id> absent;
};

PostCache::PostCache(db::Database& db, std::unique_ptr<PostCacheStore> store)
    : db_(db), store_(std::move(store)) {}

PostCache::PostCache(db::Database& db, std::size_t posts, std::size_t viewers,
                     metrics::Registry& registry)
    : PostCache(db, std::make_unique<MemoryPostCache>(posts, viewers, registry)) {}

void PostCache::forget_account_blocking(Id account, std::span<const Id> posts) {
  store_->forget_blocking(
      {.posts = {posts.begin(), posts.end()}, .viewers = {account}, .author = account});
}

void PostCache::write(std::string& out, const Shown& shown) {
  out += shown.post->head;
  out += shown.liked ? "true" : "false";
  out += shown.post->tail;
}

Task<Result<std::vector<PostCache::Shown>>> PostCache::show(Deadline deadline, Id viewer,
                                                            std::span<const Id> ids, Muted muted,
                                                            std::vector<Id>* deleted) {
  Missing missing;
  missing.ids = ids;
  missing.page = co_await store_->look(deadline, viewer, ids);
  PostCacheStore::Page& page = missing.page;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!page.posts[i]) {
      missing.post_ids.push_back(ids[i]);
      missing.post_at.push_back(i);
    }
    if (viewer != 0 && (!page.viewer || !page.viewer->likes.contains(ids[i])))
      missing.like_ids.push_back(ids[i]);
  }
  if (!missing.post_ids.empty() || !missing.like_ids.empty()) {
    Result<void> loaded = co_await load(deadline, viewer, missing, deleted);
    if (!loaded) co_return std::unexpected(std::move(loaded.error()));
  }
  std::vector<Shown> out;
  out.reserve(ids.size());
  for (std::shared_ptr<const CachedPost>& post : page.posts) {
    if (!post) continue;
    bool liked = false;
    if (page.viewer) {
      const Id author = post->post.author;
      if (has(page.viewer->blocked, author)) continue;
      if (muted == Muted::left_out && has(page.viewer->muted, author)) continue;
      const auto like = page.viewer->likes.find(post->post.id);
      liked = like != page.viewer->likes.end() && like->second;
    }
    out.push_back({std::move(post), liked});
  }
  co_return out;
}

Result<void> PostCache::read(db::Transaction& tx, Id viewer, const Missing& missing,
                             bool name_deleted, Loaded& loaded) {
  loaded = {};
  if (!missing.post_ids.empty()) loaded.posts = load_posts(tx, missing.post_ids);
  if (name_deleted && loaded.posts.size() < missing.post_ids.size())
    loaded.absent = deleted_among(tx, missing.post_ids);
  if (viewer == 0) return {};
  loaded.liked = liked_among(tx, viewer, missing.like_ids);
  if (missing.page.viewer) return {};
  loaded.blocked = blocked_with(tx, viewer);
  loaded.muted = muted_by(tx, viewer);
  return {};
}

Task<Result<void>> PostCache::load(Deadline deadline, Id viewer, Missing& missing,
                                   std::vector<Id>* deleted) {
  Loaded loaded;
  const auto body = [&](db::Transaction& tx) {
    return read(tx, viewer, missing, deleted != nullptr, loaded);
  };
  Result<void> done = co_await db_.read_latest(deadline, body);
  if (!done) co_return done;
  if (deleted != nullptr)
    deleted->insert(deleted->end(), loaded.absent.begin(), loaded.absent.end());
  PostCacheStore::Page& page = missing.page;
  std::vector<PostCacheStore::NewPost> posts;
  for (std::size_t i = 0; i < missing.post_ids.size(); ++i) {
    const auto found = loaded.posts.find(missing.post_ids[i]);
    if (found == loaded.posts.end()) continue;
    const std::size_t at = missing.post_at[i];
    page.posts[at] = prepare(found->second);
    if (page.leases[at]) posts.push_back({page.posts[at], *page.leases[at]});
  }
  std::optional<PostCacheStore::NewViewer> seen;
  if (viewer != 0 && (!page.viewer || !missing.like_ids.empty())) {
    page.viewer = merge(missing, loaded);
    if (page.viewer_lease)
      seen = {viewer, *page.viewer_lease, page.viewer, std::move(missing.like_ids)};
  }
  if (!posts.empty() || seen) store_->put(std::move(posts), std::move(seen));
  co_return Result<void>();
}

/// What was known of the viewer together with what has been read. Bounded: when it grows too large
/// the likes of other pages go.
std::shared_ptr<const CachedViewer> PostCache::merge(const Missing& missing, Loaded& loaded) {
  const CachedViewer* before = missing.page.viewer.get();
  auto known = before ? std::make_shared<CachedViewer>(*before) : std::make_shared<CachedViewer>();
  if (before == nullptr) {
    known->blocked.assign(loaded.blocked.begin(), loaded.blocked.end());
    known->muted.assign(loaded.muted.begin(), loaded.muted.end());
  }
  if (known->likes.size() + missing.like_ids.size() > max_likes)
    std::erase_if(known->likes, [&](const auto& like) {
      return std::ranges::find(missing.ids, like.first) == missing.ids.end();
    });
  for (const Id id : missing.like_ids) known->likes[id] = loaded.liked.contains(id);
  return known;
}

}  // namespace madang::social
