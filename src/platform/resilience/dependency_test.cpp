#include "platform/resilience/dependency.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "platform/resilience/degraded.hpp"
#include "platform/runtime/io_pool.hpp"

namespace madang::resilience {

using namespace std::chrono_literals;
using State = CircuitBreaker::State;

namespace {

std::unexpected<Problem> broken(Kind kind) {
  return fail(kind, "broken", "on purpose");
}

struct Fixture {
  explicit Fixture(DependencyOptions options = {.name = "thing"})
      : dependency(std::move(options), random, registry, time) {}

  /// What each attempt answers in turn; the last again and again.
  Result<int> call(std::vector<Result<int>> answers, CallOptions options = {},
                   std::chrono::milliseconds within = 10s) {
    asked.clear();
    const auto ask = [&](Deadline deadline) {
      asked.push_back(deadline.at());
      return answers[std::min(asked.size(), answers.size()) - 1];
    };
    return dependency.call(Deadline(time.now() + within), ask, options);
  }
  bool shows(const std::string& line) {
    return registry.scrape().find(line + "\n") != std::string::npos;
  }

  SeededRandom random{11};
  metrics::Registry registry;
  ManualTimeline time;
  Dependency dependency;
  std::vector<Steady::time_point> asked;
};

std::string code_of(const Result<int>& result) {
  return result ? "ok" : std::string(result.error().code);
}

}  // namespace

TEST(Dependency, GivesTheAnswerAndCountsIt) {
  Fixture it;
  EXPECT_EQ(it.call({42}).value(), 42);
  EXPECT_EQ(it.asked.size(), 1u);
  EXPECT_TRUE(
      it.shows("madang_dependency_attempts_total{dependency=\"thing\",outcome=\"success\"} 1"));
  EXPECT_TRUE(it.shows("madang_dependency_in_flight{dependency=\"thing\"} 0"));
}

TEST(Dependency, TriesAgainByOutcome) {
  struct Case {
    Kind kind;
    bool idempotent;
    std::size_t attempts;
  };
  for (const Case& c : {Case{Kind::unavailable, false, 2}, Case{Kind::not_found, true, 1},
                        Case{Kind::internal, false, 1}, Case{Kind::internal, true, 2},
                        Case{Kind::timeout, true, 1}, Case{Kind::conflict, true, 1}}) {
    Fixture it;
    const auto answer = it.call({broken(c.kind), 1}, {.idempotent = c.idempotent});
    EXPECT_EQ(it.asked.size(), c.attempts) << static_cast<int>(c.kind);
    EXPECT_EQ(answer.has_value(), c.attempts == 2);
  }
}

TEST(Dependency, StopsAtItsAttempts) {
  Fixture it({.name = "thing", .attempts = 3, .breaker = {.failures_in_a_row = 0}});
  EXPECT_EQ(code_of(it.call({broken(Kind::unavailable)})), "broken");
  EXPECT_EQ(it.asked.size(), 3u);
  EXPECT_LE(it.asked.back(), it.time.now() + 10s);
}

TEST(Dependency, NeverWaitsBeyondTheDeadline) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Fixture it({.name = "thing",
                .attempts = 50,
                .breaker = {.failures_in_a_row = 0},
                .backoff = {.base = 10ms, .cap = 100ms},
                .budget = {.share = 1, .burst = 100}});
    it.random = SeededRandom(seed);
    const auto deadline = it.time.now() + 200ms;
    EXPECT_EQ(code_of(it.call({broken(Kind::unavailable)}, {}, 200ms)), "broken");
    EXPECT_LT(it.time.now(), deadline);
    EXPECT_GT(it.asked.size(), 1u);
  }
  Fixture it;
  EXPECT_EQ(code_of(it.call({1}, {}, 0ms)), "thing_late");
  EXPECT_TRUE(it.asked.empty());
}

TEST(Dependency, DoesNotWaitForWhatWouldBeRefused) {
  Fixture it({.name = "thing", .attempts = 3, .breaker = {.failures_in_a_row = 1}});
  const auto before = it.time.now();
  EXPECT_EQ(code_of(it.call({broken(Kind::unavailable), 1})), "broken");
  EXPECT_EQ(it.asked.size(), 1u);
  EXPECT_EQ(it.time.now(), before);
}

TEST(Dependency, LimitsOneAttempt) {
  Fixture it({.name = "thing", .attempt_limit = 300ms});
  ASSERT_TRUE(it.call({1}, {}, 10s));
  EXPECT_EQ(it.asked.front(), it.time.now() + 300ms);
  ASSERT_TRUE(it.call({1}, {}, 100ms));
  EXPECT_EQ(it.asked.front(), it.time.now() + 100ms);
}

