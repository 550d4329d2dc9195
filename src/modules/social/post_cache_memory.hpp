// Cached posts in this process: for one instance alone. A write here is forgotten here, and nowhere
// else.
#pragma once

#include "modules/social/post_cache_store.hpp"
#include "platform/cache/cache.hpp"

namespace madang::social {

class MemoryPostCache final : public PostCacheStore {
 public:
  MemoryPostCache(std::size_t posts, std::size_t viewers, metrics::Registry& registry)
      : posts_("posts", posts, registry), viewers_("viewers", viewers, registry) {}

  Task<Page> look(Deadline deadline, Id viewer, std::span<const Id> posts) override;
  void put(std::vector<NewPost> posts, std::optional<NewViewer> viewer) override;
  Task<> forget(Forgotten what) override;
  void forget_blocking(const Forgotten& what) override;

 private:
  cache::Cache<Id, CachedPost> posts_;
  cache::Cache<Id, CachedViewer> viewers_;
};

}  // namespace madang::social
