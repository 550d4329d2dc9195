// A queue in front of one server, played out step by step in time that is made up.
#include "platform/runtime/standing_delay.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <limits>

namespace madang::runtime {
namespace {

using namespace std::chrono_literals;
using Steady = StandingDelay::Steady;
using Duration = Steady::duration;

constexpr std::chrono::microseconds job_takes = 1ms;

class Queue {
 public:
  /// Jobs arrive every `gap` for so long; they are served as their turn comes.
  void run(Duration length, Duration gap) {
    const auto end = now_ + length;
    for (auto next = now_; next < end; next += gap) {
      serve_until(next);
      waiting_.push_back(next);
    }
    serve_until(end);
  }

  void burst(int jobs) {
    serve_until(now_);
    for (int i = 0; i < jobs; ++i) waiting_.push_back(now_);
  }

  void forget() {
    served = refused = 0;
    longest = {};
  }

  int served = 0, refused = 0;
  Duration longest{};  // that one who was served has waited

 private:
  void serve_until(Steady::time_point until) {
    while (!waiting_.empty() && free_ <= until) {
      const auto arrived = waiting_.front();
      const auto begin = std::max(free_, arrived);
      if (begin > until) break;
      waiting_.pop_front();
      if (delay_.too_late(begin - arrived, begin)) {
        ++refused;
        continue;
      }
      ++served;
      longest = std::max(longest, begin - arrived);
      free_ = begin + job_takes;
      delay_.served(job_takes, free_);
    }
    now_ = std::max(now_, until);
  }

  StandingDelay delay_{2ms};
  std::deque<Steady::time_point> waiting_;
  Steady::time_point now_{1h};
  Steady::time_point free_{};
};

TEST(StandingDelay, RefusesNobodyWhileTheServerKeepsUp) {
  Queue queue;
  queue.run(10s, 1100us);
  EXPECT_EQ(queue.refused, 0);
  EXPECT_GT(queue.served, 9000);
}

TEST(StandingDelay, LetsABurstBeWorkedOff) {
  Queue queue;
  for (int i = 0; i < 20; ++i) {
    queue.burst(90);
    queue.run(200ms, 2ms);
  }
  EXPECT_EQ(queue.refused, 0);
}

TEST(StandingDelay, AtThreeTimesTheRateThoseWhoAreServedAreServedSoon) {
  Queue queue;
  queue.run(300ms, job_takes / 3);  // until it is noticed
  queue.forget();
  queue.run(5s, job_takes / 3);
  EXPECT_LE(queue.longest, 4ms);
  EXPECT_GE(queue.served, 4950) << "the server never idles";
  EXPECT_NEAR(queue.refused, 10'000, 100);
}

TEST(StandingDelay, IsOverWhenTheStormIs) {
  Queue queue;
  queue.run(2s, job_takes / 3);
  EXPECT_GT(queue.refused, 0);
  queue.run(50ms, 2 * job_takes);
  queue.forget();
  queue.run(1s, 2 * job_takes);
  EXPECT_EQ(queue.refused, 0);
}

TEST(StandingDelay, ANewStormAfterARestIsABurstAgain) {
  Queue queue;
  queue.run(2s, job_takes / 3);
  queue.run(50ms, 2 * job_takes);
  queue.run(10s, 1s);  // next to nothing
  queue.forget();
  queue.burst(90);
  queue.run(200ms, 2ms);
  EXPECT_EQ(queue.refused, 0);
}

TEST(StandingDelay, TheTargetIsTheLeastThatAJobTookLately) {
  StandingDelay delay(2ms);
  Steady::time_point now{1h};
  EXPECT_EQ(delay.target(), 2ms);
  for (int i = 0; i < 10; ++i) delay.served(30ms + i * 10ms, now += 100ms);
  EXPECT_EQ(delay.target(), 30ms);
  for (int i = 0; i < 120; ++i) delay.served(50ms, now += 100ms);
  EXPECT_EQ(delay.target(), 50ms) << "what was is forgotten";
  delay.served(1ms, now += 100ms);
  EXPECT_EQ(delay.target(), 2ms);
}

TEST(StandingDelay, OneThatWaitsForVeryLongIsSeenAtOnce) {
  StandingDelay delay(2ms);
  Steady::time_point now{1h};
  EXPECT_FALSE(delay.too_late(0ms, now));
  // The only look for a second, but what it sees was there all the time.
  EXPECT_FALSE(delay.too_late(400ms, now += 401ms)) << "the interval had a quick one";
  EXPECT_TRUE(delay.too_late(400ms, now += 400ms));
}

/// A delay that stands now.
StandingDelay standing(Steady::time_point& now) {
  StandingDelay delay(2ms);
  for (int i = 0; i < 300; ++i) {
    delay.served(1ms, now += 1ms);
    delay.too_late(10ms, now);
  }
  EXPECT_TRUE(delay.standing());
  return delay;
}

TEST(StandingDelay, LetsInABurstThatIsSoonWorkedOff) {
  StandingDelay delay(2ms);
  const Steady::time_point now{1h};
  EXPECT_FALSE(delay.too_many(40ms, now));
  EXPECT_TRUE(delay.too_many(60ms, now));
  EXPECT_FALSE(delay.too_many(40ms, now + 1ms)) << "the burst's end is no storm";
}

TEST(StandingDelay, WhileItStandsWhoeverWouldWaitForTooLongIsRefusedAtOnce) {
  Steady::time_point now{1h};
  StandingDelay delay = standing(now);
  EXPECT_FALSE(delay.too_many(2ms, now));
  EXPECT_TRUE(delay.too_many(3ms, now));
}

TEST(StandingDelay, AsLongAsSomeAreRefusedItIsNotABurst) {
  Steady::time_point now{1h};
  StandingDelay delay = standing(now);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(delay.too_many(10ms, now += 100ms));
  EXPECT_FALSE(delay.too_many(10ms, now += 1001ms)) << "the storm is over";
}

}  // namespace
}  // namespace madang::runtime