TEST(Dependency, AnOpenBreakerAnswersAtOnce) {
  Fixture it({.name = "thing", .attempts = 1, .breaker = {.failures_in_a_row = 3, .probes = 1}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(code_of(it.call({broken(Kind::timeout)})), "broken");
  const auto before = it.time.now();
  const auto refused = it.call({1});
  ASSERT_EQ(code_of(refused), "thing_unavailable");
  EXPECT_EQ(refused.error().kind, Kind::unavailable);
  EXPECT_GE(refused.error().retry_after.value(), 1s);
  EXPECT_TRUE(it.asked.empty());
  EXPECT_EQ(it.time.now(), before);
  EXPECT_TRUE(it.dependency.refuses());
  EXPECT_TRUE(it.shows("madang_breaker_state{dependency=\"thing\"} 2"));
  EXPECT_TRUE(it.shows("madang_breaker_opened_total{dependency=\"thing\"} 1"));
  EXPECT_TRUE(it.shows("madang_dependency_refused_total{dependency=\"thing\",reason=\"open\"} 1"));
  it.time.advance(refused.error().retry_after.value());
  EXPECT_EQ(code_of(it.call({1})), "ok");
  EXPECT_TRUE(it.shows("madang_breaker_state{dependency=\"thing\"} 0"));
}

TEST(Dependency, APermanentAnswerIsASignOfLife) {
  Fixture it({.name = "thing", .attempts = 1, .breaker = {.failures_in_a_row = 3, .probes = 1}});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(code_of(it.call({broken(Kind::not_found)})), "broken");
  EXPECT_EQ(it.dependency.state(), State::closed);
}

TEST(Dependency, AnExceptionIsAFailureAndGoesOn) {
  Fixture it({.name = "thing", .attempts = 3, .breaker = {.failures_in_a_row = 2}});
  const auto ask = [](Deadline) -> Result<int> { throw std::runtime_error("on purpose"); };
  for (int i = 0; i < 2; ++i)
    EXPECT_THROW((void)it.dependency.call(Deadline(it.time.now() + 1s), ask), std::runtime_error);
  EXPECT_EQ(it.dependency.state(), State::open);
  EXPECT_TRUE(it.shows("madang_dependency_in_flight{dependency=\"thing\"} 0"));
}

TEST(Dependency, RetriesStayWithinTheBudget) {
  Fixture it({.name = "thing",
              .attempts = 5,
              .breaker = {.failure_ratio = 2, .failures_in_a_row = 0},  // never opens
              .budget = {.share = 0.1, .burst = 10}});
  std::size_t calls = 0, attempts = 0;
  SeededRandom dice(5);
  for (; calls < 2'000; ++calls) {
    (void)it.call({dice.below(3) == 0 ? Result<int>(1) : broken(Kind::unavailable)});
    attempts += it.asked.size();
    ASSERT_LE(attempts - calls - 1, 10 + (calls + 1) / 10);
  }
  EXPECT_GT(attempts, calls + calls / 20) << "and they are made use of";
}

TEST(Dependency, RefusesWhatIsTooMuchAtOnce) {
  Fixture it({.name = "thing", .limiter = {.concurrency = 1, .waiting = 0}});
  const auto nested = [&](Deadline deadline) -> Result<int> {
    const auto inner = it.dependency.call(deadline, [](Deadline) { return Result<int>(1); });
    EXPECT_EQ(code_of(inner), "thing_busy");
    return 2;
  };
  EXPECT_EQ(it.dependency.call(Deadline(it.time.now() + 1s), nested).value(), 2);
  EXPECT_TRUE(it.shows("madang_dependency_refused_total{dependency=\"thing\",reason=\"busy\"} 1"));
  EXPECT_EQ(code_of(it.call({1})), "ok") << "a busy one is not a broken one";
}

namespace {

/// Does something whenever somebody waits.
struct Interrupted : ManualTimeline {
  std::function<void()> meanwhile;
  void sleep_until(Steady::time_point at) override {
    ManualTimeline::sleep_until(at);
    if (meanwhile) std::exchange(meanwhile, nullptr)();
  }
};

}  // namespace

TEST(Dependency, WhoWaitsToTryAgainTakesNoPlace) {
  SeededRandom random(4);
  metrics::Registry registry;
  Interrupted time;
  Dependency dependency({.name = "thing", .limiter = {.concurrency = 1, .waiting = 0}}, random,
                        registry, time);
  const auto deadline = Deadline(time.now() + 10s);
  std::string other;
  time.meanwhile = [&] {
    other = code_of(dependency.call(deadline, [](Deadline) { return Result<int>(1); }));
  };
  int asked = 0;
  const auto ask = [&](Deadline) -> Result<int> {
    if (++asked == 1) return broken(Kind::unavailable);
    return 2;
  };
  EXPECT_EQ(dependency.call(deadline, ask).value(), 2);
  EXPECT_EQ(other, "ok");
}

TEST(Dependency, NamesAreChecked) {
  for (const char* name : {"", "A", "a b", "a-b", "가"})
    EXPECT_THROW(Fixture({.name = name}), std::invalid_argument) << name;
}

namespace {

Task<Result<int>> answer_third(std::atomic<int>* asked, Deadline) {
  if (++*asked < 3) co_return broken(Kind::unavailable);
  co_return 3;
}

Task<Result<int>> throw_one(Deadline) {
  throw std::runtime_error("on purpose");
  co_return 1;
}

Task<Result<int>> call_third(Dependency* dependency, std::atomic<int>* asked) {
  const auto ask = [asked](Deadline deadline) { return answer_third(asked, deadline); };
  Result<int> out = co_await dependency->call(Deadline::after(20s), ask);
  co_return out;
}

Task<Result<int>> call_throwing(Dependency* dependency) {
  const auto ask = [](Deadline deadline) { return throw_one(deadline); };
  Result<int> out = co_await dependency->call(Deadline::after(20s), ask);
  co_return out;
}

Task<bool> stand_in_line(Limiter* limiter) {
  const Result<Limiter::Slot> slot = co_await limiter->acquire_async(Deadline::never());
  co_return slot.has_value();
}

struct Crowd {
  std::atomic<int> inside = 0, most = 0, asked = 0;

  void enter() {
    const int now = ++inside;
    int seen = most;
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    ++asked;
  }
  Task<Result<int>> visit(Deadline) {
    enter();
    co_await system_timeline().wait_until(Steady::now() + 1ms);
    --inside;
    co_return 1;
  }
  Task<int> come(Dependency* dependency, int times) {
    int served = 0;
    for (int i = 0; i < times; ++i) {
      const auto ask = [this](Deadline deadline) { return visit(deadline); };
      const Result<int> out = co_await dependency->call(Deadline::after(20s), ask);
      served += out ? 1 : 0;
    }
    co_return served;
  }
};

}  // namespace

TEST(Dependency, ServesCoroutines) {
  SystemRandom random;
  metrics::Registry registry;
  Dependency dependency({.name = "thing"}, random, registry);
  runtime::IoPool pool(2);
  std::atomic<int> asked = 0;
  EXPECT_EQ(asio::co_spawn(pool.any(), call_third(&dependency, &asked), asio::use_future).get(), 3);
  auto thrown = asio::co_spawn(pool.any(), call_throwing(&dependency), asio::use_future);
  EXPECT_THROW((void)thrown.get(), std::runtime_error);
}

TEST(Dependency, CoroutinesAndThreadsShareOneLine) {
  SystemRandom random;
  metrics::Registry registry;
  Dependency dependency(
      {.name = "thing", .limiter = {.concurrency = 3, .waiting = 64, .wait = 20s}}, random,
      registry);
  runtime::IoPool pool(2);
  Crowd crowd;
  std::atomic<int> blocking = 0;
  std::vector<std::future<int>> coroutines;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      coroutines.push_back(
          asio::co_spawn(pool.any(), crowd.come(&dependency, 30), asio::use_future));
      threads.emplace_back([&] {
        for (int i = 0; i < 30; ++i) {
          const auto out = dependency.call(Deadline::after(20s), [&](Deadline) -> Result<int> {
            crowd.enter();
            std::this_thread::yield();
            --crowd.inside;
            return 1;
          });
          blocking += out ? 1 : 0;
        }
      });
    }
  }
  int served = 0;
  for (auto& coroutine : coroutines) served += coroutine.get();
  EXPECT_EQ(served, 120);
  EXPECT_EQ(blocking, 120);
  EXPECT_EQ(crowd.asked, 240);
  EXPECT_LE(crowd.most, 3);
}

