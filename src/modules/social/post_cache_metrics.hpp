// Inside the shared cache of posts.
#pragma once

#include <algorithm>

#include "modules/social/post_cache_redis.hpp"

namespace madang::social {

struct RedisPostCache::Metrics {
  explicit Metrics(metrics::Registry& registry)
      : posts(registry, "posts"),
        viewers(registry, "viewers"),
        bypassed(registry.counter("madang_cache_bypassed_total",
                                  "Looks for which the shared cache did not answer, or not for all",
                                  {{"cache", "posts"}})),
        late(registry.counter("madang_cache_late_total",
                              "Keys that could not be deleted before the write was answered",
                              {{"cache", "posts"}})),
        owed(registry.gauge("madang_cache_owed", "Keys that are still to be deleted",
                            {{"cache", "posts"}})) {}

  struct Found {
    Found(metrics::Registry& registry, const char* cache)
        : hits(registry.counter("madang_cache_hits_total", "Found in the cache",
                                {{"cache", cache}})),
          misses(registry.counter("madang_cache_misses_total", "Not found in the cache",
                                  {{"cache", cache}})) {}
    void count(std::size_t there, std::size_t absent) {
      if (there > 0) hits.Increment(static_cast<double>(there));
      if (absent > 0) misses.Increment(static_cast<double>(absent));
    }
    metrics::Counter& hits;
    metrics::Counter& misses;
  };

  void count(const Page& page, bool asked_viewer) {
    const auto absent = static_cast<std::size_t>(std::ranges::count(page.posts, nullptr));
    posts.count(page.posts.size() - absent, absent);
    if (asked_viewer) viewers.count(page.viewer ? 1 : 0, page.viewer ? 0 : 1);
  }

  Found posts;
  Found viewers;
  metrics::Counter& bypassed;
  metrics::Counter& late;
  metrics::Gauge& owed;
};

}  // namespace madang::social
