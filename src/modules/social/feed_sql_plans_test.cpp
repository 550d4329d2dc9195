// What the feed's statements read on MariaDB, whose optimizer chooses by figures that may be wrong:
// they are taken when a table is opened, and a store that has grown since still has them.
#include <gtest/gtest.h>

#include <string>

#include "base/random.hpp"
#include "modules/social/feed_sql.hpp"
#include "platform/db/mariadb_test_store.hpp"
#include "platform/db/migrations.hpp"

namespace madang::db {
extern const ModuleSchema events_schema;
extern const ModuleSchema social_schema;
}  // namespace madang::db

namespace madang::social {
namespace {

constexpr std::int64_t authors = 800, followed = 20, posts_each = 25;

/// Rows that this connection has read so far.
std::int64_t rows_read(db::Transaction& tx) {
  return tx
      .value<std::int64_t>(
          "select cast(sum(variable_value) as signed) from information_schema.session_status "
          "where variable_name like 'Handler_read%'")
      .value_or(0);
}

class FeedSqlOnMariaDb : public testing::Test {
 protected:
  FeedSqlOnMariaDb() : db_(store_.open({}, registry_)) {
    const db::ModuleSchema* const modules[] = {&db::events_schema, &db::social_schema};
    db::migrate(*db_, modules);
    const auto name = [](db::Transaction& tx) -> Result<std::string> {
      return tx.value<std::string>("select database()").value();
    };
    name_ = db_->read_blocking(name).value();
    fill();
  }
  ~FeedSqlOnMariaDb() override { db_->close(); }

  static void run(const std::string& sql) { db::server().run(sql); }
  std::string table(const char* of) const { return name_ + "." + of; }

  /// The viewer, account 1, follows some of those who post. The optimizer keeps the figures of the
  /// empty tables.
  void fill() {
    for (const char* of : {"posts", "follows"})
      run("alter table " + table(of) + " stats_auto_recalc = 0");
    const std::string at = std::to_string(to_micros(now_ - std::chrono::hours(1)));
    const std::string first_id = std::to_string(first_id_at(now_ - std::chrono::hours(1)));
    run("insert into " + table("posts") + " select " + first_id + " + seq, 2 + seq % " +
        std::to_string(authors) + ", 'text', 0, 0, 0, " + at + ", null from " +
        numbers(authors * posts_each));
    run("insert into " + table("follows") + " select 1, 1 + seq, " + at + " from " +
        numbers(followed));
  }

  std::string numbers(std::int64_t up_to) const {
    return name_ + ".seq_1_to_" + std::to_string(up_to);
  }

  /// Rows that `work` read.
  template <class Work>
  std::int64_t cost(Work work) {
    const auto body = [&](db::Transaction& tx) -> Result<std::int64_t> {
      const std::int64_t counting = -(rows_read(tx) - rows_read(tx));
      const std::int64_t before = rows_read(tx);
      work(tx);
      return rows_read(tx) - before - counting;
    };
    return db_->read_blocking(body).value();
  }

  db::MariaDbStore store_;
  metrics::Registry registry_;
  std::unique_ptr<db::Database> db_;
  std::string name_;
  const Time now_ = SystemClock().now();
};

/// A few times what the followed ever wrote, and far from all that anybody wrote.
constexpr std::int64_t enough = 6 * followed * posts_each;
static_assert(enough < authors * posts_each / 2);

TEST_F(FeedSqlOnMariaDb, ReadsThePostsOfThoseWhoAreFollowedWhateverTheOptimizerBelieves) {
  for (const bool analyzed : {false, true}) {
    if (analyzed) run("analyze table " + table("posts") + ", " + table("follows"));
    const std::string what = analyzed ? "analyzed" : "as of the empty tables";
    std::size_t found = 0;
    const auto build = [&](db::Transaction& tx) {
      found = feed_snapshot_from_sql(tx, 1, now_, {}).items.size();
    };
    EXPECT_LT(cost(build), enough) << what;
    EXPECT_EQ(found, followed * posts_each) << what;
    const auto first_page = [&](db::Transaction& tx) {
      found = feed_page_from_sql(tx, 1, now_, {}, 20, {}, {}).items.size();
    };
    EXPECT_LT(cost(first_page), enough) << what;
    EXPECT_EQ(found, 20) << what;
    const FeedCursor cursor{FeedPart::archive, max_id, now_ + std::chrono::hours(24 * 30), 0};
    const auto archive = [&](db::Transaction& tx) {
      found = archive_page_from_sql(tx, 1, cursor, 20, {}).items.size();
    };
    EXPECT_LT(cost(archive), enough) << what;
    EXPECT_EQ(found, 20) << what;
  }
}

}  // namespace
}  // namespace madang::social
