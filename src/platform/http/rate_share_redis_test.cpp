// Two instances that share their rate limits through a real Redis.
#include "platform/http/rate_share_redis.hpp"

#include <gtest/gtest.h>

#include "platform/redis/redis_fixture.hpp"

namespace madang::http {

using namespace std::chrono_literals;
using redis::eventually;

namespace {

constexpr std::size_t max_keys = 10'000;

struct Instance {
  explicit Instance(const redis::RedisServer& server)
      : client(options(server), random, registry),
        share({.interval = 10ms, .patience = 200ms}, limiter, client, registry) {}

  static redis::ClientOptions options(const redis::RedisServer& server) {
    redis::ClientOptions out;
    out.seeds = {server.address()};
    return out;
  }
  bool take(const RatePolicy& policy, std::string_view key) {
    return limiter.take(policy, key, RateLimiter::Steady::now()).allowed;
  }
  std::int64_t remaining(const RatePolicy& policy, std::string_view key) {
    return limiter.take(policy, key, RateLimiter::Steady::now()).remaining;
  }

  double said() {
    return registry
        .counter("madang_rate_share_keys_total", "Keys whose count was shared",
                 {{"result", "said"}})
        .Value();
  }

  SystemRandom random;
  metrics::Registry registry;
  RateLimiter limiter{max_keys, registry};
  redis::Client client;
  RedisRateShare share;
};

const RatePolicy slow{.name = "slow", .quota = 100, .window = 3'600s};

class SharedRates : public testing::Test {
 protected:
  redis::TemporaryFolder folder_;
  redis::RedisServer server_{folder_.path(), {}};
  Instance here_{server_};
  Instance there_{server_};
};

}  // namespace

TEST_F(SharedRates, OneQuotaIsSpentByBoth) {
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE(here_.take(slow, "a"));
    EXPECT_TRUE(there_.take(slow, "a"));
  }
  // 80 of 100 are spent; each look spends one more.
  EXPECT_TRUE(eventually([&] { return here_.remaining(slow, "a") < 30; }));
  EXPECT_TRUE(eventually([&] { return !here_.take(slow, "a"); }));
  EXPECT_TRUE(eventually([&] { return !there_.take(slow, "a"); }));
  EXPECT_TRUE(here_.take(slow, "b")) << "another key has a quota of its own";
}

TEST_F(SharedRates, WithExchangesBetweenTheyLetThroughNoMoreThanTheQuota) {
  int let_through = 0;
  for (bool any = true; any;) {
    any = false;
    for (Instance* instance : {&here_, &there_}) {
      const double before = instance->said();
      if (!instance->take(slow, "a")) continue;
      any = true;
      ++let_through;
      ASSERT_TRUE(eventually([&] { return instance->said() > before; }));
    }
    ASSERT_LE(let_through, 110) << "two that count alone let 200 through";
  }
  EXPECT_GE(let_through, 100);
  EXPECT_LE(let_through, 101) << "each knew of the other's but for its last";
}

TEST_F(SharedRates, NobodyWaitsForAHangingRedisAndEachCountsAlone) {
  ASSERT_TRUE(here_.take(slow, "warm"));
  server_.stop();
  const auto began = RateLimiter::Steady::now();
  int let_through = 0;
  for (int i = 0; i < 10'000; ++i) let_through += here_.take(slow, "a") ? 1 : 0;
  EXPECT_LT(RateLimiter::Steady::now() - began, 1s);
  EXPECT_EQ(let_through, 100);
  server_.go_on();
  EXPECT_TRUE(eventually([&] { return here_.take(slow, "c") && there_.remaining(slow, "c") < 98; }))
      << "and together again when it is back";
}

TEST_F(SharedRates, KeysGoWithTheirWindow) {
  const RatePolicy fast{.name = "fast", .quota = 1, .window = 1s};
  ASSERT_TRUE(here_.take(fast, "a"));
  EXPECT_TRUE(eventually([&] { return server_.ask({"DBSIZE"}) == "1"; }));
  EXPECT_TRUE(eventually([&] { return server_.ask({"DBSIZE"}) == "0"; }));
}

}  // namespace madang::http
