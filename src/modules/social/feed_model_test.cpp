// A random history of posts, follows, reads, deletions, clock jumps, wipes, races of builds and
// fan-out: every page is compared with what the plain rules say, and every whole list with itself.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "modules/social/feed_model.hpp"

namespace madang::social {

namespace {

std::size_t from_environment(const char* name, std::size_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<std::size_t>(std::atoll(text));
}

void add(FeedModelTally& sum, const FeedModelTally& one) {
  for (const auto member :
       {&FeedModelTally::pages, &FeedModelTally::live_pages, &FeedModelTally::from_store,
        &FeedModelTally::from_sql, &FeedModelTally::below_coverage, &FeedModelTally::crossed,
        &FeedModelTally::floors, &FeedModelTally::lists_checked, &FeedModelTally::builds,
        &FeedModelTally::void_tickets, &FeedModelTally::excused, &FeedModelTally::unreached,
        &FeedModelTally::jumps, &FeedModelTally::wipes})
    sum.*member += one.*member;
}

/// MADANG_FEED_SEEDS and MADANG_FEED_FIRST_SEED make a longer or a particular run.
FeedModelTally run(const FeedModelSettings& settings, std::size_t seeds, std::size_t steps) {
  FeedModelTally sum;
  const std::size_t first = from_environment("MADANG_FEED_FIRST_SEED", 1);
  seeds = from_environment("MADANG_FEED_SEEDS", seeds);
  for (std::size_t seed = first; seed < first + seeds; ++seed) {
    FeedModel model(seed, settings);
    for (std::size_t step = 0; step < steps; ++step) {
      const std::string wrong = model.step();
      if (wrong.empty()) continue;
      ADD_FAILURE() << "seed " << seed << " step " << step << ": " << wrong << model.trace();
      return sum;
    }
    add(sum, model.tally());
    const FeedStats stats = model.stats();
    sum.evictions += stats.evictions;
    sum.overflows += stats.pending_overflows;
    sum.ring_overflows += stats.ring_overflows;
    sum.trims += stats.trims;
  }
  std::printf(
      "%zu pages (%zu of the live part), %zu from the store, %zu below coverage, %zu across both "
      "parts, %zu with a floor, %zu while posts were on their way, %zu excused; %zu whole "
      "lists; %zu builds, %zu in vain; %zu clock jumps, %zu wipes\n",
      sum.pages, sum.live_pages, sum.from_store, sum.below_coverage, sum.crossed, sum.floors,
      sum.unreached, sum.excused, sum.lists_checked, sum.builds, sum.void_tickets, sum.jumps,
      sum.wipes);
  return sum;
}

FeedModelSettings tiny() {
  FeedModelSettings settings;
  settings.store.limits = {.max_live = 7, .slack = 3};
  return settings;
}

TEST(FeedModel, AgreesWithThePlainRules) {
  const auto tally = run({}, 12, 4'000);
  EXPECT_GT(tally.from_store, tally.live_pages / 4);
  EXPECT_GT(tally.crossed, 100);
}

TEST(FeedModel, AgreesAtTheBoundOfLivePosts) {
  const auto tally = run(tiny(), 12, 4'000);
  EXPECT_GT(tally.floors, 100);
  EXPECT_GT(tally.below_coverage, 10);
  EXPECT_GT(tally.trims, 10);
  EXPECT_LT(tally.excused, tally.pages / 20);
}

TEST(FeedModel, AgreesWithoutLag) {
  FeedModelSettings settings = tiny();
  settings.lag = false;
  settings.store.limits = {.max_live = 20, .slack = 5};
  run(settings, 8, 4'000);
}

TEST(FeedModel, AgreesWhileFeedsAreEvictedAndBuildsOverflow) {
  FeedModelSettings settings;
  settings.store.max_entries = 150;
  settings.store.max_pending = 2;
  settings.store.max_builds = 2;
  settings.store.idle_life = std::chrono::hours(9);
  settings.store.rings = {.authors = 3, .posts = 6};
  const auto tally = run(settings, 12, 4'000);
  EXPECT_GT(tally.evictions, 10);
  EXPECT_GT(tally.overflows, 10);
  EXPECT_GT(tally.ring_overflows, 0);
}

TEST(FeedModel, AgreesWithPushAlone) {
  FeedModelSettings settings;
  settings.pulls = false;
  settings.clock_back = false;
  run(settings, 8, 4'000);
}

}  // namespace
}  // namespace madang::social
