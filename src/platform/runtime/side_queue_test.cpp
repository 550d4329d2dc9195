#include "platform/runtime/side_queue.hpp"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <ctime>

namespace madang::runtime {
namespace {

using namespace std::chrono_literals;

/// Keeps the core busy for so long, by the thread's own time.
void work(std::chrono::nanoseconds time) {
  const auto now = [] {
    timespec cpu{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return std::chrono::seconds(cpu.tv_sec) + std::chrono::nanoseconds(cpu.tv_nsec);
  };
  for (const auto begun = now(); now() - begun < time;) {
  }
}

class Aside : public testing::Test {
 protected:
  /// One that stands aside and is then worked on for so long.
  void stand_aside(std::chrono::nanoseconds time) {
    asio::co_spawn(io_, one(time), asio::detached);
    ++came_;
  }

  Task<> one(std::chrono::nanoseconds time) {
    co_await side_.wait();
    work(time);
    ++done_;
    let_go_ += side_.lets_one_go() ? 1 : 0;
  }

  /// Others' work, which comes to the thread again and again.
  void others() {
    if (done_ == came_) return;
    done_between_.push_back(done_);
    asio::post(io_, [this] { others(); });
  }

  asio::io_context io_{1};
  SideQueue side_{io_.get_executor(), {.turn = 1ms, .round = 2ms}};
  std::size_t came_ = 0, done_ = 0;
  int let_go_ = 0;
  std::vector<std::size_t> done_between_;
};

TEST_F(Aside, OneAloneHasItsTurnAtOnce) {
  stand_aside(0ms);
  io_.poll_one();
  EXPECT_EQ(side_.waiting(), 1U);
  EXPECT_FALSE(side_.stands());
  io_.poll_one();
  EXPECT_EQ(done_, 1U);
  EXPECT_FALSE(side_.stands());
}

// One takes longer than a turn: the others' work comes between any two.
TEST_F(Aside, TurnsAreBounded) {
  asio::post(io_, [this] { others(); });
  for (int i = 0; i < 20; ++i) stand_aside(3ms);
  io_.poll();
  EXPECT_EQ(done_, 20U);
  for (std::size_t n = 1; n < done_between_.size(); ++n)
    EXPECT_LE(done_between_[n] - done_between_[n - 1], 1U);
  EXPECT_FALSE(side_.stands());
}

TEST_F(Aside, TheFirstComesFirstAndItStandsUntilAllHadTheirTurn) {
  std::vector<int> order;
  std::vector<bool> stood;
  const auto named = [&](int name) -> Task<> {
    co_await side_.wait();
    order.push_back(name);
    stood.push_back(side_.stands());
    work(3ms);
  };
  for (int i = 0; i < 3; ++i) asio::co_spawn(io_, named(i), asio::detached);
  io_.run();
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
  EXPECT_EQ(stood, (std::vector{false, true, true}));
  EXPECT_FALSE(side_.stands());
}

TEST_F(Aside, ARoundHasRoomForSoMuch) {
  EXPECT_TRUE(side_.takes_room());
  work(5ms);
  EXPECT_FALSE(side_.takes_room());
  EXPECT_FALSE(side_.takes_room());
  side_.begin_round();
  EXPECT_TRUE(side_.takes_room());
  work(5ms);
  stand_aside(0ms);
  io_.poll();
  EXPECT_TRUE(side_.takes_room()) << "a turn ends the round";
}

TEST_F(Aside, OneIsLetGoInATurnWhenTheRoundBeforeLeftTime) {
  for (int i = 0; i < 3; ++i) stand_aside(0ms);
  stand_aside(5ms);
  stand_aside(0ms);
  io_.run();
  EXPECT_EQ(done_, 5U);
  EXPECT_GE(let_go_, 2) << "one in each turn";
  EXPECT_LT(let_go_, 5);

  EXPECT_TRUE(side_.takes_room());
  work(5ms);
  io_.restart();
  const int before = let_go_;
  stand_aside(0ms);
  io_.run();
  EXPECT_EQ(let_go_, before) << "the round before was full";
}

}  // namespace
}  // namespace madang::runtime
