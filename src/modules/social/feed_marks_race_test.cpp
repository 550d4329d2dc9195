// Instances that save views of the same people at the same time lose none of each other's.
#include <gtest/gtest.h>

#include <thread>

#include "modules/social/feed_sql.hpp"
#include "platform/db/any_test_store.hpp"
#include "platform/db/migrations.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
extern const ModuleSchema media_schema;
extern const ModuleSchema social_schema;
}  // namespace madang::db

namespace madang::social {
namespace {

class FeedMarksRace : public testing::TestWithParam<db::TestEngine> {
 protected:
  FeedMarksRace() {
    const db::ModuleSchema* const modules[] = {&db::http_schema, &db::events_schema,
                                               &db::identity_schema, &db::media_schema,
                                               &db::social_schema};
    db::migrate(*db_, modules);
  }
  ~FeedMarksRace() override { db_->close(); }

  /// As Feeds::save_marks() does: what fails is saved again later.
  void save(Id viewer, FeedMark mark) {
    for (int tries = 0; tries < 100; ++tries) {
      try {
        const auto saved = db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
          save_feed_marks(tx, viewer, std::span(&mark, 1), now_);
          return {};
        });
        if (saved) return;
      } catch (const std::exception&) {
        continue;  // two inserted the first ones at once
      }
    }
    ADD_FAILURE() << "not saved";
  }

  db::AnyStore store_{GetParam()};
  metrics::Registry registry_;
  std::unique_ptr<db::Database> db_ = store_.open(registry_);
  const Time now_ = id_epoch + std::chrono::days(40);
};

TEST_P(FeedMarksRace, NothingIsLost) {
  constexpr Id viewers = 3;
  constexpr Id each = 40;
  constexpr Id instances = 3;
  const FeedSeconds seen = FeedLife::seconds(now_);
  {
    std::vector<std::jthread> threads;
    for (Id instance = 0; instance < instances; ++instance)
      threads.emplace_back([this, instance, seen] {
        for (Id i = 0; i < each; ++i)
          for (Id viewer = 1; viewer <= viewers; ++viewer)
            save(viewer, {1 + i * instances + instance, seen});
      });
  }
  for (Id viewer = 1; viewer <= viewers; ++viewer) {
    const auto marks =
        db_->read_blocking([&](db::Transaction& tx) -> Result<std::vector<FeedMark>> {
          return load_feed_marks(tx, viewer);
        });
    EXPECT_EQ(marks->size(), std::size_t(instances * each)) << viewer;
  }
}

INSTANTIATE_TEST_SUITE_P(, FeedMarksRace, testing::ValuesIn(db::test_engines), db::engine_name);

}  // namespace
}  // namespace madang::social
