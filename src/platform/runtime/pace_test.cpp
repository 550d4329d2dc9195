#include "platform/runtime/pace.hpp"

#include <gtest/gtest.h>

namespace madang::runtime {
namespace {

using namespace std::chrono_literals;

class PaceTest : public testing::Test {
 protected:
  /// Every `gap` so many leave, and others go on waiting.
  void leave(int times, std::size_t each, Pace::Steady::duration gap) {
    for (int i = 0; i < times; ++i) pace_.left(each, true, now_ += gap);
  }
  std::chrono::microseconds each() const {
    return std::chrono::duration_cast<std::chrono::microseconds>(pace_.each(now_));
  }

  Pace pace_;
  Pace::Steady::time_point now_{1h};
};

TEST_F(PaceTest, IsUnknownWhileNobodyWaits) {
  for (int i = 0; i < 10; ++i) pace_.left(1, false, now_ += 2ms);
  EXPECT_EQ(each(), 0us);
}

TEST_F(PaceTest, IsTheTimeFromOneToTheNext) {
  leave(11, 1, 2ms);
  EXPECT_EQ(each(), 2000us);
}

TEST_F(PaceTest, SeveralAtOnceAreSeveral) {
  leave(11, 4, 2ms);
  EXPECT_EQ(each(), 500us);
}

TEST_F(PaceTest, ThoseThatCameBackHaveNotLeft) {
  pace_.left(4, true, now_);
  for (int i = 0; i < 10; ++i) {
    pace_.left(4, false, now_ += 2ms);
    pace_.came_back(3);  // and wait again
  }
  EXPECT_EQ(each(), 2000us);
}

TEST_F(PaceTest, TimeWithoutAnybodyWaitingDoesNotCount) {
  leave(11, 1, 2ms);
  pace_.left(1, false, now_ += 2ms);
  pace_.left(1, true, now_ += 50ms);
  leave(10, 1, 2ms);
  EXPECT_EQ(each(), 2000us);
}

TEST_F(PaceTest, FollowsWhatChanges) {
  leave(100, 1, 1ms);
  leave(100, 1, 10ms);
  EXPECT_GT(each(), 9000us);
}

TEST_F(PaceTest, IsForgottenWhenItIsOld) {
  leave(11, 1, 2ms);
  pace_.left(1, false, now_ += 2ms);
  now_ += 201ms;
  EXPECT_EQ(each(), 0us);
  pace_.left(1, true, now_);
  leave(10, 1, 5ms);
  EXPECT_EQ(each(), 5000us);
}

}  // namespace
}  // namespace madang::runtime
