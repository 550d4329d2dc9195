// The rules that the model (feed_model_test.cpp) cannot reach by chance: lives, builds, lists.
#include "modules/social/feed_store_fixture.hpp"

namespace madang::social {
namespace {

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

}  // namespace
}  // namespace madang::social
