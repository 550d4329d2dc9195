#include "modules/social/post_cache.hpp"

#include <algorithm>

namespace madang::social {

namespace {

std::shared_ptr<const CachedPost> prepare(Post post) {
  auto cached = std::make_shared<CachedPost>();
  std::string text = json::to_json(post);
  // `liked` is false here, and no text can hold an unescaped quote: the first match is the member.
  constexpr std::string_view member = "\"liked\":false";
  const auto at = text.find(member, text.find("\"comment_count\":"));
  cached->head = text.substr(0, at + member.size() - std::string_view("false").size());
  cached->tail = text.substr(at + member.size());
  cached->post = std::move(post);
  return cached;
}

}  // namespace

struct PostCache::Missing {
  std::vector<std::shared_ptr<const CachedPost>> posts;  // in the order asked for
  std::shared_ptr<const CachedViewer> viewer;
  Viewers::Ticket viewer_ticket = 0;
  std::vector<Id> post_ids;          // not in the cache
  std::vector<std::size_t> post_at;  // and their places in `posts`
  std::vector<Id> like_ids;          // not known of the viewer
};

PostCache::PostCache(db::Database& db, std::size_t posts, std::size_t viewers,
                     metrics::Registry& registry)
    : db_(db), posts_("posts", posts, registry), viewers_("viewers", viewers, registry) {}

Task<> PostCache::forget_post(Id post) {
  posts_.erase(post);
  co_return;
}

Task<> PostCache::forget_author(Id author) {
  erase_author(author);
  co_return;
}

Task<> PostCache::forget_viewer(Id viewer) {
  viewers_.erase(viewer);
  co_return;
}

void PostCache::forget_account_blocking(Id account, std::span<const Id> posts) {
  erase_author(account);
  viewers_.erase(account);
  for (const Id post : posts) posts_.erase(post);
}

void PostCache::erase_author(Id author) {
  posts_.erase_if(
      [author](Id, const CachedPost& cached) { return cached.post.author.id == author; });
}

void PostCache::write(std::string& out, const Shown& shown) {
  out += shown.post->head;
  out += shown.liked ? "true" : "false";
  out += shown.post->tail;
}

Task<Result<std::vector<PostCache::Shown>>> PostCache::show(Deadline deadline, Id viewer,
                                                            std::span<const Id> ids, Muted muted,
                                                            std::vector<Id>* deleted) {
  Missing have;
  // Before the look: what is known of the viewer is carried over into what load() puts.
  have.viewer_ticket = viewers_.ticket(viewer);
  if (viewer != 0) have.viewer = viewers_.get(viewer);
  have.posts.reserve(ids.size());
  for (const Id id : ids) {
    if (!have.posts.emplace_back(posts_.get(id))) {
      have.post_ids.push_back(id);
      have.post_at.push_back(have.posts.size() - 1);
    }
    if (viewer != 0 && (!have.viewer || !have.viewer->likes.contains(id)))
      have.like_ids.push_back(id);
  }
  if (!have.post_ids.empty() || !have.like_ids.empty()) {
    Result<void> loaded = co_await load(deadline, viewer, ids, have, deleted);
    if (!loaded) co_return std::unexpected(std::move(loaded.error()));
  }
  std::vector<Shown> out;
  out.reserve(ids.size());
  for (std::shared_ptr<const CachedPost>& post : have.posts) {
    if (!post) continue;
    bool liked = false;
    if (have.viewer) {
      const Id author = post->post.author.id;
      if (have.viewer->blocked.contains(author)) continue;
      if (muted == Muted::left_out && have.viewer->muted.contains(author)) continue;
      const auto like = have.viewer->likes.find(post->post.id);
      liked = like != have.viewer->likes.end() && like->second;
    }
    out.push_back({std::move(post), liked});
  }
  co_return out;
}

Task<Result<void>> PostCache::load(Deadline deadline, Id viewer, std::span<const Id> ids,
                                   Missing& missing, std::vector<Id>* deleted) {
  // Tickets before the read: what a write makes untrue meanwhile does not get in.
  std::vector<Posts::Ticket> tickets;
  for (const Id id : missing.post_ids) tickets.push_back(posts_.ticket(id));
  std::map<Id, Post> posts;
  std::set<Id> liked;
  std::set<Id> blocked;
  std::set<Id> muted;
  std::vector<Id> absent;
  const auto body = [&](db::Transaction& tx) -> Result<void> {
    if (!missing.post_ids.empty()) posts = load_posts(tx, missing.post_ids);
    if (deleted != nullptr && posts.size() < missing.post_ids.size())
      absent = deleted_among(tx, missing.post_ids);
    if (viewer == 0) return {};
    liked = liked_among(tx, viewer, missing.like_ids);
    if (missing.viewer) return {};
    blocked = blocked_with(tx, viewer);
    muted = muted_by(tx, viewer);
    return {};
  };
  Result<void> read = co_await db_.read_latest(deadline, body);
  if (!read) co_return read;
  if (deleted != nullptr) deleted->insert(deleted->end(), absent.begin(), absent.end());
  for (std::size_t i = 0; i < missing.post_ids.size(); ++i) {
    const auto found = posts.find(missing.post_ids[i]);
    if (found == posts.end()) continue;
    auto cached = prepare(std::move(found->second));
    posts_.put(missing.post_ids[i], cached, tickets[i]);
    missing.posts[missing.post_at[i]] = std::move(cached);
  }
  if (viewer == 0 || (missing.viewer && missing.like_ids.empty())) co_return Result<void>();
  auto known = missing.viewer ? std::make_shared<CachedViewer>(*missing.viewer)
                              : std::make_shared<CachedViewer>();
  if (!missing.viewer) {
    known->blocked = std::move(blocked);
    known->muted = std::move(muted);
  }
  if (known->likes.size() + missing.like_ids.size() > max_likes)
    std::erase_if(known->likes, [&](const auto& like) {
      return std::ranges::find(ids, like.first) == ids.end();
    });
  for (const Id id : missing.like_ids) known->likes[id] = liked.contains(id);
  viewers_.put(viewer, known, missing.viewer_ticket);
  missing.viewer = std::move(known);
  co_return Result<void>();
}

}  // namespace madang::social
