#include "platform/resilience/circuit_breaker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <thread>

namespace madang::resilience {

using namespace std::chrono_literals;
using State = CircuitBreaker::State;

namespace {

struct Breaker {
  explicit Breaker(BreakerOptions options)
      : machine(options, random, [this](State state) { seen.push_back(state); }) {}

  bool call(bool success, Steady::duration took = 0ms) {
    auto permit = machine.admit(time.now());
    if (!permit) return false;
    time.advance(took);
    permit->finish(success, time.now());
    return true;
  }
  void calls(int count, bool success) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(call(success)) << i;
  }

  SeededRandom random{7};
  ManualTimeline time;
  std::vector<State> seen;
  CircuitBreaker machine;
};

const BreakerOptions by_ratio{.window = 10s,
                              .buckets = 10,
                              .min_calls = 10,
                              .failure_ratio = 0.5,
                              .failures_in_a_row = 0,
                              .open_for = 1s,
                              .open_at_most = 4s,
                              .probes = 2};

/// Opens it by failures in a row.
Breaker opened(BreakerOptions options) {
  options.failures_in_a_row = 3;
  return Breaker(options);
}

}  // namespace

TEST(CircuitBreaker, RefusesOptionsThatMakeNoSense) {
  SeededRandom random(1);
  EXPECT_THROW(CircuitBreaker({.buckets = 0}, random), std::invalid_argument);
  EXPECT_THROW(CircuitBreaker({.window = 5ms, .buckets = 10}, random), std::invalid_argument);
  EXPECT_THROW(CircuitBreaker({.probes = 0}, random), std::invalid_argument);
  EXPECT_THROW(CircuitBreaker({.open_for = 2s, .open_at_most = 1s}, random), std::invalid_argument);
}

TEST(CircuitBreaker, OpensAtTheRatioAndNotBeforeTheMinimumOfCalls) {
  Breaker breaker(by_ratio);
  breaker.calls(5, true);
  breaker.calls(4, false);
  EXPECT_EQ(breaker.machine.state(), State::closed) << "nine calls mean nothing yet";
  breaker.calls(1, false);
  EXPECT_EQ(breaker.machine.state(), State::open);
  EXPECT_FALSE(breaker.call(true));
}

TEST(CircuitBreaker, StaysClosedBelowTheRatio) {
  Breaker breaker(by_ratio);
  for (int i = 0; i < 200; ++i) {
    breaker.calls(3, true);
    breaker.calls(2, false);
  }
  EXPECT_EQ(breaker.machine.state(), State::closed);
}

TEST(CircuitBreaker, ForgetsWhatLeftTheWindow) {
  Breaker breaker(by_ratio);
  breaker.calls(9, false);
  breaker.time.advance(10s);  // the bucket of the nine is the first that is outside
  breaker.calls(1, false);
  EXPECT_EQ(breaker.machine.state(), State::closed);
  breaker.time.advance(9s);
  breaker.calls(9, false);
  EXPECT_EQ(breaker.machine.state(), State::open) << "the last ten are inside";
}

TEST(CircuitBreaker, ForgetsAlsoWhereNothingWasCountedSince) {
  for (int seconds = 10; seconds < 40; ++seconds) {
    Breaker breaker(by_ratio);
    breaker.calls(9, false);
    breaker.time.advance(std::chrono::seconds(seconds));
    breaker.calls(1, false);
    EXPECT_EQ(breaker.machine.state(), State::closed) << seconds;
  }
}

TEST(CircuitBreaker, OpensWhenTooManyAreSlow) {
  BreakerOptions options = by_ratio;
  options.slow_after = 100ms;
  options.slow_ratio = 0.5;
  Breaker breaker(options);
  for (int i = 0; i < 5; ++i) breaker.call(true, 100ms);  // just not slow
  for (int i = 0; i < 4; ++i) breaker.call(true, 101ms);
  EXPECT_EQ(breaker.machine.state(), State::closed);
  breaker.call(true, 101ms);
  EXPECT_EQ(breaker.machine.state(), State::open);
}

TEST(CircuitBreaker, OpensAfterFailuresInARow) {
  Breaker breaker = opened(by_ratio);
  breaker.calls(2, false);
  breaker.calls(1, true);
  breaker.calls(2, false);
  EXPECT_EQ(breaker.machine.state(), State::closed) << "a success ends the row";
  breaker.time.advance(11s);
  breaker.calls(2, false);
  EXPECT_EQ(breaker.machine.state(), State::closed) << "so does a window without failures";
  breaker.calls(1, false);
  EXPECT_EQ(breaker.machine.state(), State::open);
}

