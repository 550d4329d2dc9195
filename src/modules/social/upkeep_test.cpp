// What erasing a withdrawn account, purging and recounting do to the rows of others.
#include "modules/social/upkeep.hpp"
#include "../../../tests/support/test_database.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <array>
#include <filesystem>

#include "modules/social/storage_reports.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::db {
extern const ModuleSchema identity_schema;
extern const ModuleSchema media_schema;
extern const ModuleSchema social_schema;
}  // namespace madang::db

namespace madang::social {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Id ann = 1, ben = 2, cho = 3;
const Time now = from_micros(1'000'000);

class UpkeepTest : public testing::Test {
 protected:
  UpkeepTest() {
    const std::array<const db::ModuleSchema*, 3> schemas{&db::identity_schema, &db::media_schema,
                                                         &db::social_schema};
    db::migrate(*db_, schemas);
    write([](db::Transaction& tx) {
      for (const Id account : {ann, ben, cho}) insert_profile(tx, account);
      insert_post(tx, {10, ann, "by ann", 0, 0, now, {}}, {});
      insert_post(tx, {20, ben, "by ben", 0, 0, now, {}}, {});
      insert_post(tx, {21, ben, "also by ben", 0, 0, now, {}}, {});
      for (const Id post : {10, 20, 21}) insert_like(tx, post, cho, now);
      insert_comment(tx, {30, 20, cho, "from cho", now, {}});
      insert_comment(tx, {31, 20, ann, "from ann", now, {}});
      insert_follow(tx, cho, ann, now);
      insert_follow(tx, ann, cho, now);
      insert_follow(tx, ben, ann, now);
    });
  }
  ~UpkeepTest() override {
    db_->close();
    std::filesystem::remove_all(folder_);
  }

  template <class F>
  void write(F body) {
    const auto done = db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
      body(tx);
      return {};
    });
    ASSERT_TRUE(done);
  }
  std::int64_t value(std::string_view sql) {
    return *db_->read_blocking(
        [&](db::Transaction& tx) -> Result<std::int64_t> { return *tx.value<std::int64_t>(sql); });
  }
  std::vector<Miscount> miscounts() {
    return *db_->read_blocking([](db::Transaction& tx) -> Result<std::vector<Miscount>> {
      return find_miscounts(tx, 100);
    });
  }
  /// Chunk by chunk, as the sweep does; how many chunks it took.
  int erase(Id account, std::int64_t limit) {
    bool done = false;
    int chunks = 0;
    while (!done && chunks < 100) {
      ++chunks;
      write([&](db::Transaction& tx) { done = erase_account(tx, account, limit, now, touched_); });
    }
    EXPECT_TRUE(done);
    return chunks;
  }
  void purge_everything() {
    std::int64_t removed = 1;
    for (int i = 0; removed != 0 && i < 100; ++i)
      write([&](db::Transaction& tx) { removed = purge_deleted(tx, 2); });
    EXPECT_EQ(removed, 0);
  }

  std::filesystem::path folder_ = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "madang-XXXXXX").string();
    return std::filesystem::path(::mkdtemp(pattern.data()));
  }();
  metrics::Registry registry_;
  std::unique_ptr<db::Database> db_ = db::open_test_database(folder_ / "store.db", registry_);
  std::vector<Id> touched_;
};

TEST_F(UpkeepTest, ErasureLeavesNothingOfTheAccountAndTrueCountersOfTheOthers) {
  erase(cho, 200);
  EXPECT_EQ(value("select count(*) from post_likes where account_id = 3"), 0);
  EXPECT_EQ(value("select count(*) from follows where follower_id = 3 or followee_id = 3"), 0);
  EXPECT_EQ(value("select count(*) from comments where author_id = 3 and state <> 2"), 0);
  EXPECT_EQ(value("select follower_count from social_profiles where account_id = 1"), 1);  // ben
  EXPECT_EQ(value("select comment_count from posts where id = 20"), 1);                    // ann's
  EXPECT_THAT(miscounts(), IsEmpty());
  EXPECT_THAT(touched_, testing::UnorderedElementsAre(20, 10, 20, 21));
}

