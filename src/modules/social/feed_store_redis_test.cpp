// The store in Redis alone: what several instances see of each other, and what faults do to it.
#include <boost/asio/io_context.hpp>
#include <thread>

#include "../../../tests/support/run_task.hpp"
#include "modules/social/feed_store_redis_fixture.hpp"

namespace madang::social {
namespace {

using namespace std::chrono_literals;

class FeedStoreRedis : public testing::Test {
 protected:
  static constexpr std::size_t everywhere = 100'000;

  FeedStoreRedis() { redis_.begin_anew(); }

  std::unique_ptr<RedisFeedStore> instance(std::size_t max_debts = 1'000) {
    return std::make_unique<RedisFeedStore>(
        RedisFeedOptions{.read_patience = patience, .young = young, .max_debts = max_debts},
        redis_.client(), clock_);
  }
  template <class T>
  T run(Task<T> task) {
    return test::run_task(io_, std::move(task));
  }
  static Deadline soon() { return Deadline::after(1s); }
  Id id(int minutes) const { return first_id_at(start + std::chrono::minutes(minutes)) + 1; }
  FeedPost post(int minutes, Id author = 9) const {
    return {id(minutes), author, start + std::chrono::minutes(minutes)};
  }

  void warm(FeedStore& store, Id viewer, const std::vector<int>& minutes) {
    const auto ticket = run(store.begin_build(soon(), viewer));
    ASSERT_TRUE(ticket.has_value());
    ASSERT_EQ(run(store.finish_build(soon(), *ticket, snapshot(minutes))), BuildOutcome::warm);
  }
  FeedSnapshot snapshot(const std::vector<int>& minutes) {
    FeedSnapshot out{.items = {}, .marks = {}, .follows = {}, .seq = 100, .taken_at = clock_.now()};
    for (const int m : minutes)
      out.items.push_back({id(m), FeedLife::seconds(post(m).created_at), 0});
    return out;
  }
  PushReport push(FeedStore& store, const FeedPost& what, Id user) {
    const FeedFollower follower{user, start - 24h};
    return store.push(what, std::span(&follower, 1), ++seq_);
  }
  FeedPage page(FeedStore& store, Id viewer) {
    return run(store.read(Deadline::after(10s), viewer, {.begun = clock_.now(), .limit = 20}));
  }
  std::size_t keys_at(Id viewer) {
    const std::string there =
        redis_.cluster().master_of(FeedKeys::feed(viewer)).ask({"EXISTS", FeedKeys::feed(viewer)});
    return static_cast<std::size_t>(std::stoi(there));
  }

