// For tests: the home feed by its plain rules, whoever answers, memory or SQL.
#pragma once

#include <optional>
#include <vector>

#include "modules/social/feed_store.hpp"

namespace madang::social {

struct FeedListed {
  Id post = 0;
  FeedPart part = FeedPart::live;
  bool operator==(const FeedListed&) const = default;
};

struct FeedListPage {
  std::vector<FeedListed> items;
  std::optional<FeedCursor> next;  // nothing: the end
  Id floor = 0;
};

class FeedOracle {
 public:
  virtual ~FeedOracle() = default;
  /// The page after `cursor`, or the first one of a list begun now, over both parts.
  virtual FeedListPage page(Id viewer, const std::optional<FeedCursor>& cursor, Time now,
                            std::size_t limit) = 0;
};

}  // namespace madang::social
