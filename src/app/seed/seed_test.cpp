#include "app/seed/seed.hpp"
#include "../../../tests/support/test_database.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/encoding.hpp"
#include "modules/media/storage.hpp"
#include "modules/social/upkeep.hpp"
#include "platform/db/migrations.hpp"
#include "platform/imaging/image_job.hpp"
#include "platform/objects/disk_store.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
extern const ModuleSchema media_schema;
extern const ModuleSchema social_schema;
extern const ModuleSchema seed_schema;
}  // namespace madang::db

namespace madang::app::seed {
namespace {

const Time now = *parse_rfc3339("2026-11-22T03:04:05.678Z");

/// An empty, migrated store that goes away with the test.
class TestStore {
 public:
  TestStore() {
    std::string pattern = (std::filesystem::temp_directory_path() / "madang-seed-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    db_ = db::open_test_database(folder_ / "madang.sqlite", registry_);
    const db::ModuleSchema* const modules[] = {&db::http_schema,     &db::events_schema,
                                               &db::identity_schema, &db::media_schema,
                                               &db::social_schema,   &db::seed_schema};
    db::migrate(*db_, modules);
    objects::DiskOptions options;
    options.root = folder_ / "objects";
    options.free_floor = 0;
    objects_ = std::make_unique<objects::DiskStore>(std::move(options), clock_);
  }
  TestStore(const TestStore&) = delete;
  TestStore& operator=(const TestStore&) = delete;
  ~TestStore() {
    db_->close();
    db_.reset();
    std::filesystem::remove_all(folder_);
  }

  db::Database& db() { return *db_; }
  objects::ObjectStore& objects() { return *objects_; }
  Summary fill(std::uint64_t seed, std::size_t people = 120, std::size_t drawings = 0) {
    const TownOptions options{.people = people, .seed = seed, .drawings = drawings, .now = now};
    return fill_store(*db_, *objects_, options, "hash");
  }
  void run(const std::string& sql) {
    db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
         tx.execute(sql);
         return {};
       })
        .value();
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "objects"))
      count += entry.is_regular_file() ? 1 : 0;
    return count;
  }
  template <class T>
  std::vector<T> column(const std::string& sql) {
    return *db_->read_blocking([&](db::Transaction& tx) -> Result<std::vector<T>> {
      std::vector<T> out;
      tx.each<T>(sql, [&](T value) { out.push_back(std::move(value)); });
      return out;
    });
  }
  std::int64_t number(const std::string& sql) { return column<std::int64_t>(sql).at(0); }

  /// Of everything that was stored.
  std::string hash() {
    std::string all;
    for (const char* sql :
         {"select id || '|' || email || '|' || handle || '|' || name || '|' || bio || '|' || "
          "created_at from accounts order by id",
          "select follower_id || '|' || followee_id || '|' || created_at from follows order by "
          "follower_id, followee_id",
          "select id || '|' || author_id || '|' || body || '|' || like_count || '|' || "
          "comment_count || '|' || created_at from posts order by id",
          "select id || '|' || post_id || '|' || author_id || '|' || body from comments order by "
          "id",
          "select post_id || '|' || account_id || '|' || created_at from post_likes order by "
          "post_id, account_id",
          "select type || '|' || aggregate || '|' || payload || '|' || created_at from outbox "
          "order by seq"})
      for (const std::string& row : column<std::string>(sql)) all += row + "\n";
    return to_hex(sha256(all));
  }

 private:
  std::filesystem::path folder_;
  SystemClock clock_;
  metrics::Registry registry_;
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<objects::DiskStore> objects_;
};

/// A trigger that lets no more than so many rows into a table.
std::string breaks_at(const std::string& table, std::int64_t rows) {
  const std::string full = "(select count(*) from " + table + ") >= " + std::to_string(rows);
  const std::string trigger = "create trigger breaks before insert on " + table;
  if (db::tests_use_mariadb())
    return trigger + " for each row begin if " + full +
           " then signal sqlstate '45000' set message_text = 'interrupted'; end if; end";
  return trigger + " when " + full + " begin select raise(abort, 'interrupted'); end";
}

TEST(Seed, TheSameSeedGivesTheSameTown) {
  TestStore one;
  TestStore other;
  TestStore another;
  one.fill(1);
  other.fill(1);
  another.fill(2);
  EXPECT_EQ(one.hash(), other.hash());
  EXPECT_NE(one.hash(), another.hash());
}

TEST(Seed, EveryCounterEqualsItsRows) {
  TestStore store;
  const Summary made = store.fill(7);
  const auto miscounts =
      store.db().read_blocking([](db::Transaction& tx) -> Result<std::vector<social::Miscount>> {
        return social::find_miscounts(tx, 10);
      });
  ASSERT_TRUE(miscounts);
  EXPECT_TRUE(miscounts->empty());
  EXPECT_EQ(store.number("select count(*) from accounts"), std::int64_t(made.people));
  EXPECT_EQ(store.number("select count(*) from follows"), std::int64_t(made.follows));
  EXPECT_EQ(store.number("select count(*) from posts"), std::int64_t(made.posts));
  EXPECT_EQ(store.number("select count(*) from comments"), std::int64_t(made.comments));
  EXPECT_EQ(store.number("select count(*) from post_likes"), std::int64_t(made.likes));
  EXPECT_GT(store.number("select sum(like_count) from posts"), 0);
}

