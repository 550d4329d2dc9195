// The rules that the model (feed_model_test.cpp) cannot reach by chance: bounds, refusals,
// counters.
#include "modules/social/feed_store.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "modules/social/feed_collector.hpp"
#include "modules/social/feed_store_memory.hpp"

namespace madang::social {
namespace {

using namespace std::chrono_literals;

class FeedStoreTest : public ::testing::Test {
 protected:
  const Time start = *parse_rfc3339("2026-11-21T12:00:00Z");
  Time now = start;
  std::uint64_t seq = 100;
  MemoryFeedOptions options;
  std::unique_ptr<MemoryFeedStore> made;

  MemoryFeedStore& store() {
    if (!made) {
      made = std::make_unique<MemoryFeedStore>(options);
      made->sweep(now, 1);
    }
    return *made;
  }

  Id id(int minutes) const { return first_id_at(start + std::chrono::minutes(minutes)) + 1; }
  FeedPost post(int minutes, Id author = 9) const {
    return {id(minutes), author, start + std::chrono::minutes(minutes)};
  }

  /// A snapshot with these posts, made when they say.
  FeedSnapshot snapshot(const std::vector<int>& minutes) {
    FeedSnapshot out;
    for (const int m : minutes)
      out.items.push_back({id(m), FeedLife::seconds(post(m).created_at), 0});
    out.seq = seq;
    out.taken_at = now;
    return out;
  }

  void warm(Id viewer, const std::vector<int>& minutes) {
    const auto ticket = store().begin_build(viewer);
    ASSERT_TRUE(ticket.has_value());
    ASSERT_EQ(store().finish_build(*ticket, snapshot(minutes)), BuildOutcome::warm);
  }

  PushReport push(const FeedPost& what, const std::vector<Id>& users) {
    std::vector<FeedFollower> followers;
    for (const Id user : users) followers.push_back({user, start - 24h});
    return store().push(what, followers, ++seq);
  }

  FeedPage page(Id viewer, std::size_t limit = 20) {
    return store().read(viewer, {.begun = now, .limit = limit});
  }

