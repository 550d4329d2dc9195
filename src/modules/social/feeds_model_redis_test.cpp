// The histories of feeds_model.hpp with the feeds in a real Redis Cluster, shared by instances:
// servers are wiped, killed, replaced and hang meanwhile, and every page is still what SQL says.
#include "modules/social/feed_store_redis_fixture.hpp"
#include "modules/social/feeds_model.hpp"

namespace madang::social::feeds_model {

namespace {

class InRedis final : public Stores {
 public:
  explicit InRedis(std::size_t instances) : instances_(instances) {}

  std::vector<std::unique_ptr<FeedStore>> make(const Clock& clock) override {
    redis_.begin_anew();
    std::vector<std::unique_ptr<FeedStore>> stores;
    for (std::size_t i = 0; i < instances_; ++i)
      stores.push_back(std::make_unique<RedisFeedStore>(
          RedisFeedOptions{.limits = small, .young = 0ms}, redis_.client(), clock));
    return stores;
  }
  bool shared() const override { return true; }

  std::function<void()> fault(SeededRandom& random) override {
    const Id viewer = static_cast<Id>(random.below(people)) + 1;
    switch (random.below(4)) {
      case 0:
        redis_.wipe();
        return {};
      case 1:
        redis_.fail_over(viewer);
        return [this] { redis_.mend(); };
      case 2: {
        redis::RedisServer* const hangs = &redis_.cluster().master_of(FeedKeys::feed(viewer));
        hangs->stop();
        return [this, hangs] {
          hangs->go_on();
          redis_.mend();
        };
      }
      default: {
        redis::RedisServer& dies = redis_.cluster().master_of(FeedKeys::feed(viewer));
        dies.kill();
        return [this] { redis_.mend(); };
      }
    }
  }

 private:
  const std::size_t instances_;
  FeedRedis& redis_ = FeedRedis::shared();
};

void expect_enough(const Tally& tally) {
  EXPECT_GT(tally.pages, 100U);
  EXPECT_GT(tally.live, 100U);
  EXPECT_GT(tally.seen, 50U);
  EXPECT_GT(tally.followed_cursors, 20U);
  EXPECT_GT(tally.from_memory, 50U);
  EXPECT_GT(tally.from_sql, 30U);
  EXPECT_GT(tally.builds, 20U);
  EXPECT_GT(tally.wipes, 5U);
  EXPECT_GT(tally.faults, 3U);
  EXPECT_GT(tally.unreachable, 0U);
  EXPECT_GT(tally.hints, 0U);
}

}  // namespace

TEST(FeedsModelRedis, EveryPageIsWhatSqlSays) {
  InRedis stores(1);
  expect_enough(histories(stores, 200, 1, 2, 500));
}

TEST(FeedsModelRedis, EveryPageOfEveryInstanceIsWhatSqlSays) {
  InRedis stores(3);
  expect_enough(histories(stores, 200, 11, 13, 500));
}

}  // namespace madang::social::feeds_model
