// Fan-out: from the log of events into the followers' feeds, in the dispatcher, never in a request.
#pragma once

#include <functional>
#include <unordered_map>

#include "modules/social/context.hpp"
#include "modules/social/events.hpp"
#include "modules/social/feed_policy.hpp"
#include "modules/social/feed_sql.hpp"
#include "platform/events/dispatcher.hpp"

namespace madang::social {

/// Who is listening now, and how to tell them that their feed has something new.
struct FeedHints {
  std::function<void(std::span<const Id>)> hint;  // cheap for many accounts of whom few listen
  std::function<std::vector<Id>()> listening;
};

class FanOutSubscriber final : public events::VolatileSubscriber {
 public:
  FanOutSubscriber(Context context, FeedStore& store, FeedPolicyOptions policy, FeedHints hints,
                   metrics::Registry& registry);

  std::string_view name() const override { return "feed_fan_out"; }
  void handle(const std::vector<events::Event>& events) override;
  void reset() override { store_.invalidate_all(); }

 private:
  struct Followers {
    std::vector<FeedFollower> all;
    std::uint64_t seq = 0;
  };

  void handle_one(const events::Event& event);
  void created(const PostEvent& post);
  void deleted(const PostEvent& post);
  void restored(const PostEvent& post);
  void pushed(const FeedPost& post);
  void pulled(const FeedPost& post);
  void decide(const FeedPost& post, const Followers& followers, const PushReport& report);
  Followers read_followers(Id author);
  void hint_listening_followers(Id author);

  Context context_;
  FeedStore& store_;
  const FeedPolicy policy_;
  const FeedPolicyOptions policy_options_;
  const FeedHints hints_;
  double follower_read_ns_ = 0;
  std::uint64_t pulled_posts_ = 0;
  metrics::Histogram& seconds_;
  metrics::Counter& followers_reached_;
};

/// The same for a store that several instances share: one of them does it for all. What the store
/// does not take is repeated until it does.
class SharedFanOut final : public events::LeasedSubscriber {
 public:
  explicit SharedFanOut(FanOutSubscriber& fan_out) : fan_out_(fan_out) {}

  std::string_view name() const override { return fan_out_.name(); }
  void handle(const std::vector<events::Event>& events) override { fan_out_.handle(events); }
  void reset() override { fan_out_.reset(); }

 private:
  FanOutSubscriber& fan_out_;
};

}  // namespace madang::social