  const Time start = *parse_rfc3339("2026-11-21T12:00:00Z");
  std::chrono::milliseconds patience = 5s;
  std::chrono::milliseconds young = 0ms;
  FeedRedis& redis_ = FeedRedis::shared();
  ManualClock clock_{start};
  asio::io_context& io_ = test::lasting_io();
  std::uint64_t seq_ = 100;
};

TEST_F(FeedStoreRedis, InstancesSeeTheSame) {
  const auto one = instance();
  const auto two = instance();
  warm(*one, 1, {-2, -1});
  EXPECT_EQ(page(*two, 1).items.size(), 2u);
  EXPECT_EQ(run(two->begin_build(soon(), 1)).error(), BuildRefusal::already_warm);
  push(*two, post(0), 1);
  run(one->mark_seen(soon(), 1, {id(0)}, start));
  EXPECT_EQ(page(*one, 1).items.at(0).first_seen, FeedLife::seconds(start));
  EXPECT_EQ(page(*two, 1).items.at(0).first_seen, FeedLife::seconds(start));
  EXPECT_EQ(run(two->pending_marks(soon(), 1)).size(), 1u);
  run(two->invalidate(soon(), 1));
  EXPECT_EQ(page(*one, 1).answer, FeedAnswer::cold);
  EXPECT_EQ(run(two->pending_marks(soon(), 1)).size(), 1u);  // they outlive the feed
}

TEST_F(FeedStoreRedis, ABuildIsVoidAfterAnotherInstancesChange) {
  const auto one = instance();
  const auto two = instance();
  const auto ticket = run(one->begin_build(soon(), 1));
  EXPECT_EQ(run(two->begin_build(soon(), 1)).error(), BuildRefusal::already_building);
  run(two->invalidate(soon(), 1));
  const auto second = run(two->begin_build(soon(), 1));
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(run(one->finish_build(soon(), *ticket, snapshot({-1}))), BuildOutcome::void_ticket);
  EXPECT_EQ(run(two->finish_build(soon(), *second, snapshot({-2}))), BuildOutcome::warm);
  // Repeated, as after a lost answer.
  EXPECT_EQ(run(two->finish_build(soon(), *second, snapshot({-2}))), BuildOutcome::warm);
}

TEST_F(FeedStoreRedis, EverythingButFeedsHasAnEnd) {
  const auto store = instance();
  warm(*store, 1, {-1});
  ASSERT_TRUE(run(store->begin_build(soon(), 2)).has_value());
  run(store->mark_seen(soon(), 1, {id(-1)}, start));
  ASSERT_EQ(page(*store, 1).items.size(), 1u);
  const auto life = [&](const std::string& key) {
    return std::stoi(redis_.cluster().master_of(key).ask({"TTL", key}));
  };
  EXPECT_EQ(life(FeedKeys::feed(1)), -1);
  EXPECT_EQ(life(FeedKeys::bucket(feed_bucket(1))), -1);
  EXPECT_GT(life(FeedKeys::feed(2)), 0);  // a build that nobody finishes
  EXPECT_GT(life(FeedKeys::views(1)), 0);
  EXPECT_GT(life(FeedKeys::unsaved_in(feed_bucket(1))), 0);
}

TEST_F(FeedStoreRedis, AWipeIsCold) {
  const auto store = instance();
  warm(*store, 1, {-1});
  run(store->mark_seen(soon(), 1, {id(-1)}, start));
  ASSERT_EQ(page(*store, 1).items.at(0).first_seen, FeedLife::seconds(start));
  redis_.wipe();
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::cold);
  EXPECT_EQ(push(*store, post(0), 1).cold, 1u);
  warm(*store, 1, {-1, 0});
  EXPECT_EQ(page(*store, 1).items.at(1).first_seen, FeedLife::seconds(start));  // kept here
}

TEST_F(FeedStoreRedis, WhatAReplicaTakesOverIsCold) {
  const auto store = instance();
  warm(*store, 1, {-1});
  const auto ticket = run(store->begin_build(soon(), 2));
  ASSERT_TRUE(ticket.has_value());
  redis_.fail_over(1);
  EXPECT_EQ(keys_at(1), 1u);  // it is there, and not believed
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::cold);
  EXPECT_EQ(push(*store, post(0), 1).cold, 1u);
  EXPECT_EQ(keys_at(1), 0u);
  warm(*store, 1, {-1, 0});
  EXPECT_EQ(page(*store, 1).items.size(), 2u);
}

/// A build that began under another reign may have missed what was pushed to it.
TEST_F(FeedStoreRedis, ABuildThatAReplicaTakesOverIsVoid) {
  const auto store = instance();
  const auto ticket = run(store->begin_build(soon(), 1));
  ASSERT_TRUE(ticket.has_value());
  redis_.fail_over(1);
  EXPECT_EQ(run(store->finish_build(soon(), *ticket, snapshot({-1}))), BuildOutcome::void_ticket);
}

TEST_F(FeedStoreRedis, WhatCouldNotBeToldIsOwed) {
  patience = 100ms;
  const auto store = instance();
  warm(*store, 1, {-1});
  redis::RedisServer& master = redis_.cluster().master_of(FeedKeys::feed(1));
  master.stop();
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::unreachable);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 400ms);
  EXPECT_EQ(run(store->begin_build(soon(), 1)).error(), BuildRefusal::unreachable);
  run(store->invalidate(Deadline::after(300ms), 1));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 1s);
  master.go_on();
  // What lies there is not believed before the debt is paid.
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::unreachable);
  EXPECT_EQ(run(store->begin_build(soon(), 1)).error(), BuildRefusal::unreachable);
  ASSERT_TRUE(redis::eventually([&] {
    store->sweep(clock_.now(), 1);
    return page(*store, 1).answer == FeedAnswer::cold;
  }));
  warm(*store, 1, {-1});
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::page);
}

TEST_F(FeedStoreRedis, BeyondTheBoundOfDebtsAllFeedsGo) {
  const auto store = instance(2);
  const auto other = instance();
  for (const Id viewer : {1, 2, 3, 4}) warm(*store, viewer, {-1});
  const Deadline passed = Deadline::after(0s);
  for (const Id viewer : {1, 2, 3}) run(store->invalidate(passed, viewer));
  EXPECT_EQ(page(*store, 4).answer, FeedAnswer::unreachable);
  EXPECT_EQ(page(*other, 4).answer, FeedAnswer::page);
  store->sweep(clock_.now(), 1);
  for (const Id viewer : {1, 2, 3, 4}) {
    EXPECT_EQ(page(*store, viewer).answer, FeedAnswer::cold) << viewer;
    EXPECT_EQ(page(*other, viewer).answer, FeedAnswer::cold) << viewer;
  }
}