TEST(CircuitBreaker, IsOpenForABoundedTimeWithJitterThatGrows) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Breaker breaker = opened(by_ratio);
    breaker.random = SeededRandom(seed);
    breaker.calls(3, false);
    for (const auto nominal : {1s, 2s, 4s, 4s}) {
      const auto left = breaker.machine.open_left(breaker.time.now());
      EXPECT_GE(left, nominal / 2);
      EXPECT_LE(left, nominal);
      breaker.time.advance(left - 1ns);
      EXPECT_TRUE(breaker.machine.refuses(breaker.time.now()));
      breaker.time.advance(1ns);
      ASSERT_TRUE(breaker.call(false)) << "a probe, and it fails";
      EXPECT_EQ(breaker.machine.state(), State::open);
    }
  }
}

TEST(CircuitBreaker, ClosesWhenAllProbesAreWell) {
  Breaker breaker = opened(by_ratio);
  breaker.calls(3, false);
  breaker.time.advance(1s);
  {
    auto first = breaker.machine.admit(breaker.time.now());
    auto second = breaker.machine.admit(breaker.time.now());
    ASSERT_TRUE(first && second);
    EXPECT_EQ(breaker.machine.state(), State::half_open);
    EXPECT_FALSE(breaker.machine.admit(breaker.time.now())) << "two at once, not three";
    first->finish(true, breaker.time.now());
    EXPECT_FALSE(breaker.machine.admit(breaker.time.now())) << "one well and one out are two";
    second->finish(true, breaker.time.now());
  }
  EXPECT_EQ(breaker.machine.state(), State::closed);
  EXPECT_THAT(breaker.seen, testing::ElementsAre(State::open, State::half_open, State::closed));
  breaker.calls(2, false);
  EXPECT_EQ(breaker.machine.state(), State::closed) << "what was counted before is forgotten";
  breaker.calls(1, false);
  EXPECT_LE(breaker.machine.open_left(breaker.time.now()), 1s) << "so is the longer time";
}

TEST(CircuitBreaker, AProbeThatFailsOrIsSlowOpensAgain) {
  BreakerOptions options = by_ratio;
  options.slow_after = 100ms;
  for (const bool success : {false, true}) {
    Breaker breaker = opened(options);
    breaker.calls(3, false);
    breaker.time.advance(1s);
    ASSERT_TRUE(breaker.call(success, 200ms));
    EXPECT_EQ(breaker.machine.state(), State::open);
  }
}

TEST(CircuitBreaker, AnAbandonedProbeMakesRoomForAnother) {
  BreakerOptions options = by_ratio;
  options.probes = 1;
  Breaker breaker = opened(options);
  breaker.calls(3, false);
  breaker.time.advance(1s);
  {
    auto moved = breaker.machine.admit(breaker.time.now());
    auto probe = std::move(moved);
    EXPECT_FALSE(breaker.machine.admit(breaker.time.now()));
  }
  EXPECT_EQ(breaker.machine.state(), State::half_open);
  EXPECT_TRUE(breaker.call(true));
  EXPECT_EQ(breaker.machine.state(), State::closed);
}

TEST(CircuitBreaker, WhatBeganEarlierTellsNothing) {
  Breaker breaker = opened(by_ratio);
  auto late = breaker.machine.admit(breaker.time.now());
  auto later = breaker.machine.admit(breaker.time.now());
  breaker.calls(3, false);
  late->finish(true, breaker.time.now());
  EXPECT_EQ(breaker.machine.state(), State::open);
  breaker.time.advance(1s);
  auto probe = breaker.machine.admit(breaker.time.now());
  later->finish(false, breaker.time.now());
  EXPECT_EQ(breaker.machine.state(), State::half_open) << "not a probe";
}

TEST(CircuitBreaker, FailuresFromBeforeDoNotOpenItAgain) {
  Breaker breaker = opened(by_ratio);
  std::deque<CircuitBreaker::Permit> early;
  for (int i = 0; i < 5; ++i)
    early.push_back(std::move(*breaker.machine.admit(breaker.time.now())));
  breaker.calls(3, false);
  breaker.time.advance(1s);
  breaker.calls(2, true);
  ASSERT_EQ(breaker.machine.state(), State::closed);
  for (auto& permit : early) permit.finish(false, breaker.time.now());
  EXPECT_EQ(breaker.machine.state(), State::closed);
  breaker.calls(2, false);
  EXPECT_EQ(breaker.machine.state(), State::closed) << "a row begins anew";
}

