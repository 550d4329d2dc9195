#include "modules/social/post_cache_memory.hpp"

namespace madang::social {

Task<PostCacheStore::Page> MemoryPostCache::look(Deadline /*deadline*/, Id viewer,
                                                 std::span<const Id> posts) {
  Page page;
  // Tickets before the look: what is known of the viewer is carried over into what is put.
  if (viewer != 0) {
    page.viewer_lease = viewers_.ticket(viewer);
    page.viewer = viewers_.get(viewer);
  }
  page.posts.reserve(posts.size());
  page.leases.reserve(posts.size());
  for (const Id id : posts) {
    page.leases.emplace_back(posts_.ticket(id));
    page.posts.push_back(posts_.get(id));
  }
  co_return page;
}

void MemoryPostCache::put(std::vector<NewPost> posts, std::optional<NewViewer> viewer) {
  for (NewPost& added : posts) {
    const Id id = added.post->post.id;
    posts_.put(id, std::move(added.post), added.lease);
  }
  if (viewer) viewers_.put(viewer->viewer, std::move(viewer->known), viewer->lease);
}

Task<> MemoryPostCache::forget(Forgotten what) {
  forget_blocking(what);
  co_return;
}

void MemoryPostCache::forget_blocking(const Forgotten& what) {
  for (const Id post : what.posts) posts_.erase(post);
  for (const Id viewer : what.viewers) viewers_.erase(viewer);
  if (what.author == 0) return;
  posts_.erase_if(
      [&what](Id, const CachedPost& cached) { return cached.post.author == what.author; });
}

}  // namespace madang::social
