// The figures every pool of connections shows, beside those of its queue.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "platform/metrics/metrics.hpp"

namespace madang::db {

inline metrics::Histogram& group_size(metrics::Registry& registry) {
  static const std::vector<double> buckets{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
  return registry.histogram("madang_db_group_size", "Transactions committed together", {}, buckets);
}

struct PoolMetrics {
  PoolMetrics(const std::string& pool, int size, metrics::Registry& registry)
      : busy(registry.gauge("madang_pool_busy", "Threads at work", {{"pool", pool}})),
        hits(registry.counter("madang_db_statement_cache_total", "Statements looked up",
                              {{"pool", pool}, {"result", "hit"}})),
        misses(registry.counter("madang_db_statement_cache_total", "Statements looked up",
                                {{"pool", pool}, {"result", "miss"}})) {
    registry.gauge("madang_pool_size", "Threads", {{"pool", pool}}).Set(size);
  }

  /// Adds what the connection's cache has counted since the last time.
  template <class StatementCache>
  void count(StatementCache& cache) {
    if (cache.hits != 0) hits.Increment(static_cast<double>(std::exchange(cache.hits, 0)));
    if (cache.misses != 0) misses.Increment(static_cast<double>(std::exchange(cache.misses, 0)));
  }

  metrics::Gauge& busy;
  metrics::Counter& hits;
  metrics::Counter& misses;
};

}  // namespace madang::db