  std::vector<Id> posts(Id viewer) {
    std::vector<Id> out;
    for (const FeedItem& item : page(viewer, 1'000).items) out.push_back(item.post);
    return out;
  }
};

TEST_F(FeedStoreTest, LivesEndOnTheSecond) {
  const FeedSeconds t = 1'000'000;
  EXPECT_TRUE(FeedLife::live(t, 0, t + FeedLife::unseen_life - 1));
  EXPECT_FALSE(FeedLife::live(t, 0, t + FeedLife::unseen_life));
  EXPECT_TRUE(FeedLife::live(t, t + 10, t + 10 + FeedLife::seen_life - 1));
  EXPECT_FALSE(FeedLife::live(t, t + 10, t + 10 + FeedLife::seen_life));
  EXPECT_FALSE(FeedLife::live(t, t + FeedLife::unseen_life - 5, t + FeedLife::unseen_life));
  EXPECT_FALSE(FeedLife::over(t, 0, t + FeedLife::unseen_life + FeedLife::grace - 1));
  EXPECT_TRUE(FeedLife::over(t, 0, t + FeedLife::unseen_life + FeedLife::grace));
  EXPECT_EQ(FeedLife::seconds(id_epoch), 1u);  // 0 is kept for "never"
  EXPECT_EQ(FeedLife::seconds(Time::min()), 1u);
  EXPECT_EQ(FeedLife::seconds(Time::max()), 0xffffffffu);
  EXPECT_EQ(FeedLife::seconds(id_epoch + 5s + 999'999us), 5u);
}

TEST_F(FeedStoreTest, WhatIsOverIsNeverLiveAgain) {
  for (FeedSeconds seen : {0u, 500'000u, 900'000u, 1'000'000u, 1'000'001u, 1'300'000u})
    for (FeedSeconds now_s = 1'000'000; now_s < 2'600'000; now_s += 1'800)
      if (FeedLife::over(1'000'000, seen, now_s))
        for (FeedSeconds t = now_s - FeedLife::grace; t < 2'600'000; t += 1'800)
          ASSERT_FALSE(FeedLife::live(1'000'000, seen, t)) << seen << ' ' << now_s << ' ' << t;
}

TEST_F(FeedStoreTest, IsColdUntilBuilt) {
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
  EXPECT_EQ(push(post(0), {1}).cold, 1u);
  EXPECT_EQ(store().stats().slots, 0u);  // nothing is kept for those who are not here
  warm(1, {-3, -1, -2});
  EXPECT_EQ(posts(1), (std::vector{id(-1), id(-2), id(-3)}));
  EXPECT_EQ(push(post(0), {1, 2}).inserted, 1u);
  EXPECT_EQ(push(post(0), {1}).skipped, 1u);
  EXPECT_EQ(posts(1).front(), id(0));
  store().invalidate(1);
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
  EXPECT_EQ(store().stats().slots, 0u);
}

TEST_F(FeedStoreTest, RefusesToBuildTwice) {
  options.max_builds = 2;
  const auto first = store().begin_build(1);
  EXPECT_EQ(store().begin_build(1).error(), BuildRefusal::already_building);
  const auto second = store().begin_build(2);
  EXPECT_EQ(store().begin_build(3).error(), BuildRefusal::too_many_builds);
  store().abandon_build(*second);
  EXPECT_TRUE(store().begin_build(3).has_value());
  EXPECT_EQ(store().finish_build(*first, snapshot({})), BuildOutcome::warm);
  EXPECT_EQ(store().begin_build(1).error(), BuildRefusal::already_warm);
  EXPECT_EQ(store().finish_build(*first, snapshot({})), BuildOutcome::void_ticket);
  EXPECT_EQ(store().finish_build(*second, snapshot({})), BuildOutcome::void_ticket);
  EXPECT_EQ(store().stats().building, 1u);
}

TEST_F(FeedStoreTest, ASnapshotThatIsAsNewAsTheReaderKnowsBetter) {
  const auto ticket = store().begin_build(1);
  FeedSnapshot taken = snapshot({-1});
  taken.seq = 50;
  const std::vector<FeedFollower> followers{{1, start - 24h}};
  EXPECT_EQ(store().push(post(0), followers, 50).pending, 1u);  // unfollowed by event 50
  EXPECT_EQ(store().push(post(1), followers, 51).pending, 1u);
  store().finish_build(*ticket, std::move(taken));
  EXPECT_EQ(posts(1), (std::vector{id(1), id(-1)}));
  EXPECT_EQ(store().push(post(2), followers, 50).skipped, 1u);
  EXPECT_EQ(store().push(post(2), followers, 51).inserted, 1u);
}

TEST_F(FeedStoreTest, ChangesVoidABuild) {
  options.max_pending = 2;
  const auto voided = [&](auto change) {
    const auto ticket = store().begin_build(1);
    FeedSnapshot taken = snapshot({-1});
    change();
    return store().finish_build(*ticket, std::move(taken)) == BuildOutcome::void_ticket;
  };
  EXPECT_TRUE(voided([&] { store().invalidate(1); }));
  EXPECT_TRUE(voided([&] { store().invalidate_all(); }));
  EXPECT_TRUE(voided([&] { store().begin_pull(9); }));
  EXPECT_TRUE(voided([&] { store().begin_push(9); }));
  EXPECT_TRUE(voided([&] {
    for (int m = 0; m < 3; ++m) push(post(m), {1});
  }));
  EXPECT_EQ(store().stats().pending_overflows, 1u);
  EXPECT_EQ(store().stats().building, 0u);
  EXPECT_FALSE(voided([] {}));
}

TEST_F(FeedStoreTest, ABuildThatNobodyFinishesEnds) {
  options.build_timeout = 0s;
  const auto ticket = store().begin_build(1);
  store().sweep(now, 1'000);
  EXPECT_EQ(store().stats().builds_timed_out, 1u);
  EXPECT_EQ(store().stats().building, 0u);
  EXPECT_EQ(store().finish_build(*ticket, snapshot({})), BuildOutcome::void_ticket);
}

TEST_F(FeedStoreTest, TheFloorStaysWithTheList) {
  options.limits = {.max_live = 3, .slack = 2};
  warm(1, {-5, -4, -3, -2, -1});
  const FeedPage first = page(1, 2);
  EXPECT_EQ(first.floor, id(-3));
  EXPECT_TRUE(first.more_live);
  store().erase(1, id(-3));
  push(post(0), {1});
  const FeedQuery next{.begun = now, .below = first.items.back().post, .floor = first.floor};
  const FeedPage second = store().read(1, next);
  EXPECT_TRUE(second.items.empty());  // -4 did not move up into this list
  EXPECT_FALSE(second.more_live);
  EXPECT_EQ(page(1).floor, id(-2));
}

TEST_F(FeedStoreTest, SaysWhenItDoesNotReachFarEnough) {
  options.limits = {.max_live = 3, .slack = 2};
  const auto ticket = store().begin_build(1);
  FeedSnapshot taken = snapshot({-5, -4, -3, -2, -1});
  taken.covers_from = id(-5);
  store().finish_build(*ticket, std::move(taken));
  EXPECT_EQ(store().read(1, {.begun = now, .below = id(-4)}).answer, FeedAnswer::below_coverage);
  EXPECT_EQ(page(1).answer, FeedAnswer::page);
  for (const int m : {-1, -2, -3}) store().erase(1, id(m));
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);  // two are left of three that would count
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
}

TEST_F(FeedStoreTest, ListsOlderThanTheGraceAreServedFromSql) {
  warm(1, {-2, -1});
  now += 3h;
  store().sweep(now, 1'000);
  EXPECT_EQ(store().read(1, {.begun = start, .below = id(-1)}).answer, FeedAnswer::below_coverage);
  EXPECT_EQ(store().read(1, {.begun = now - 50min, .below = id(-1)}).answer, FeedAnswer::page);
}

/// Its first page came from SQL and may have had posts that the snapshot had not.
TEST_F(FeedStoreTest, AListBegunDuringTheBuildStaysWithSql) {
  const auto ticket = store().begin_build(1);
  FeedSnapshot taken = snapshot({-2, -1});
  now += 5s;
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
  store().finish_build(*ticket, std::move(taken));
  const FeedQuery next{.begun = now, .below = id(-1)};
  EXPECT_EQ(store().read(1, next).answer, FeedAnswer::below_coverage);
  const FeedQuery earlier{.begun = start - 1s, .below = id(-1)};
  EXPECT_EQ(store().read(1, earlier).answer, FeedAnswer::page);
  now += 1s;
  EXPECT_EQ(page(1).items.size(), 2u);
  EXPECT_EQ(store().read(1, {.begun = now, .below = id(-1)}).items.size(), 1u);
}

TEST_F(FeedStoreTest, SweepingFreesWhatIsOver) {
  warm(1, {-2, -1});
  store().mark_seen(1, std::vector{id(-2)}, now);
  now += 24h;
  EXPECT_EQ(posts(1), (std::vector{id(-1)}));
  EXPECT_EQ(store().sweep(now, 1'000), 0u);
  now += 1h;
  EXPECT_EQ(store().sweep(now, 1'000), 1u);
  EXPECT_EQ(store().stats().entries, 1u);
  now = start + 7 * 24h;
  EXPECT_TRUE(posts(1).empty());
}

TEST_F(FeedStoreTest, IdleFeedsBecomeCold) {
  options.idle_life = 3'600s;
  warm(1, {-1});
  warm(2, {-1});
  now += 59min;
  page(2);
  now += 2min;
  store().sweep(now, 1'000);
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
  EXPECT_EQ(page(2).answer, FeedAnswer::page);
  EXPECT_EQ(store().stats().idle_drops, 1u);
}

TEST_F(FeedStoreTest, AClockThatIsSetBackForgetsAll) {
  warm(1, {-1});
  store().sweep(now - 30min, 1'000);
  EXPECT_EQ(page(1).answer, FeedAnswer::page);
  store().sweep(now - 2h, 1'000);
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
  EXPECT_EQ(store().stats().clock_set_back, 1u);
}

TEST_F(FeedStoreTest, APostThatComesADayLateIsNotGuessedAt) {
  warm(1, {-1});
  now += 25h;
  store().sweep(now, 1'000);
  EXPECT_EQ(push(post(0), {1}).cold, 1u);
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
  EXPECT_EQ(store().stats().push_doubtful, 1u);
}

TEST_F(FeedStoreTest, TheLeastRecentlyReadAreEvicted) {
  options.max_entries = 64 * 100;
  const std::size_t weight = 20 + MemoryFeedStore::feed_weight;
  const std::vector<int> many{-1,  -2,  -3,  -4,  -5,  -6,  -7,  -8,  -9,  -10,
                              -11, -12, -13, -14, -15, -16, -17, -18, -19, -20};
  const Id users = static_cast<Id>(options.max_entries / weight) * 3;
  const Id favourites = 50;
  for (Id user = 1; user <= users; ++user) {
    warm(user, many);
    for (Id read = 1; read <= std::min(user, favourites); ++read) page(read);
    ASSERT_LE(store().stats().entries + store().stats().warm * MemoryFeedStore::feed_weight,
              options.max_entries);
  }
  EXPECT_GT(store().stats().evictions, 0u);
  int kept = 0;
  for (Id user = 1; user <= favourites; ++user) kept += page(user).answer == FeedAnswer::page;
  EXPECT_GT(kept, favourites * 9 / 10);  // chance may leave a shard without anything else to evict
}

TEST_F(FeedStoreTest, OneFeedIsBounded) {
  options.limits = {.max_live = 10, .slack = 4};
  warm(1, {});
  for (int m = 0; m < 100; ++m) {
    push(post(m), {1});
    EXPECT_LE(store().stats().entries, 18u);
  }
  now += 2h;
  const FeedPage first = page(1);
  EXPECT_EQ(first.items.size(), 10u);
  EXPECT_EQ(first.floor, id(90));
  EXPECT_GT(store().stats().trims, 0u);
}

TEST_F(FeedStoreTest, MarksAreBoundedAndCounted) {
  options.max_marks_per_viewer = 3;
  options.max_marks = 5;
  warm(1, {-4, -3, -2, -1});
  store().mark_seen(1, std::vector{id(-4), id(-3), id(-2), id(-1)}, now);
  EXPECT_EQ(store().stats().marks_dropped, 1u);
  EXPECT_EQ(page(1).items.front().first_seen, 0u);  // what was dropped was not seen
  store().mark_seen(2, std::vector{id(1), id(2), id(3)}, now);
  EXPECT_EQ(store().stats().marks_dropped, 2u);
  store().mark_seen(3, std::vector{id(1)}, now);
  EXPECT_EQ(store().stats().marks_dropped, 3u);
  EXPECT_EQ(store().stats().slots, 2u);
  EXPECT_EQ(store().stats().unsaved_marks, 5u);
}

TEST_F(FeedStoreTest, MarksStayUntilTheyAreSaved) {
  store().mark_seen(1, std::vector{id(-1), id(-2)}, now);
  store().mark_seen(1, std::vector{id(-1)}, now + 1h);  // only the first view counts
  EXPECT_EQ(store().pending_marks(1).size(), 2u);
  const auto taken = store().take_unsaved_marks(10, now);
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].marks.size(), 2u);
  store().mark_seen(1, std::vector{id(-3)}, now);
  EXPECT_TRUE(store().take_unsaved_marks(10, now).empty());  // not twice at a time
  EXPECT_EQ(store().pending_marks(1).size(), 3u);
  store().marks_failed(std::vector<Id>{1});
  EXPECT_EQ(store().take_unsaved_marks(10, now).at(0).marks.size(), 3u);
  store().marks_saved(std::vector<Id>{1});
  EXPECT_TRUE(store().pending_marks(1).empty());
  EXPECT_EQ(store().stats().slots, 0u);
  EXPECT_EQ(store().stats().unsaved_marks, 0u);
}

TEST_F(FeedStoreTest, ViewsBeforeAndDuringABuildCount) {
  store().mark_seen(1, std::vector{id(-1)}, now);
  const auto ticket = store().begin_build(1);
  FeedSnapshot taken = snapshot({-3, -2, -1});
  taken.marks = {{id(-3), FeedLife::seconds(start - 26h)}};
  store().mark_seen(1, std::vector{id(-2)}, now + 1s);
  store().take_unsaved_marks(10, now);
  store().marks_saved(std::vector<Id>{1});  // saved after the snapshot was read
  store().finish_build(*ticket, std::move(taken));
  const auto items = page(1).items;
  ASSERT_EQ(items.size(), 2u);  // -3 was seen long ago
  EXPECT_EQ(items[0].first_seen, FeedLife::seconds(now));
  EXPECT_EQ(items[1].first_seen, FeedLife::seconds(now + 1s));
}

TEST_F(FeedStoreTest, AViewMayComeBeforeThePost) {
  warm(1, {-1});
  store().mark_seen(1, std::vector{id(0)}, now);  // on a page from SQL
  EXPECT_EQ(posts(1), (std::vector{id(-1)}));
  push(post(0), {1});
  EXPECT_EQ(page(1).items.front().first_seen, FeedLife::seconds(now));
}

TEST_F(FeedStoreTest, PulledAuthorsAreMerged) {
  warm(1, {-3, -1});
  EXPECT_EQ(store().policy(9), FanOut::push);
  ASSERT_TRUE(store().begin_pull(9));
  EXPECT_EQ(store().policy(9), FanOut::turning);
  EXPECT_TRUE(store().pull(post(0), now));
  push(post(0), {1});
  store().complete_pull(9, std::vector<FeedFollower>{{1, start - 24h}, {2, start - 24h}});
  EXPECT_EQ(store().policy(9), FanOut::pull);
  store().pull(post(2), now);
  EXPECT_TRUE(store().pull(post(2), now));
  push(post(1, 8), {1});
  EXPECT_EQ(posts(1), (std::vector{id(2), id(1), id(0), id(-1), id(-3)}));
  const FeedPage second = store().read(1, {.begun = now, .below = id(2), .limit = 2});
  EXPECT_EQ(second.items.front().post, id(1));
  EXPECT_TRUE(second.more_live);

  store().mark_seen(1, std::vector{id(2)}, now);
  EXPECT_EQ(page(1).items.front().first_seen, FeedLife::seconds(now));
  store().erase(1, id(2));
  EXPECT_EQ(posts(1).front(), id(1));
  EXPECT_EQ(store().remove(post(2), {}), 1u);  // out of the ring
  EXPECT_EQ(store().stats().pulled_posts, 1u);

  store().begin_push(9);
  EXPECT_FALSE(store().pull(post(3), now));
  EXPECT_EQ(posts(1), (std::vector{id(1), id(0), id(-1), id(-3)}));
}

TEST_F(FeedStoreTest, FeedsBuiltWhilePulledKnowTheAuthor) {
  store().begin_pull(9);
  store().complete_pull(9, {});
  const auto ticket = store().begin_build(1);
  FeedSnapshot taken = snapshot({-1});
  taken.follows = {{8, start - 24h}, {9, start - 24h}};
  store().finish_build(*ticket, std::move(taken));
  store().pull(post(0), now);
  EXPECT_EQ(posts(1), (std::vector{id(0), id(-1)}));
  store().mark_seen(1, std::vector{id(0)}, now);
  now += 30h;  // seen, and over; but the ring still has it
  store().sweep(now, 1'000);
  EXPECT_EQ(posts(1), (std::vector{id(-1)}));
}

/// The ring is swept before the feeds that merge it.
TEST_F(FeedStoreTest, OldListsOfPulledAuthorsGoToSql) {
  store().begin_pull(9);
  store().complete_pull(9, {});
  const auto ticket = store().begin_build(1);
  FeedSnapshot taken = snapshot({});
  taken.follows = {{9, start - 24h}};
  store().finish_build(*ticket, std::move(taken));
  store().pull(post(0), now);
  const FeedQuery old{.begun = start + 6 * 24h, .below = id(5)};
  EXPECT_EQ(store().read(1, old).items.size(), 1u);
  store().sweep(start + 7 * 24h + 2h, 0);
  EXPECT_EQ(store().stats().pulled_posts, 0u);
  EXPECT_EQ(store().read(1, old).answer, FeedAnswer::below_coverage);
}

TEST_F(FeedStoreTest, ARingThatOverflowsHasItsFeedsBuiltAnew) {
  options.rings = {.authors = 1, .posts = 4};
  store().begin_pull(9);
  EXPECT_FALSE(store().begin_pull(8));
  store().complete_pull(9, {});
  const auto build = [&] {
    const auto ticket = store().begin_build(1);
    FeedSnapshot taken = snapshot({-1});
    taken.follows = {{9, start - 24h}};
    return store().finish_build(*ticket, std::move(taken));
  };
  EXPECT_EQ(build(), BuildOutcome::warm);
  for (int m = 0; m < 4; ++m) store().pull(post(m), now);
  EXPECT_EQ(posts(1).size(), 5u);
  store().pull(post(4), now);
  EXPECT_EQ(store().stats().ring_overflows, 1u);
  EXPECT_EQ(page(1).answer, FeedAnswer::cold);
  EXPECT_EQ(build(), BuildOutcome::warm);
}

TEST_F(FeedStoreTest, CountsItsBytes) {
  const std::size_t empty = store().stats().bytes;
  std::vector<int> forty;
  for (int m = 0; m < 40; ++m) forty.push_back(-m);
  for (Id user = 1; user <= 1'000; ++user) warm(user, forty);
  const FeedStats stats = store().stats();
  EXPECT_EQ(stats.entries, 40'000u);
  const double each = static_cast<double>(stats.bytes - empty) / 40'000;
  EXPECT_GT(each, 16);
  EXPECT_LT(each, 26);
  store().invalidate_all();
  EXPECT_EQ(store().stats().entries, 0u);
  EXPECT_EQ(store().stats().slots, 0u);
}

TEST_F(FeedStoreTest, TheCollectorTakesTheNewestThatAreNotOver) {
  const std::vector<FeedMark> marks{{id(-2), FeedLife::seconds(start - 30h)}};
  FeedCollector collector({.max_live = 2, .slack = 1}, marks, now);
  for (const int m : {-1, -2, -3}) collector.add(id(m), FeedLife::seconds(start - 31h));
  EXPECT_FALSE(collector.full());
  collector.add(id(-4), FeedLife::seconds(start - 31h));
  EXPECT_TRUE(collector.full());
  FeedSnapshot out;
  collector.finish(false, out);
  EXPECT_EQ(out.items.size(), 3u);
  EXPECT_EQ(out.covers_from, id(-4));
}

}  // namespace
}  // namespace madang::social
