#include "platform/redis/locks.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

#include "platform/redis/redis_fixture.hpp"
#include "platform/runtime/io_pool.hpp"

namespace madang::redis {

using namespace std::chrono_literals;

namespace {

class LocksTest : public testing::Test {
 protected:
  static Deadline soon() { return Deadline::after(5s); }
  ClientOptions options() const {
    ClientOptions out;
    out.seeds = {server_.address()};
    return out;
  }
  std::optional<Lease> take(const std::string& name, std::chrono::milliseconds lease = 10s) {
    auto taken = locks_.acquire_blocking(name, lease, soon());
    EXPECT_TRUE(taken) << taken.error().detail;
    return taken ? std::move(*taken) : std::nullopt;
  }

  TemporaryFolder folder_;
  RedisServer server_{folder_.path(), {}};
  SystemRandom random_;
  metrics::Registry registry_;
  runtime::IoPool pool_{1};
  Client client_{options(), random_, registry_};
  Locks locks_{client_, random_};
};

Task<std::int64_t> use(Locks* locks) {
  Result<std::optional<Lease>> taken = co_await locks->acquire("job", 5s, Deadline::after(5s));
  if (!taken || !*taken) co_return -1;
  Result<bool> renewed = co_await locks->renew(**taken, 5s, Deadline::after(5s));
  if (!renewed || !*renewed) co_return -2;
  const std::int64_t fence = (*taken)->fence;
  Result<bool> released = co_await locks->release(std::move(**taken), Deadline::after(5s));
  co_return released && *released ? fence : -3;
}

}  // namespace

TEST_F(LocksTest, OneHoldsItAndNumbersGrow) {
  auto first = take("a");
  ASSERT_TRUE(first);
  EXPECT_FALSE(take("a"));
  EXPECT_TRUE(take("b")) << "another lock";
  EXPECT_TRUE(*locks_.release_blocking(*first, soon()));
  EXPECT_FALSE(*locks_.release_blocking(*first, soon())) << "no longer its own";
  const auto second = take("a");
  ASSERT_TRUE(second);
  EXPECT_GT(second->fence, first->fence);
  EXPECT_FALSE(*locks_.renew_blocking(*first, 10s, soon()));
  EXPECT_TRUE(first->over());
  EXPECT_FALSE(*locks_.release_blocking(*first, soon())) << "nor takes it from the next";
  EXPECT_FALSE(take("a"));
}

TEST_F(LocksTest, ALeaseThatIsOverIsGivenToTheNext) {
  auto first = take("a", 50ms);
  ASSERT_TRUE(first);
  std::optional<Lease> second;
  EXPECT_TRUE(eventually([&] { return (second = take("a")).has_value(); }));
  EXPECT_TRUE(first->over()) << "we knew so before Redis did";
  EXPECT_GT(second->fence, first->fence);
}

TEST_F(LocksTest, NumbersGrowOverAWipedRedis) {
  const auto first = take("a");
  ASSERT_TRUE(first);
  server_.kill();
  server_.restart();
  EXPECT_EQ(server_.ask({"DBSIZE"}), "0");
  std::optional<Lease> second;
  EXPECT_TRUE(eventually([&] {
    auto taken = locks_.acquire_blocking("a", 10s, soon());
    if (taken && *taken) second = std::move(*taken);
    return second.has_value();
  }));
  EXPECT_GT(second->fence, first->fence);
}

TEST_F(LocksTest, WorksForCoroutines) {
  const auto first = asio::co_spawn(pool_.any(), use(&locks_), asio::use_future).get();
  const auto second = asio::co_spawn(pool_.any(), use(&locks_), asio::use_future).get();
  EXPECT_GT(first, 0);
  EXPECT_GT(second, first);
}

TEST_F(LocksTest, OfManyOnlyOneIsInside) {
  std::atomic<int> inside{0};
  std::atomic<int> entered{0};
  std::atomic<int> most{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 200; ++i) {
          auto taken = locks_.acquire_blocking("a", 60s, Deadline::after(20s));
          if (!taken || !*taken) continue;
          most = std::max(most.load(), ++inside);
          ++entered;
          --inside;
          locks_.release_blocking(**taken, Deadline::after(20s));
        }
      });
    }
  }
  EXPECT_EQ(most, 1);
  EXPECT_GT(entered, 10);
}

}  // namespace madang::redis
