// The rules that the model (feed_model_test.cpp) cannot reach by chance: bounds, views, counters.
#include "modules/social/feed_collector.hpp"
#include "modules/social/feed_store_fixture.hpp"

namespace madang::social {
namespace {

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