TEST_F(FeedStoreRedis, ADeadlineThatHasPassedAsksNobody) {
  const auto store = instance();
  warm(*store, 1, {-1});
  const Deadline passed = Deadline::after(0s);
  run(store->mark_seen(passed, 1, {id(-1)}, start));
  EXPECT_EQ(run(store->pending_marks(passed, 1)).size(), 1u);
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::unreachable);  // the feed does not know the view
  run(store->add_own(passed, post(0, 2)));
  EXPECT_EQ(page(*store, 2).answer, FeedAnswer::unreachable);
  store->sweep(clock_.now(), 1);
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::cold);
  EXPECT_EQ(page(*store, 2).answer, FeedAnswer::cold);
}

TEST_F(FeedStoreRedis, AFanOutThatReachesNobodyThrows) {
  const auto store = instance();
  warm(*store, 1, {-1});
  redis::RedisServer& master = redis_.cluster().master_of(FeedKeys::feed(1));
  master.kill();
  EXPECT_THROW(push(*store, post(0), 1), std::runtime_error);
  const FeedFollower follower{1, start};
  EXPECT_THROW(store->remove(post(0), std::span(&follower, 1)), std::runtime_error);
  EXPECT_THROW(store->invalidate(std::vector<Id>{1}), std::runtime_error);
}

TEST_F(FeedStoreRedis, AServerWithoutMemoryLosesFeedsAndNothingElse) {
  const auto store = instance();
  warm(*store, 1, {-1});
  redis::RedisServer& master = redis_.cluster().master_of(FeedKeys::feed(1));
  master.ask({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_EQ(push(*store, post(0), 1).cold, 1u);
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::cold);
  run(store->add_own(soon(), post(1, 1)));
  master.ask({"CONFIG", "SET", "maxmemory", "64mb"});
  store->sweep(clock_.now(), 1);
  warm(*store, 1, {-1, 0, 1});
  EXPECT_EQ(page(*store, 1).items.size(), 3u);
}

TEST_F(FeedStoreRedis, TheViewsOfAnInstanceThatDiedAreSavedByAnother) {
  auto one = instance();
  const auto two = instance();
  run(one->mark_seen(soon(), 1, {id(-1), id(-2)}, start));
  ASSERT_EQ(run(one->pending_marks(soon(), 1)).size(), 4u);  // here and there
  one.reset();
  two->sweep(clock_.now(), everywhere);
  EXPECT_TRUE(two->take_unsaved_marks(10, clock_.now()).empty());  // it may still be at it
  clock_.advance(61s);
  two->sweep(clock_.now(), everywhere);
  const auto taken = two->take_unsaved_marks(10, clock_.now());
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].viewer, 1);
  EXPECT_EQ(taken[0].marks.size(), 2u);
  two->marks_saved(std::vector<Id>{1});
  EXPECT_TRUE(run(two->pending_marks(soon(), 1)).empty());
  clock_.advance(61s);
  two->sweep(clock_.now(), everywhere);
  EXPECT_TRUE(two->take_unsaved_marks(10, clock_.now()).empty());
}

/// Also when a server is away meanwhile.
TEST_F(FeedStoreRedis, TheSweepLeavesNothingOfTheFormerFormat) {
  const auto store = instance();
  const std::string first = FeedKeys::former_bucket(feed_bucket(1));
  const auto left = [&](const std::string& pattern) {
    std::ptrdiff_t keys = 0;
    for (std::size_t i = 0; i < redis_.cluster().size(); ++i) {
      const redis::RedisServer& server = redis_.cluster()[i];
      if (server.running() && server.ask({"ROLE"}).starts_with("master"))
        keys += std::ranges::count(server.ask({"KEYS", pattern}), '\n');
    }
    return keys;
  };
  // As that format did: 250 in one bucket, and some in others.
  std::ptrdiff_t in_first = 0;
  for (Id viewer = 1; in_first < 250; ++viewer) {
    const std::string list = FeedKeys::former_bucket(feed_bucket(viewer));
    if (list == first)
      ++in_first;
    else if (viewer > 100)
      continue;
    redis::RedisServer& master = redis_.cluster().master_of(list);
    ASSERT_EQ(master.ask({"ZADD", list + ':' + std::to_string(viewer), "-1", "head"}), "1");
    ASSERT_EQ(master.ask({"ZADD", list, "1", std::to_string(viewer)}), "1");
  }
  ASSERT_EQ(left(first + ":*"), 250);

  store->sweep(clock_.now(), everywhere);
  EXPECT_EQ(left(first + ":*"), 150) << "a visit is bounded";
  EXPECT_EQ(left("feed1:*"), 151) << "the others are done";

  redis::RedisServer& master = redis_.cluster().master_of(first);
  const redis::RedisServer& replica = redis_.cluster().replica_of(master);
  const std::string size = master.ask({"DBSIZE"});
  ASSERT_TRUE(redis::eventually([&] { return replica.ask({"DBSIZE"}) == size; }));
  master.kill();
  store->sweep(clock_.now(), everywhere);
  replica.ask({"CLUSTER", "FAILOVER", "TAKEOVER"});
  EXPECT_TRUE(redis::eventually([&] {
    store->sweep(clock_.now(), everywhere);
    return left("feed1:*") == 0;
  }));
}