TEST(CircuitBreaker, AProbeOfAnEarlierPeriodTakesNoPlaceAndGivesNone) {
  Breaker breaker = opened(by_ratio);
  breaker.calls(3, false);
  breaker.time.advance(1s);
  auto first = breaker.machine.admit(breaker.time.now());
  auto lost = breaker.machine.admit(breaker.time.now());
  auto late = breaker.call(true);
  EXPECT_FALSE(late);
  first->finish(false, breaker.time.now());
  breaker.time.advance(2s);
  auto second = breaker.machine.admit(breaker.time.now());
  ASSERT_TRUE(second);
  lost.reset();  // abandoned, two states later
  auto third = breaker.machine.admit(breaker.time.now());
  EXPECT_TRUE(third);
  EXPECT_FALSE(breaker.machine.admit(breaker.time.now())) << "two of this period are out";
}

struct Running {
  std::unique_ptr<CircuitBreaker::Permit> permit;
  std::size_t changes;  // of state, when it began
};

// Random histories: overlapping calls that succeed, fail, hang, are abandoned, under a clock that
// moves by random steps.
TEST(CircuitBreaker, NeverLetsMoreThanItsProbesThrough) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SeededRandom dice(seed);
    BreakerOptions options = by_ratio;
    options.probes = static_cast<std::uint32_t>(1 + dice.below(4));
    options.failures_in_a_row = static_cast<std::uint32_t>(dice.below(6));
    options.slow_after = dice.below(2) == 0 ? 0ms : 300ms;
    Breaker breaker(options);
    std::deque<Running> running;
    const std::uint64_t patience = dice.below(4);
    std::uint32_t well = 0;  // probes of this half-open period
    std::size_t period = 0;  // its place in `seen`
    Steady::time_point opened_at{};
    for (int step = 0; step < 2'000; ++step) {
      const auto before = breaker.machine.state();
      const std::size_t changes = breaker.seen.size();
      const bool fails = dice.below(3) == 0;
      switch (dice.below(4)) {
        case 0:
          breaker.time.advance(std::chrono::milliseconds(dice.below(dice.below(2) ? 2'000 : 50)));
          break;
        case 1: {
          auto permit = breaker.machine.admit(breaker.time.now());
          if (before == State::open && permit)
            ASSERT_GE(breaker.time.now() - opened_at, options.open_for / 2) << seed;
          if (before == State::open && !permit)
            ASSERT_LT(breaker.time.now() - opened_at, options.open_at_most) << seed;
          if (before == State::closed) ASSERT_TRUE(permit) << seed;
          if (!permit) break;
          if (before == State::open) well = 0, period = breaker.seen.size();
          running.push_back(
              {std::make_unique<CircuitBreaker::Permit>(std::move(*permit)), breaker.seen.size()});
          break;
        }
        default: {
          if (running.empty()) break;
          if (dice.below(4) < patience) break;  // many hang for long
          std::swap(running[dice.below(running.size())], running.back());
          Running one = std::move(running.back());
          running.pop_back();
          if (dice.below(4) == 0) break;  // abandoned
          one.permit->finish(!fails, breaker.time.now());
          const bool probe = before == State::half_open && one.changes == period;
          if (probe && breaker.machine.state() == State::half_open) ++well;
        }
      }
      if (breaker.seen.size() != changes && breaker.machine.state() == State::open)
        opened_at = breaker.time.now();
      if (breaker.machine.state() != State::half_open) continue;
      const auto out = static_cast<std::uint32_t>(std::ranges::count_if(
          running, [&](const Running& one) { return one.changes == period; }));
      ASSERT_LE(out + well, options.probes) << "seed " << seed << " step " << step;
    }
  }
}

TEST(CircuitBreaker, HoldsUnderManyThreads) {
  SeededRandom random(3);
  std::atomic<int> opened = 0;
  CircuitBreaker breaker({.window = 1s,
                          .min_calls = 20,
                          .failures_in_a_row = 5,
                          .open_for = 1ms,
                          .open_at_most = 2ms,
                          .probes = 2},
                         random, [&](State state) { opened += state == State::open ? 1 : 0; });
  std::atomic<bool> broken = false;
  std::atomic<int> admitted = 0;
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        SeededRandom dice(t);
        for (int i = 0; i < 20'000; ++i) {
          auto permit = breaker.admit(Steady::now());
          if (!permit) continue;
          ++admitted;
          if (dice.below(10) != 0) permit->finish(!broken, Steady::now());
          if (dice.below(500) == 0) broken = !broken;
        }
      });
    }
  }
  EXPECT_GT(admitted, 0);
  broken = false;
  for (int i = 0; breaker.state() != State::closed && i < 1'000'000; ++i)
    if (auto permit = breaker.admit(Steady::now())) permit->finish(true, Steady::now());
  EXPECT_EQ(breaker.state(), State::closed) << "it opened " << opened << " times and recovers";
}

}  // namespace madang::resilience
