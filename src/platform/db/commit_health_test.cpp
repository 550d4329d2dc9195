#include "platform/db/commit_health.hpp"

#include <gtest/gtest.h>

namespace madang::db {
namespace {

using namespace std::chrono_literals;
using Cause = SqlError::Cause;

class CommitHealthTest : public testing::Test {
 protected:
  std::string reason() {
    const auto fault = health_.fault(now_);
    return fault ? std::string(fault->reason) : "";
  }
  void fail(Cause cause = Cause::full) { health_.failed(now_, cause); }
  void commit() { health_.committed(now_); }

  CommitHealth health_;
  CommitHealth::Steady::time_point now_{1h};
};

TEST_F(CommitHealthTest, OneFailureIsNothing) {
  fail();
  EXPECT_EQ(reason(), "");
  now_ += 1h;
  EXPECT_EQ(reason(), "") << "nobody has tried again";
}

TEST_F(CommitHealthTest, FailuresWithoutASuccessAreAFault) {
  fail();
  now_ += 2900ms;
  fail();
  EXPECT_EQ(reason(), "");
  now_ += 100ms;
  EXPECT_EQ(reason(), "database_full");
  now_ += 1h;
  EXPECT_EQ(reason(), "database_full") << "it does not end by waiting";
}

TEST_F(CommitHealthTest, ASuccessAmongThemIsNone) {
  for (int i = 0; i < 20; ++i) {
    fail();
    now_ += 1s;
    fail();
    now_ += 1s;
    EXPECT_EQ(reason(), "");
    commit();
  }
}

TEST_F(CommitHealthTest, EndsAfterASuccessAndCalm) {
  fail(Cause::io);
  now_ += 3s;
  fail(Cause::io);
  EXPECT_EQ(reason(), "database_io_error");
  commit();
  now_ += 1s;
  EXPECT_EQ(reason(), "database_io_error") << "not at the first success";
  fail(Cause::io);
  commit();
  now_ += 1900ms;
  EXPECT_EQ(reason(), "database_io_error") << "it failed again meanwhile";
  now_ += 100ms;
  EXPECT_EQ(reason(), "");
}

TEST_F(CommitHealthTest, AGroupThatDoesNotEndIsAFault) {
  health_.began(now_);
  now_ += 4900ms;
  EXPECT_EQ(reason(), "");
  now_ += 100ms;
  EXPECT_EQ(reason(), "database_stalled");
  commit();
  EXPECT_EQ(reason(), "") << "it moves";
  now_ += 5s;
  EXPECT_EQ(reason(), "database_stalled");
  health_.ended();
  EXPECT_EQ(reason(), "");
}

TEST_F(CommitHealthTest, ABodysOwnDoingIsNotTheStores) {
  for (const Cause cause : {Cause::unique, Cause::foreign_key, Cause::check, Cause::other})
    EXPECT_FALSE(CommitHealth::concerns(cause));
  for (const Cause cause : {Cause::full, Cause::io, Cause::corrupt, Cause::busy})
    EXPECT_TRUE(CommitHealth::concerns(cause));
}

}  // namespace
}  // namespace madang::db
