#include "modules/social/fan_out.hpp"

#include <algorithm>

#include "platform/log/log.hpp"

namespace madang::social {

using Steady = std::chrono::steady_clock;

FanOutSubscriber::FanOutSubscriber(Context context, FeedStore& store, FeedPolicyOptions policy,
                                   FeedHints hints, metrics::Registry& registry)
    : context_(context),
      store_(store),
      policy_(policy),
      policy_options_(policy),
      hints_(std::move(hints)),
      seconds_(registry.histogram("madang_feed_fan_out_seconds",
                                  "From a post's event to its last follower")),
      followers_reached_(registry.counter("madang_feed_followers_reached_total",
                                          "Feeds that were given a post")) {}

void FanOutSubscriber::handle(const std::vector<events::Event>& events) {
  for (const events::Event& event : events) handle_one(event);
}

void FanOutSubscriber::handle_one(const events::Event& event) {
  if (event.type == post_created) {
    if (const auto post = json::from_json<PostEvent>(event.payload)) created(*post);
  } else if (event.type == post_restored) {
    if (const auto post = json::from_json<PostEvent>(event.payload)) restored(*post);
  } else if (event.type == post_deleted) {
    if (const auto post = json::from_json<PostEvent>(event.payload)) deleted(*post);
  } else if (event.type == account_followed || event.type == account_unfollowed) {
    // The request has done so already, where it was this process's.
    if (const auto follow = json::from_json<FollowEvent>(event.payload))
      store_.invalidate(std::span(&follow->follower, 1));
  }
}

void FanOutSubscriber::deleted(const PostEvent& post) {
  Followers followers = read_followers(post.author);
  followers.all.push_back({post.author, post.created_at});  // it is in the author's own feed too
  store_.remove({post.post, post.author, post.created_at}, followers.all);
}

/// Who had seen it before it was hidden has still seen it, but no feed in memory knows: with the
/// post went its views. An admin's decision is rare enough to have these feeds built anew.
void FanOutSubscriber::restored(const PostEvent& post) {
  const Followers followers = read_followers(post.author);
  std::vector<Id> reached;
  reached.reserve(followers.all.size() + 1);
  for (const FeedFollower& follower : followers.all) reached.push_back(follower.user);
  reached.push_back(post.author);
  store_.invalidate(reached);
  reached.pop_back();
  hints_.hint(reached);
}

void FanOutSubscriber::created(const PostEvent& event) {
  const auto start = Steady::now();
  const FeedPost post{event.post, event.author, event.created_at};
  const FanOut policy = store_.policy(post.author);
  if (policy == FanOut::push || !store_.pull(post, context_.clock.now()) ||
      policy == FanOut::turning)
    pushed(post);
  else
    pulled(post);
  seconds_.Observe(std::chrono::duration<double>(Steady::now() - start).count());
}

void FanOutSubscriber::pushed(const FeedPost& post) {
  const auto start = Steady::now();
  Followers followers = read_followers(post.author);
  if (followers.all.size() >= 100) {
    const double ns = std::chrono::duration<double, std::nano>(Steady::now() - start).count();
    const double each = ns / static_cast<double>(followers.all.size());
    follower_read_ns_ = follower_read_ns_ == 0 ? each : 0.9 * follower_read_ns_ + 0.1 * each;
  }
  followers.all.push_back({post.author, post.created_at});
  const PushReport report = store_.push(post, followers.all, followers.seq);
  followers_reached_.Increment(static_cast<double>(report.inserted));
  std::vector<Id> reached;
  reached.reserve(followers.all.size());
  for (const FeedFollower& follower : followers.all)
    if (follower.user != post.author) reached.push_back(follower.user);
  hints_.hint(reached);
  decide(post, followers, report);
}

void FanOutSubscriber::pulled(const FeedPost& post) {
  // The author's own feed has it already, or is built from SQL.
  hint_listening_followers(post.author);
  // What was right at the last flip may not be any more: looked at again with every 16th post.
  if (++pulled_posts_ % 16 == 0) decide(post, read_followers(post.author), {});
}

/// Push or pull from now on, by what this push cost.
void FanOutSubscriber::decide(const FeedPost& post, const Followers& followers,
                              const PushReport& report) {
  if (followers.all.size() < policy_options_.min_followers) return;
  constexpr auto week = std::chrono::hours(7 * 24);
  const auto recent = context_.db.read_blocking([&](db::Transaction& tx) -> Result<std::size_t> {
    return feed_posts_since(tx, post.author, context_.clock.now() - week).size();
  });
  const FeedStats stats = store_.stats();
  const FanOut now = store_.policy(post.author);
  // Of a pulled author nobody counts who has a feed in memory: at most as many as there are.
  const std::size_t warm = now == FanOut::push ? report.inserted + report.skipped
                                               : std::min(followers.all.size(), stats.warm);
  const AuthorLoad load{followers.all.size(), warm, static_cast<double>(recent.value_or(0)) / 7.0};
  const FanOut better = policy_.choose(now, load, stats.costs, follower_read_ns_, stats.warm);
  if (better == now || better == FanOut::turning) return;
  if (better == FanOut::push) return store_.begin_push(post.author);
  if (!store_.begin_pull(post.author)) return;
  // Followers are read again: whoever followed meanwhile has to know too.
  const Followers told = read_followers(post.author);
  store_.complete_pull(post.author, told.all);
  log::info("feed", "author_is_pulled", {{"author", post.author}, {"followers", told.all.size()}});
}

FanOutSubscriber::Followers FanOutSubscriber::read_followers(Id author) {
  auto read = context_.db.read_blocking([&](db::Transaction& tx) -> Result<Followers> {
    return Followers{feed_followers(tx, author),
                     static_cast<std::uint64_t>(events::last_sequence(tx))};
  });
  if (!read) throw std::runtime_error("followers could not be read: " + read.error().detail);
  return std::move(*read);
}

/// Few listen at any moment, however many follow.
void FanOutSubscriber::hint_listening_followers(Id author) {
  const std::vector<Id> listening = hints_.listening();
  std::vector<Id> reached;
  for (std::size_t i = 0; i < listening.size(); i += db::IdList::max_size) {
    const auto some =
        std::span(listening).subspan(i, std::min(db::IdList::max_size, listening.size() - i));
    (void)context_.db.read_blocking([&](db::Transaction& tx) -> Result<void> {
      tx.each<Id>(
          "select follower_id from follows where followee_id = ? and follower_id in (?*)",
          [&](Id id) { reached.push_back(id); }, author, db::IdList{some});
      return {};
    });
  }
  hints_.hint(reached);
}

}  // namespace madang::social
