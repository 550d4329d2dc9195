// What every feed store does, asked through the port: in memory and in Redis.
#include <boost/asio/io_context.hpp>

#include "../../../tests/support/run_task.hpp"
#include "modules/social/feed_store_memory.hpp"
#include "modules/social/feed_store_redis_fixture.hpp"

namespace madang::social {
namespace {

using namespace std::chrono_literals;

enum class Adapter : std::uint8_t { memory, redis };

class FeedStoreContract : public testing::TestWithParam<Adapter> {
 protected:
  static constexpr std::size_t everywhere = 100'000;

  FeedStoreContract() {
    if (GetParam() == Adapter::redis) FeedRedis::shared().begin_anew();
  }

  FeedStore& store() {
    if (store_) return *store_;
    if (GetParam() == Adapter::memory) {
      store_ = std::make_unique<MemoryFeedStore>(MemoryFeedOptions{
          .limits = limits, .max_builds = 2, .max_pending = max_pending, .idle_life = idle_life});
    } else {
      store_ = std::make_unique<RedisFeedStore>(RedisFeedOptions{.limits = limits,
                                                                 .read_patience = 5s,
                                                                 .try_for = 5s,
                                                                 .max_builds = 2,
                                                                 .max_waiting = max_pending,
                                                                 .idle_life = idle_life,
                                                                 .longest_life = 100 * 24h,
                                                                 .young = 0ms},
                                                FeedRedis::shared().client(), clock);
    }
    sweep();
    return *store_;
  }
  template <class T>
  T run(Task<T> task) {
    return test::run_task(io_, std::move(task));
  }
  static Deadline soon() { return Deadline::after(10s); }
  Time now() const { return clock.now(); }
  std::size_t sweep() { return store_->sweep(now(), everywhere); }

  Id id(int minutes) const { return first_id_at(start + std::chrono::minutes(minutes)) + 1; }
  FeedPost post(int minutes, Id author = 9) const {
    return {id(minutes), author, start + std::chrono::minutes(minutes)};
  }
  FeedSnapshot snapshot(const std::vector<int>& minutes) {
    FeedSnapshot out;
    for (const int m : minutes)
      out.items.push_back({id(m), FeedLife::seconds(post(m).created_at), 0});
    out.seq = seq;
    out.taken_at = now();
    return out;
  }