TEST(Dependency, WhoLeavesTheLineLeavesNoHole) {
  SystemRandom random;
  metrics::Registry registry;
  Limiter limiter({.concurrency = 1, .waiting = 8, .wait = 20s});
  auto held = limiter.acquire(Deadline::never());
  ASSERT_TRUE(held);
  {
    runtime::IoPool pool(1);
    auto waiting = asio::co_spawn(pool.any(), stand_in_line(&limiter), asio::use_future);
    while (limiter.waiting() == 0) std::this_thread::yield();
    pool.stop();  // destroys the coroutine where it waits
    EXPECT_EQ(limiter.waiting(), 0u);
  }
  {
    const auto given_back = std::move(*held);
  }
  EXPECT_EQ(limiter.in_use(), 0u);
  EXPECT_TRUE(limiter.acquire(Deadline::never()));
}

TEST(Limiter, APlaceGivenToACoroutineThatNeverWakesIsNotLost) {
  Limiter limiter({.concurrency = 1, .waiting = 8, .wait = 20s});
  auto io = std::make_unique<asio::io_context>();
  auto held = limiter.acquire(Deadline::never());
  auto waiting = asio::co_spawn(*io, stand_in_line(&limiter), asio::use_future);
  io->poll();
  ASSERT_EQ(limiter.waiting(), 1u);
  {
    const auto given_back = std::move(*held);
  }
  EXPECT_EQ(limiter.waiting(), 0u);
  EXPECT_EQ(limiter.in_use(), 1u) << "it is the coroutine's";
  io.reset();
  EXPECT_EQ(limiter.in_use(), 0u);
}