TEST(Seed, RefusesAStoreWithAccounts) {
  TestStore store;
  store.fill(1);
  const std::string before = store.hash();
  EXPECT_THROW(store.fill(2), std::runtime_error);
  EXPECT_EQ(store.hash(), before);
}

TEST(Seed, RefusesImpossibleOptionsBeforeAnythingIsWritten) {
  TestStore store;
  EXPECT_THROW(store.fill(1, 1), std::runtime_error);
  EXPECT_EQ(store.number("select count(*) from seed_progress"), 0);
  store.fill(1);
}

TEST(Seed, GoesOnWhereItWasInterruptedWithTheTownThatWasPlanned) {
  TestStore whole;
  const Summary made = whole.fill(3);
  const std::string expected = whole.hash();
  // Interrupted at every table in turn: what fills it breaks off half-way.
  for (const char* table : {"accounts", "follows", "posts", "comments", "post_likes", "outbox"}) {
    TestStore store;
    const std::int64_t half = whole.number("select count(*) from " + std::string(table)) / 2;
    store.run(breaks_at(table, half));
    EXPECT_ANY_THROW(store.fill(3)) << table;
    store.run("drop trigger breaks");
    EXPECT_EQ(store.number("select count(*) from seed_progress"), 1) << table;
    const Summary resumed = store.fill(99);  // other options do not count any more
    EXPECT_EQ(resumed.posts, made.posts) << table;
    EXPECT_EQ(store.hash(), expected) << table;
    EXPECT_EQ(store.number("select count(*) from seed_progress"), 0) << table;
    EXPECT_THROW(store.fill(3), Inhabited) << table;
  }
}

TEST(Seed, WhoeverLooksAroundFindsALivingTown) {
  TestStore store;
  store.fill(1, 300);
  const std::string week = std::to_string(to_micros(now - std::chrono::days(7)));
  const std::string me = "(select id from accounts where handle = 'demo')";
  EXPECT_GE(store.number("select count(*) from follows where follower_id = " + me +
                         " and created_at < " + week),
            40);
  EXPECT_GE(store.number("select count(*) from follows where followee_id = " + me), 8);
  EXPECT_GE(store.number("select count(*) from posts where author_id = " + me), 5);
  EXPECT_LE(store.number("select count(*) from outbox"), 60);
  for (const char* type : {"post.liked", "comment.created", "account.followed"})
    EXPECT_GE(store.number("select count(*) from outbox where type = '" + std::string(type) + "'"),
              3)
        << type;
  EXPECT_GE(store.number("select count(*) from posts p join follows f on f.followee_id = "
                         "p.author_id where f.follower_id = " +
                         me + " and p.created_at > " + week),
            60);
}

std::vector<media::Row> media_rows(TestStore& store) {
  std::vector<media::Row> out;
  for (const Id id : store.column<Id>("select id from media order by id"))
    out.push_back(
        *store.db()
             .read_blocking([&](db::Transaction& tx) -> Result<std::optional<media::Row>> {
               return media::find(tx, id);
             })
             .value());
  return out;
}

/// One test for all that hangs on pictures: drawing them is what takes the time.
TEST(Seed, PicturesAreLikeUploadedOnes) {
  TestStore store;
  const Summary made = store.fill(1, min_people, scene_count);
  const auto rows = media_rows(store);
  ASSERT_EQ(rows.size(), made.pictures);
  ASSERT_GT(rows.size(), min_people);
  std::size_t files = 0;
  std::set<std::string> tokens;
  for (const media::Row& row : rows) {
    EXPECT_EQ(row.state, media::RowState::ready);
    ASSERT_TRUE(row.user);
    EXPECT_TRUE(tokens.insert(row.token).second);
    const bool avatar = row.purpose == media::Purpose::avatar;
    EXPECT_EQ(row.variants.size(), avatar ? 4u : 6u);
    const auto original = store.objects().get(media::original_key(row), 1 << 24);
    ASSERT_TRUE(original);
    EXPECT_EQ(original->bytes.size(), static_cast<std::size_t>(row.bytes));
    EXPECT_EQ(original->info.content_type, row.content_type);
    for (const media::StoredVariant& variant : row.variants) {
      const auto object = store.objects().get(media::variant_key(row, variant.file), 1 << 24);
      ASSERT_TRUE(object) << variant.file;
      EXPECT_EQ(object->info.content_type, variant.content_type);
      const auto format = imaging::sniff(object->bytes);
      ASSERT_TRUE(format);
      EXPECT_EQ(imaging::content_type(*format), variant.content_type);
      EXPECT_LE(variant.width, avatar ? 256 : 1280);
    }
    files += row.variants.size() + 1;
  }
  EXPECT_EQ(store.files(), files);
  EXPECT_EQ(store.number("select count(*) from media m where purpose = 1 and exists (select 1 "
                         "from accounts a where a.id = m.user_id and a.id = m.owner_id and "
                         "a.avatar_id = m.id and a.avatar_url like '/media/' || m.id || '-%.jpg')"),
            store.number("select count(*) from media where purpose = 1"));
  EXPECT_EQ(store.number("select count(*) from media m where purpose = 0 and exists (select 1 "
                         "from post_media p join posts q on q.id = p.post_id where p.media_id = "
                         "m.id and p.post_id = m.user_id and q.author_id = m.owner_id)"),
            store.number("select count(*) from media where purpose = 0"));
}

}  // namespace
}  // namespace madang::app::seed
