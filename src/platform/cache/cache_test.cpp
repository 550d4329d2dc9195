#include "platform/cache/cache.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace madang::cache {
namespace {

using Numbers = Cache<std::int64_t, std::int64_t>;

TEST(Cache, StaysWithinItsBoundAndKeepsWhatIsUsed) {
  metrics::Registry registry;
  Numbers cache("test", 1000, registry);
  for (std::int64_t i = 0; i < 50'000; ++i) {
    cache.put(i, std::make_shared<const std::int64_t>(i), cache.ticket(i));
    ASSERT_NE(cache.get(7 < i ? 7 : i), nullptr) << i;
  }
  std::size_t there = 0;
  for (std::int64_t i = 0; i < 50'000; ++i) there += cache.get(i) != nullptr ? 1 : 0;
  EXPECT_LE(there, 1000U + 32U);
  EXPECT_GE(there, 900U);
}

TEST(Cache, RefusesWhatWasLoadedBeforeAWrite) {
  metrics::Registry registry;
  Numbers cache("test", 100, registry);
  const auto ticket = cache.ticket(1);
  cache.erase(1);
  cache.put(1, std::make_shared<const std::int64_t>(0), ticket);
  EXPECT_EQ(cache.get(1), nullptr);
}

TEST(Cache, SurvivesErasingAndReinserting) {
  metrics::Registry registry;
  Numbers cache("test", 64, registry);
  for (std::int64_t i = 0; i < 100'000; ++i) {
    const std::int64_t key = i % 500;
    cache.put(key, std::make_shared<const std::int64_t>(i), cache.ticket(key));
    ASSERT_EQ(*cache.get(key), i);
    if (i % 3 == 0) cache.erase(key);
  }
  cache.erase_if([](std::int64_t key, std::int64_t) { return key % 2 == 0; });
  for (std::int64_t key = 0; key < 500; key += 2) EXPECT_EQ(cache.get(key), nullptr);
}

// A counter that only grows: nobody may read a value older than one whose write was acknowledged.
TEST(Cache, IsNeverStaleUnderRaces) {
  metrics::Registry registry;
  Numbers cache("test", 100, registry);
  std::atomic<std::int64_t> store{0};
  std::atomic<std::int64_t> acknowledged{0};
  std::atomic<bool> stop{false};
  std::atomic<bool> stale{false};
  std::vector<std::jthread> readers;
  for (int r = 0; r < 3; ++r)
    readers.emplace_back([&] {
      while (!stop) {
        const std::int64_t at_least = acknowledged.load();
        const auto ticket = cache.ticket(1);
        if (const auto found = cache.get(1)) {
          if (*found < at_least) stale = true;
        } else {
          cache.put(1, std::make_shared<const std::int64_t>(store.load()), ticket);
        }
      }
    });
  for (std::int64_t i = 1; i <= 50'000; ++i) {
    store = i;
    cache.erase(1);
    acknowledged = i;
  }
  stop = true;
  readers.clear();
  EXPECT_FALSE(stale);
}

}  // namespace
}  // namespace madang::cache