  auto begin(Id viewer) { return run(store().begin_build(soon(), viewer)); }
  BuildOutcome finish(BuildTicket ticket, FeedSnapshot taken) {
    return run(store().finish_build(soon(), ticket, std::move(taken)));
  }
  void warm(Id viewer, const std::vector<int>& minutes) {
    const auto ticket = begin(viewer);
    ASSERT_TRUE(ticket.has_value());
    ASSERT_EQ(finish(*ticket, snapshot(minutes)), BuildOutcome::warm);
  }
  PushReport push(const FeedPost& what, const std::vector<Id>& users) {
    std::vector<FeedFollower> followers;
    for (const Id user : users) followers.push_back({user, start - 24h});
    return store().push(what, followers, ++seq);
  }
  void invalidate(Id viewer) { run(store().invalidate(soon(), viewer)); }
  void erase(Id viewer, Id post) { run(store().erase(soon(), viewer, post)); }
  void see(Id viewer, std::vector<Id> posts) {
    run(store().mark_seen(soon(), viewer, std::move(posts), now()));
  }
  std::vector<FeedMark> pending(Id viewer) {
    return merge_feed_marks(run(store().pending_marks(soon(), viewer)), {},
                            FeedLife::seconds(now()));
  }
  FeedPage page(Id viewer, std::size_t limit = 20) {
    return run(store().read(soon(), viewer, {.begun = now(), .limit = limit}));
  }
  FeedPage page(Id viewer, FeedQuery query) { return run(store().read(soon(), viewer, query)); }
  std::vector<Id> posts(Id viewer) {
    std::vector<Id> out;
    for (const FeedItem& item : page(viewer, 1'000).items) out.push_back(item.post);
    return out;
  }

  const Time start = *parse_rfc3339("2026-11-21T12:00:00Z");
  ManualClock clock{start};
  std::uint64_t seq = 100;
  FeedLimits limits;
  std::size_t max_pending = 200;
  std::chrono::seconds idle_life = 3 * 24h;
  asio::io_context& io_ = test::lasting_io();
  std::unique_ptr<FeedStore> store_;
};

TEST_P(FeedStoreContract, IsColdUntilBuilt) {
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
  EXPECT_EQ(push(post(0), {1}).cold, 1u);
  warm(1, {-3, -1, -2});
  EXPECT_EQ(posts(1), (std::vector{id(-1), id(-2), id(-3)}));
  const PushReport report = push(post(0), {1, 2});
  EXPECT_EQ(report.inserted, 1u);
  EXPECT_EQ(report.cold, 1u);
  EXPECT_EQ(push(post(0), {1}).skipped, 1u);
  EXPECT_EQ(posts(1).front(), id(0));
  invalidate(1);
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
}

TEST_P(FeedStoreContract, ManyFollowersAreReachedAtOnce) {
  std::vector<Id> users;
  for (Id user = 1; user <= 40; ++user) {
    warm(user, {-1});
    users.push_back(user);
  }
  for (Id user = 1'000; user < 4'000; ++user) users.push_back(user);
  const PushReport report = push(post(0), users);
  EXPECT_EQ(report.inserted, 40u);
  EXPECT_EQ(report.cold, 3'000u);
  for (Id user = 1; user <= 40; ++user) ASSERT_EQ(posts(user).front(), id(0));
  std::vector<FeedFollower> all;
  for (const Id user : users) all.push_back({user, start});
  EXPECT_EQ(store().remove(post(0), all), 40u);
  for (Id user = 1; user <= 40; ++user) ASSERT_EQ(posts(user), std::vector{id(-1)});
  store().invalidate(users);
  for (Id user = 1; user <= 40; ++user) ASSERT_EQ(page(user).answer, FeedAnswer::cold);
}

TEST_P(FeedStoreContract, RefusesToBuildTwice) {
  const auto first = begin(1);
  EXPECT_EQ(begin(1).error(), BuildRefusal::already_building);
  const auto second = begin(2);
  EXPECT_EQ(begin(3).error(), BuildRefusal::too_many_builds);
  run(store().abandon_build(soon(), *second));
  EXPECT_TRUE(begin(2).has_value());
  EXPECT_EQ(finish(*first, snapshot({})), BuildOutcome::warm);
  EXPECT_EQ(begin(1).error(), BuildRefusal::already_warm);
  EXPECT_EQ(finish(*second, snapshot({})), BuildOutcome::void_ticket);
}

TEST_P(FeedStoreContract, ASnapshotThatIsAsNewAsTheReaderKnowsBetter) {
  const auto ticket = begin(1);
  FeedSnapshot taken = snapshot({-1});
  taken.seq = 50;
  const std::vector<FeedFollower> followers{{1, start - 24h}};
  EXPECT_EQ(store().push(post(0), followers, 50).pending, 1u);  // unfollowed by event 50
  EXPECT_EQ(store().push(post(1), followers, 51).pending, 1u);
  EXPECT_EQ(finish(*ticket, std::move(taken)), BuildOutcome::warm);
  EXPECT_EQ(posts(1), (std::vector{id(1), id(-1)}));
  EXPECT_EQ(store().push(post(2), followers, 50).skipped, 1u);
  EXPECT_EQ(store().push(post(2), followers, 51).inserted, 1u);
}

TEST_P(FeedStoreContract, ChangesVoidABuild) {
  max_pending = 2;
  const auto voided = [&](auto change) {
    const auto ticket = begin(1);
    FeedSnapshot taken = snapshot({-1});
    change();
    return finish(*ticket, std::move(taken)) == BuildOutcome::void_ticket;
  };
  EXPECT_TRUE(voided([&] { invalidate(1); }));
  EXPECT_TRUE(voided([&] { store().invalidate(std::vector<Id>{2, 1}); }));
  EXPECT_TRUE(voided([&] { store().invalidate_all(); }));
  EXPECT_TRUE(voided([&] {
    for (int m = 0; m < 3; ++m) push(post(m), {1});
  }));
  EXPECT_FALSE(voided([] {}));
}

TEST_P(FeedStoreContract, WhatIsDeletedWhileItIsBuiltIsNotInIt) {
  const auto ticket = begin(1);
  FeedSnapshot taken = snapshot({-2, -1});
  push(post(0), {1});
  const std::vector<FeedFollower> followers{{1, start - 24h}};
  store().remove(post(0), followers);
  erase(1, id(-2));
  EXPECT_EQ(finish(*ticket, std::move(taken)), BuildOutcome::warm);
  EXPECT_EQ(posts(1), std::vector{id(-1)});
}

TEST_P(FeedStoreContract, OnesOwnPostIsThereAtOnce) {
  warm(1, {});
  run(store().add_own(soon(), post(0, 1)));
  EXPECT_EQ(posts(1), std::vector{id(0)});
  const auto ticket = begin(2);
  FeedSnapshot taken = snapshot({});
  run(store().add_own(soon(), post(1, 2)));
  EXPECT_EQ(finish(*ticket, std::move(taken)), BuildOutcome::warm);
  EXPECT_EQ(posts(2), std::vector{id(1)});
}

TEST_P(FeedStoreContract, LivesBeginWithALaterFollow) {
  warm(1, {});
  warm(2, {});
  const std::vector<FeedFollower> followers{{1, start + 2h}, {2, start - 2h}};
  store().push(post(0), followers, ++seq);
  EXPECT_EQ(page(1).items.at(0).inserted, FeedLife::seconds(start + 2h));
  EXPECT_EQ(page(2).items.at(0).inserted, FeedLife::seconds(start));
}

TEST_P(FeedStoreContract, PagesFollowEachOther) {
  warm(1, {-5, -4, -3, -2, -1});
  const FeedPage first = page(1, 2);
  EXPECT_TRUE(first.more_live);
  EXPECT_EQ(first.floor, 0);
  const FeedPage second = page(1, {.begun = now(), .below = id(-2), .limit = 2});
  ASSERT_EQ(second.items.size(), 2u);
  EXPECT_EQ(second.items.back().post, id(-4));
  EXPECT_TRUE(second.more_live);
  const FeedPage third = page(1, {.begun = now(), .below = id(-4), .limit = 2});
  EXPECT_EQ(third.items.size(), 1u);
  EXPECT_FALSE(third.more_live);
}

TEST_P(FeedStoreContract, TheFloorStaysWithTheList) {
  limits = {.max_live = 3, .slack = 2};
  warm(1, {-5, -4, -3, -2, -1});
  const FeedPage first = page(1, 2);
  EXPECT_EQ(first.floor, id(-3));
  EXPECT_TRUE(first.more_live);
  erase(1, id(-3));
  push(post(0), {1});
  const FeedPage second =
      page(1, {.begun = now(), .below = first.items.back().post, .floor = first.floor});
  EXPECT_TRUE(second.items.empty());  // -4 did not move up into this list
  EXPECT_FALSE(second.more_live);
  EXPECT_EQ(page(1).floor, id(-2));
}

TEST_P(FeedStoreContract, SaysWhenItDoesNotReachFarEnough) {
  limits = {.max_live = 3, .slack = 2};
  const auto ticket = begin(1);
  FeedSnapshot taken = snapshot({-5, -4, -3, -2, -1});
  taken.covers_from = id(-5);
  finish(*ticket, std::move(taken));
  EXPECT_EQ(page(1, {.begun = now(), .below = id(-4)}).answer, FeedAnswer::below_coverage);
  EXPECT_EQ(page(1).answer, FeedAnswer::page);
  for (const int m : {-1, -2, -3}) erase(1, id(m));
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);  // two are left of three that would count
  EXPECT_TRUE(begin(1).has_value());
}

TEST_P(FeedStoreContract, ManyThatHaveEndedDoNotHideTheRest) {
  std::vector<int> many;
  for (int m = 0; m < 300; ++m) many.push_back(-m);
  warm(1, many);
  std::vector<Id> seen;
  for (int m = 0; m < 250; ++m) seen.push_back(id(-m));
  see(1, seen);
  clock.advance(25h);
  EXPECT_EQ(page(1).items.size(), 20u);
  EXPECT_EQ(posts(1).size(), 50u);
  ASSERT_FALSE(page(1).items.empty());
  EXPECT_EQ(page(1, {.begun = now(), .below = id(-10), .limit = 5}).items.at(0).post, id(-250));
}

TEST_P(FeedStoreContract, ListsOlderThanTheGraceAreServedFromSql) {
  warm(1, {-2, -1});
  see(1, {id(-1)});
  clock.advance(26h);
  EXPECT_EQ(sweep(), 1u);
  EXPECT_EQ(page(1, {.begun = start, .below = id(-1)}).answer, FeedAnswer::below_coverage);
  EXPECT_EQ(page(1, {.begun = now() - 50min, .below = id(-1)}).answer, FeedAnswer::page);
}

TEST_P(FeedStoreContract, SweepingFreesWhatIsOver) {
  warm(1, {-2, -1});
  see(1, {id(-2)});
  clock.advance(24h);
  EXPECT_EQ(posts(1), (std::vector{id(-1)}));
  EXPECT_EQ(sweep(), 0u);
  clock.advance(1h);
  EXPECT_EQ(sweep(), 1u);
  EXPECT_EQ(sweep(), 0u);
}

TEST_P(FeedStoreContract, IdleFeedsBecomeCold) {
  idle_life = 2h;
  warm(1, {-1});
  warm(2, {-1});
  clock.advance(90min);
  page(2);
  clock.advance(31min);
  sweep();
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
  EXPECT_EQ(page(2).answer, FeedAnswer::page);
}

TEST_P(FeedStoreContract, APostThatComesADayLateIsNotGuessedAt) {
  warm(1, {-2, -1});
  see(1, {id(-2)});
  clock.advance(25h);
  sweep();
  EXPECT_EQ(push(post(0), {1}).cold, 1u);
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
}

TEST_P(FeedStoreContract, OneFeedIsBounded) {
  limits = {.max_live = 10, .slack = 4};
  warm(1, {});
  for (int m = 0; m < 100; ++m) push(post(m), {1});
  const FeedPage first = page(1);
  EXPECT_EQ(first.items.size(), 10u);
  EXPECT_EQ(first.floor, id(90));
  EXPECT_EQ(page(1, {.begun = now(), .below = id(50)}).answer, FeedAnswer::below_coverage);
}

TEST_P(FeedStoreContract, MarksStayUntilTheyAreSaved) {
  see(1, {id(-1), id(-2)});
  clock.advance(1h);
  see(1, {id(-1)});  // only the first view counts
  const auto waiting = pending(1);
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[1].first_seen, FeedLife::seconds(start));
  const auto taken = store().take_unsaved_marks(10, now());
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].marks.size(), 2u);
  see(1, {id(-3)});
  EXPECT_TRUE(store().take_unsaved_marks(10, now()).empty());  // not twice at a time
  EXPECT_EQ(pending(1).size(), 3u);
  store().marks_failed(std::vector<Id>{1});
  EXPECT_EQ(store().take_unsaved_marks(10, now()).at(0).marks.size(), 3u);
  store().marks_saved(std::vector<Id>{1});
  EXPECT_TRUE(pending(1).empty());
  EXPECT_EQ(store().stats().unsaved_marks, 0u);
}

TEST_P(FeedStoreContract, ViewsBeforeAndDuringABuildCount) {
  see(1, {id(-1)});
  const auto ticket = begin(1);
  FeedSnapshot taken = snapshot({-3, -2, -1});
  taken.marks = {{id(-3), FeedLife::seconds(start - 26h)}};
  clock.advance(1s);
  see(1, {id(-2)});
  store().take_unsaved_marks(10, now());
  store().marks_saved(std::vector<Id>{1});  // saved after the snapshot was read
  EXPECT_EQ(finish(*ticket, std::move(taken)), BuildOutcome::warm);
  const auto items = page(1).items;
  ASSERT_EQ(items.size(), 2u);  // -3 was seen long ago
  EXPECT_EQ(items[0].first_seen, FeedLife::seconds(start));
  EXPECT_EQ(items[1].first_seen, FeedLife::seconds(start + 1s));
}

TEST_P(FeedStoreContract, AViewMayComeBeforeThePost) {
  warm(1, {-1});
  see(1, {id(0)});  // on a page from SQL
  EXPECT_EQ(posts(1), (std::vector{id(-1)}));
  push(post(0), {1});
  EXPECT_EQ(page(1).items.front().first_seen, FeedLife::seconds(start));
}

INSTANTIATE_TEST_SUITE_P(, FeedStoreContract, testing::Values(Adapter::memory, Adapter::redis),
                         [](const auto& adapter) {
                           return adapter.param == Adapter::memory ? "memory" : "redis";
                         });

}  // namespace
}  // namespace madang::social
