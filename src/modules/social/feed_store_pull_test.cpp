// The rules that the model (feed_model_test.cpp) cannot reach by chance: authors who are pulled.
#include "modules/social/feed_store_fixture.hpp"

namespace madang::social {
namespace {

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

}  // namespace
}  // namespace madang::social