TEST(Limiter, WaitsAreBounded) {
  Limiter limiter({.concurrency = 1, .waiting = 1, .wait = 5ms}, "door_busy");
  const auto held = limiter.acquire(Deadline::never());
  ASSERT_TRUE(held);
  const auto refused = limiter.acquire(Deadline::never());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "door_busy");
  EXPECT_EQ(refused.error().retry_after, 1s);
  EXPECT_FALSE(limiter.acquire(Deadline::after(-1s)));
  EXPECT_EQ(limiter.waiting(), 0u);
  EXPECT_EQ(limiter.in_use(), 1u);
}

TEST(RetryBudget, NeverExceedsItsShare) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SeededRandom dice(seed);
    const double share = static_cast<double>(dice.below(101)) / 100;
    const auto burst = static_cast<std::uint32_t>(dice.below(20));
    RetryBudget budget({.share = share, .burst = burst});
    double calls = 0, retries = 0;
    for (int step = 0; step < 5'000; ++step) {
      if (dice.below(3) == 0) {
        budget.deposit();
        ++calls;
      } else if (budget.withdraw()) {
        ++retries;
      }
      ASSERT_LE(retries, burst + share * calls + 1e-6) << seed;
    }
  }
  EXPECT_THROW(RetryBudget({.share = 1.5}), std::invalid_argument);
}

TEST(RetryBudget, SavesUpNoMoreThanItsBurst) {
  RetryBudget budget({.share = 1, .burst = 3});
  for (int i = 0; i < 1'000; ++i) budget.deposit();
  int retries = 0;
  while (budget.withdraw()) ++retries;
  EXPECT_EQ(retries, 3);
}

TEST(RetryBudget, HoldsUnderManyThreads) {
  RetryBudget budget({.share = 0.5, .burst = 10});
  std::atomic<int> calls = 0, retries = 0;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        SeededRandom dice(t);
        for (int i = 0; i < 10'000; ++i) {
          if (dice.below(2) == 0) {
            ++calls;
            budget.deposit();
          } else if (budget.withdraw()) {
            ++retries;
          }
        }
      });
  }
  EXPECT_LE(retries, 10 + calls / 2 + 1);
  EXPECT_GT(retries, calls / 4);
}

TEST(Backoff, IsFullJitterUpToTheCap) {
  SeededRandom random(2);
  for (const int retry : {0, 1, 2, 3, 10, 30, 1'000}) {
    const auto limit = std::min<Steady::duration>(20ms * (1 << std::min(retry, 10)), 1s);
    Steady::duration least = 1h, most{};
    for (int i = 0; i < 2'000; ++i) {
      const auto pause = backoff({.base = 20ms, .cap = 1s}, retry, random);
      least = std::min(least, pause);
      most = std::max(most, pause);
    }
    EXPECT_GE(least, 0ms);
    EXPECT_LT(least, limit / 50);
    EXPECT_LT(most, limit);
    EXPECT_GT(most, limit - limit / 50);
  }
}

TEST(Degraded, NamesEachOnce) {
  Degraded degraded;
  EXPECT_TRUE(degraded.empty());
  degraded.add("feed-from-sql");
  degraded.add("feed-from-sql");
  degraded.add("likes-from-sql");
  EXPECT_EQ(degraded.header(), "feed-from-sql, likes-from-sql");
}

}  // namespace madang::resilience
