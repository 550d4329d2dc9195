// The feed store's figures as metrics.
#pragma once

#include "modules/social/feed_store.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::social {

/// Read at every scrape; the store outlives the registry's last one.
void export_feed_stats(const FeedStore& store, metrics::Registry& registry);

}  // namespace madang::social
