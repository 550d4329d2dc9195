// Push or pull, by measured cost. Pushing costs with every post, pulling with every reading of a
// feed that follows the author:
//
//   push a second = posts a second x followers x (reading one from SQL + putting it into one feed)
//   pull a second = followers in memory x readings a second of one feed x merging one author
//
// A change costs a telling of all followers, so it must pay by `hysteresis`; authors with few
// followers are always pushed, and one whose single post would occupy the fan-out for longer than
// `max_burst`, making everybody else's posts wait, is always pulled.
#pragma once

#include <chrono>
#include <cstddef>

#include "modules/social/feed_store.hpp"

namespace madang::social {

struct AuthorLoad {
  std::size_t followers = 0;
  std::size_t warm_followers = 0;  // of the last push: inserted + skipped
  double posts_per_day = 0;
};

struct FeedPolicyOptions {
  std::size_t min_followers = 5'000;
  double hysteresis = 2.0;
  std::chrono::nanoseconds max_burst = std::chrono::milliseconds(250);
  /// Until the store has measured its own: nothing is merged before the first author is pulled.
  double assumed_push_ns = 60;
  double assumed_pull_ns = 200;
};

class FeedPolicy {
 public:
  using Options = FeedPolicyOptions;

  explicit FeedPolicy(Options options = {}) : options_(options) {}

  /// What the author's policy should be; `now` is what it is (turning counts as pull).
  /// `follower_read_ns`: the cost of reading one follower from SQL, measured by the caller.
  FanOut choose(FanOut now, const AuthorLoad& author, const FeedCosts& costs,
                double follower_read_ns, std::size_t warm_feeds) const;

 private:
  Options options_;
};

}  // namespace madang::social
