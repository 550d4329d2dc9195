#include "platform/nodes/node_lease.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <set>
#include <thread>

#include "base/ids.hpp"
#include "platform/db/any_test_store.hpp"
#include "platform/db/migrations.hpp"

namespace madang::db {
extern const ModuleSchema nodes_schema;
}

namespace madang::nodes {
namespace {

using namespace std::chrono_literals;
using Renewed = NodeLease::Renewed;

class NodeLeaseTest : public testing::TestWithParam<db::TestEngine> {
 protected:
  NodeLeaseTest() : store_(GetParam()), db_(store_.open(registry_)) {
    const db::ModuleSchema* const modules[] = {&db::nodes_schema};
    db::migrate(*db_, modules);
  }

  std::unique_ptr<NodeLease> take(const std::string& place, bool shares = true,
                                  std::chrono::milliseconds lease = 60s) {
    return std::make_unique<NodeLease>(
        *db_, clock_, NodeOptions{.place = place, .shares = shares, .lease = lease}, random_);
  }

  std::unique_ptr<NodeLease> take_with_secret(const std::string& place, const std::string& mark) {
    return std::make_unique<NodeLease>(
        *db_, clock_, NodeOptions{.place = place, .shares = true, .secret_mark = mark}, random_);
  }

  std::string refusal(const std::string& place, bool shares = true) {
    try {
      take(place, shares);
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }

  metrics::Registry registry_;
  SystemClock clock_;
  SystemRandom random_;
  db::AnyStore store_;
  std::unique_ptr<db::Database> db_;
};

TEST_P(NodeLeaseTest, ThoseWhoShareHaveNumbersOfTheirOwn) {
  const auto a = take("a"), b = take("b"), c = take("c");
  EXPECT_EQ((std::set{a->number(), b->number(), c->number()}).size(), 3u);
  EXPECT_EQ(a->renew(clock_.now() + 10s), Renewed::yes);
}

TEST_P(NodeLeaseTest, WhoDoesNotShareIsAlone) {
  {
    const auto alone = take("a", false);
    EXPECT_NE(refusal("b", true).find("another instance (node 0)"), std::string::npos);
    EXPECT_NE(refusal("b", false).find("this one keeps"), std::string::npos);
    alone->release(clock_.now());
  }
  const auto sharing = take("b", true);
  EXPECT_NE(refusal("a", false), "");
}

TEST_P(NodeLeaseTest, ThoseWhoShareSignWithOneSecret) {
  const auto first = take_with_secret("a", "1f");
  EXPECT_THROW(take_with_secret("b", "2e"), std::runtime_error);
  EXPECT_EQ(take_with_secret("b", "1f")->renew(clock_.now() + 10s), Renewed::yes);
  first->release(clock_.now());
}

TEST_P(NodeLeaseTest, APlacesOwnEarlierProcessIsGone) {
  const auto killed = take("a", false);
  ASSERT_EQ(killed->renew(clock_.now() + 10s), Renewed::yes);
  const auto next = take("a", false);
  // Its number can be used at once: the ids of the one before are not in the way.
  EXPECT_LE(next->id_floor(), clock_.now());
  EXPECT_EQ(next->renew(clock_.now() + 10s), Renewed::yes);
}

TEST_P(NodeLeaseTest, ALeaseThatHasEndedIsFree) {
  const auto gone = take("a", false, 50ms);
  ASSERT_EQ(gone->renew(clock_.now() + 10s), Renewed::yes);
  std::unique_ptr<NodeLease> next;
  while (!next) {
    try {
      next = take("b", false);
    } catch (const std::runtime_error&) {
      std::this_thread::sleep_for(5ms);
    }
  }
  EXPECT_NE(next->number(), gone->number()) << "the other's ids may be ahead";
}

TEST_P(NodeLeaseTest, NoNumberGivesAnIdTwice) {
  std::set<int> numbers;
  Time latest{};
  for (int i = 0; i < 2 * NodeLease::numbers; ++i) {
    const auto one = take("place " + std::to_string(i), true, 1ms);
    const Time ceiling = clock_.now() + std::chrono::seconds(i);
    if (!numbers.insert(one->number()).second) EXPECT_GE(one->id_floor(), latest);
    ASSERT_EQ(one->renew(ceiling), Renewed::yes);
    if (i == 0) latest = ceiling;
    std::this_thread::sleep_for(3ms);
  }
  EXPECT_EQ(numbers.size(), std::size_t{NodeLease::numbers});
}

TEST_P(NodeLeaseTest, WhoWasReplacedIsTold) {
  const auto first = take("a");
  const auto taken_over = db_->write_blocking([](db::Transaction& tx) -> Result<void> {
    tx.execute("update nodes set fence = fence + 1 where number = 0");
    return {};
  });
  ASSERT_TRUE(taken_over.has_value());
  EXPECT_EQ(first->renew(clock_.now() + 10s), Renewed::lost);
}

TEST_P(NodeLeaseTest, AreTakenOneAfterTheOther) {
  std::latch together(8);
  std::mutex mutex;
  std::vector<std::unique_ptr<NodeLease>> taken;
  int refused = 0;
  {
    std::vector<std::jthread> starters;
    for (int i = 0; i < 8; ++i)
      starters.emplace_back([&, i] {
        together.arrive_and_wait();
        try {
          auto lease = take("place " + std::to_string(i), false);
          const std::lock_guard lock(mutex);
          taken.push_back(std::move(lease));
        } catch (const std::runtime_error&) {
          const std::lock_guard lock(mutex);
          ++refused;
        }
      });
  }
  EXPECT_EQ(taken.size(), 1u);
  EXPECT_EQ(refused, 7);
}

TEST_P(NodeLeaseTest, AClockThatIsFarOffIsNamed) {
  ManualClock wrong(clock_.now() + 1h);
  try {
    const NodeLease lease(*db_, wrong, {.place = "a"}, random_);
    FAIL() << "accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("seconds apart"), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Each, NodeLeaseTest, testing::ValuesIn(db::test_engines), db::engine_name);

}  // namespace
}  // namespace madang::nodes
