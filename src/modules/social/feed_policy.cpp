#include "modules/social/feed_policy.hpp"

#include <algorithm>

namespace madang::social {

namespace {
constexpr double seconds_a_day = 86'400;
constexpr double leave = 0.8;  // a bound that led to pull is left only this far below it
}  // namespace

FanOut FeedPolicy::choose(FanOut now, const AuthorLoad& author, const FeedCosts& costs,
                          double follower_read_ns, std::size_t warm_feeds) const {
  const bool pulled = now != FanOut::push;
  const double margin = pulled ? leave : 1.0;
  const auto followers = static_cast<double>(author.followers);
  if (followers < static_cast<double>(options_.min_followers) * margin) return FanOut::push;

  const auto measured = [](double value, double assumed) { return value > 0 ? value : assumed; };
  const double one =
      measured(costs.push_ns_per_follower, options_.assumed_push_ns) + follower_read_ns;
  if (followers * one > static_cast<double>(options_.max_burst.count()) * margin)
    return FanOut::pull;
  const double readings =
      costs.reads_per_second / static_cast<double>(std::max<std::size_t>(1, warm_feeds));
  const double push = author.posts_per_day / seconds_a_day * followers * one;
  const double pull = static_cast<double>(author.warm_followers) * readings *
                      measured(costs.pull_ns_per_author, options_.assumed_pull_ns);
  if (!pulled && push > pull * options_.hysteresis) return FanOut::pull;
  if (pulled && pull > push * options_.hysteresis) return FanOut::push;
  return pulled ? FanOut::pull : FanOut::push;
}

}  // namespace madang::social