TEST_F(FeedStoreRedis, TheFormerFormatIsClearedAwayBesideThisOne) {
  const auto store = instance();
  warm(*store, 1, {-1});
  const std::string list = FeedKeys::former_bucket(feed_bucket(1));
  redis::RedisServer& master = redis_.cluster().master_of(list);
  ASSERT_EQ(master.ask({"ZADD", list, "1", "1"}), "1");
  ASSERT_EQ(master.ask({"ZADD", list + ":1", "-1", "head"}), "1");
  store->sweep(clock_.now(), everywhere);
  EXPECT_EQ(master.ask({"EXISTS", list, list + ":1"}), "0");
  EXPECT_EQ(page(*store, 1).items.size(), 1u);
}

TEST_F(FeedStoreRedis, AListThatSqlBeganStaysThere) {
  const auto store = instance();
  warm(*store, 1, {-3, -2, -1});
  FeedQuery query{.begun = start, .below = id(-1), .limit = 20};
  EXPECT_EQ(run(store->read(soon(), 1, query)).answer, FeedAnswer::page);
  query.from_sql = true;
  EXPECT_EQ(run(store->read(soon(), 1, query)).answer, FeedAnswer::below_coverage);
}

/// Who has not heard of the new master yet may still tell the old one, in vain.
TEST_F(FeedStoreRedis, NoFeedIsBuiltInAYoungReign) {
  young = 500ms;
  const auto store = instance();
  const auto begun = [&] { return run(store->begin_build(soon(), 1)); };
  EXPECT_EQ(begun().error(), BuildRefusal::too_early);
  ASSERT_TRUE(redis::eventually([&] { return begun().has_value(); }));
  run(store->invalidate(soon(), 1));
  const auto again = begun();
  ASSERT_TRUE(again.has_value());
  ASSERT_EQ(run(store->finish_build(soon(), *again, snapshot({-1}))), BuildOutcome::warm);
  redis_.fail_over(1);
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::cold);
  EXPECT_EQ(begun().error(), BuildRefusal::too_early);
  EXPECT_TRUE(redis::eventually([&] { return begun().has_value(); }));
}

TEST_F(FeedStoreRedis, WhatIsThereTwiceCountsOnce) {
  const auto one = instance();
  const auto two = instance();
  warm(*one, 1, {-1});
  EXPECT_EQ(push(*one, post(0), 1).inserted, 1u);
  // Another instance repeats what it does not know to be done; its second time it looks.
  push(*two, post(0), 1);
  EXPECT_EQ(push(*two, post(0), 1).skipped, 1u);
  ASSERT_EQ(page(*one, 1).items.size(), 2u);
  EXPECT_EQ(page(*one, 1).items[0].post, id(0));
  const FeedFollower follower{1, start - 24h};
  EXPECT_EQ(one->remove(post(0), std::span(&follower, 1)), 1u);
  EXPECT_EQ(page(*one, 1).items.size(), 1u);
}

TEST_F(FeedStoreRedis, LatePostsComeInTheirPlace) {
  const auto store = instance();
  warm(*store, 1, {-9, -3, -1});
  for (const int m : {0, -2, 1, -5}) push(*store, post(m), 1);
  std::vector<Id> posts;
  for (const FeedItem& item : page(*store, 1).items) posts.push_back(item.post);
  EXPECT_EQ(posts, (std::vector{id(1), id(0), id(-1), id(-2), id(-3), id(-5), id(-9)}));
  const FeedQuery below{.begun = clock_.now(), .below = id(-2), .limit = 2};
  const FeedPage next = run(store->read(soon(), 1, below));
  ASSERT_EQ(next.items.size(), 2u);
  EXPECT_EQ(next.items[0].post, id(-3));
  EXPECT_EQ(next.items[1].post, id(-5));
  EXPECT_TRUE(next.more_live);
}

TEST_F(FeedStoreRedis, NoFeedIsKeptForEver) {
  const auto store = instance();
  warm(*store, 1, {-1});
  clock_.advance(24h);
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::page);
  clock_.advance(1s);
  EXPECT_EQ(page(*store, 1).answer, FeedAnswer::cold);
  EXPECT_TRUE(run(store->begin_build(soon(), 1)).has_value());
}

}  // namespace
}  // namespace madang::social