TEST_F(UpkeepTest, ErasureInSmallChunksEndsInTheSame) {
  EXPECT_GT(erase(cho, 1), 5);
  EXPECT_EQ(value("select count(*) from post_likes where account_id = 3"), 0);
  EXPECT_EQ(value("select count(*) from follows where follower_id = 3 or followee_id = 3"), 0);
  EXPECT_THAT(miscounts(), IsEmpty());
}

TEST_F(UpkeepTest, ErasureRemovesBothSidesOfBlocksAndMutesMarksAndTheTextOfReports) {
  write([](db::Transaction& tx) {
    insert_block(tx, cho, ann, now);
    insert_block(tx, ben, cho, now);
    insert_mute(tx, cho, ben, now);
    insert_mute(tx, ann, cho, now);
    insert_mute(tx, ann, ben, now);
    tx.execute("insert into feed_marks (account_id, marks, updated_at) values (3, x'', 0)");
    insert_report(tx, {40, cho, {20, {}, {}}, "private words", ReportState::open, now, {}});
    insert_report(tx, {41, ann, {20, {}, {}}, "kept", ReportState::open, now, {}});
  });
  erase(cho, 200);
  EXPECT_EQ(value("select count(*) from blocks"), 0);
  EXPECT_EQ(value("select count(*) from mutes"), 1);
  EXPECT_EQ(value("select count(*) from feed_marks"), 0);
  EXPECT_EQ(value("select count(*) from reports where reason = ''"), 1);
  EXPECT_EQ(value("select count(*) from reports where reason = 'kept'"), 1);
}

TEST_F(UpkeepTest, ErasedPostsAlsoHiddenOnesAreDeletedAndThenPurgedWithAllThatHangsOnThem) {
  write([](db::Transaction& tx) {
    ASSERT_TRUE(move_post(tx, 21, ben, ContentState::shown, ContentState::hidden));
  });
  erase(ben, 200);
  EXPECT_EQ(value("select count(*) from posts where author_id = 2 and state <> 2"), 0);
  EXPECT_EQ(value("select post_count from social_profiles where account_id = 2"), 0);
  purge_everything();
  EXPECT_EQ(value("select count(*) from posts"), 1);
  EXPECT_EQ(value("select count(*) from post_likes"), 1);
  EXPECT_EQ(value("select count(*) from comments"), 0);
  EXPECT_THAT(miscounts(), IsEmpty());
}

TEST_F(UpkeepTest, PurgeRemovesDeletedCommentsAndNothingThatIsShown) {
  write([](db::Transaction& tx) {
    ASSERT_TRUE(move_comment(tx, 30, 20, ContentState::shown, ContentState::deleted));
  });
  purge_everything();
  EXPECT_EQ(value("select id from comments"), 31);
  EXPECT_EQ(value("select count(*) from posts"), 3);
  EXPECT_EQ(value("select count(*) from post_likes"), 3);
}

TEST_F(UpkeepTest, EveryCounterThatIsOffIsFoundAndCorrected) {
  EXPECT_THAT(miscounts(), IsEmpty());
  write([](db::Transaction& tx) {
    tx.execute("update posts set like_count = 7, comment_count = 8 where id = 20");
    tx.execute(
        "update social_profiles set post_count = 5, follower_count = 6, following_count = 7 "
        "where account_id = 1");
  });
  const auto found = miscounts();
  std::vector<std::string> names;
  for (const Miscount& miscount : found) names.push_back(miscount.counter);
  EXPECT_THAT(names,
              ElementsAre("posts.like_count", "posts.comment_count", "social_profiles.post_count",
                          "social_profiles.follower_count", "social_profiles.following_count"));
  EXPECT_EQ(found.front().stored, 7);
  EXPECT_EQ(found.front().counted, 1);
  write([&](db::Transaction& tx) {
    for (const Miscount& miscount : found) correct(tx, miscount);
  });
  EXPECT_THAT(miscounts(), IsEmpty());
  EXPECT_EQ(value("select follower_count from social_profiles where account_id = 1"), 2);
  EXPECT_EQ(value("select comment_count from posts where id = 20"), 2);
}

}  // namespace
}  // namespace madang::social
