// SQL's answers, held against the plain rules (feed_reference.hpp): a random world is written
// twice, into vectors and into SQLite, and every list is paged through on both sides while it goes
// on changing. Then memory is built from SQL's snapshots, and has to agree as well.
#include <gtest/gtest.h>

#include <filesystem>

#include "../../../tests/support/test_database.hpp"
#include "base/random.hpp"
#include "modules/social/feed_reference.hpp"
#include "modules/social/feed_sql.hpp"
#include "modules/social/feed_store_memory.hpp"
#include "platform/db/migrations.hpp"

namespace madang::db {
extern const ModuleSchema events_schema;
extern const ModuleSchema social_schema;
}  // namespace madang::db

namespace madang::social {
namespace {

using namespace std::chrono_literals;

constexpr FeedLimits small{.max_live = 12, .slack = 4};
constexpr Id people = 6;

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/madang-feed-XXXXXX";
    if (mkdtemp(name) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path file() const { return path_ / "test.sqlite"; }

 private:
  std::filesystem::path path_;
};

/// The world, twice.
class Twins {
 public:
  explicit Twins(std::uint64_t seed) : random_(seed) {
    const db::ModuleSchema* const modules[] = {&db::events_schema, &db::social_schema};
    db::migrate(*db_, modules);
    sql([](db::Transaction& tx) {
      for (Id id = 1; id <= people; ++id) insert_profile(tx, id);
    });
  }
  ~Twins() { db_->close(); }

  /// Changes something, or lets time pass.
  void step() {
    const Id one = person();
    const Id other = person();
    switch (random_.below(10)) {
      case 0:
      case 1:
      case 2:
        return post(one);
      case 3:
        if (one != other) follow(one, other);
        return;
      case 4:
        world.unfollow(one, other);
        return sql([&](db::Transaction& tx) { delete_follow(tx, one, other); });
      case 5:
        return erase();
      case 6:
        return see(one);
      default:
        now += std::chrono::minutes(random_.below(random_.below(4) == 0 ? 3000 : 200));
    }
  }

  FeedListPage from_sql(Id viewer, const std::optional<FeedCursor>& cursor, std::size_t limit) {
    SqlFeedPage page;
    sql([&](db::Transaction& tx) {
      page = feed_page_from_sql(tx, viewer, cursor ? cursor->begun : now, cursor, limit, small, {});
    });
    FeedListPage out;
    for (const auto& [item, part] : page.items) out.items.push_back({item.post, part});
    out.next = page.next;
    return out;
  }

  FeedSnapshot snapshot(Id viewer) {
    FeedSnapshot out;
    sql([&](db::Transaction& tx) { out = feed_snapshot_from_sql(tx, viewer, now, small); });
    return out;
  }

  template <class Body>
  void sql(Body body) {
    const auto done = db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
      body(tx);
      return {};
    });
    ASSERT_TRUE(done.has_value());
  }

  Id person() { return static_cast<Id>(random_.below(people)) + 1; }
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

  FeedWorld world{small};
  Time now = id_epoch + std::chrono::hours(24 * 40);

 private:
  void post(Id author) {
    const FeedPost made = world.add_post(author, now);
    sql([&](db::Transaction& tx) {
      insert_post(tx, PostRow{made.id, author, "text", 0, 0, made.created_at, {}}, {});
    });
  }
  void follow(Id follower, Id followee) {
    if (world.follows(follower, followee)) return;
    world.follow(follower, followee, now);
    sql([&](db::Transaction& tx) { insert_follow(tx, follower, followee, now); });
  }
  void erase() {
    if (world.posts().empty()) return;
    auto at = world.posts().begin();
    std::advance(at, static_cast<std::ptrdiff_t>(random_.below(world.posts().size())));
    if (at->second.deleted) return;
    const FeedPost post = at->second.post;
    world.delete_post(post.id);
    sql([&](db::Transaction& tx) {
      move_post(tx, post.id, post.author, ContentState::shown, ContentState::deleted);
    });
  }
  /// The newest page is shown and its marks are saved.
  void see(Id viewer) {
    UnsavedMarks marks{viewer, {}};
    for (const FeedListed& item : world.page(viewer, {}, now, 5).items)
      marks.marks.push_back({item.post, FeedLife::seconds(now)});
    world.save_marks(marks, now);
    sql([&](db::Transaction& tx) { save_feed_marks(tx, viewer, marks.marks, now); });
  }

  SeededRandom random_;
  Folder folder_;
  metrics::Registry registry_;
  std::unique_ptr<db::Database> db_ = db::open_test_database(folder_.file(), registry_);
};

/// Everything from here on, page by page; the same on both sides, also in the cursors that matter.
void expect_same_list(Twins& twins, Id viewer, std::optional<FeedCursor> cursor,
                      std::size_t& pages) {
  std::optional<FeedCursor> theirs = cursor;
  for (int guard = 0; guard < 200; ++guard) {
    const std::size_t limit = 1 + twins.below(7);
    const FeedListPage plain = twins.world.page(viewer, cursor, twins.now, limit);
    const FeedListPage sql = twins.from_sql(viewer, theirs, limit);
    ASSERT_EQ(plain.items, sql.items) << "viewer " << viewer;
    ASSERT_EQ(plain.next.has_value(), sql.next.has_value());
    ++pages;
    if (!plain.next) return;
    cursor = plain.next;
    theirs = sql.next;
  }
  FAIL() << "a list without an end";
}

TEST(FeedSql, IsThePlainRules) {
  std::size_t pages = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Twins twins(seed);
    std::vector<std::pair<Id, FeedCursor>> open;
    for (int step = 0; step < 250; ++step) {
      twins.step();
      if (testing::Test::HasFatalFailure()) return;
      if (step % 5 != 0) continue;
      const Id viewer = twins.person();
      expect_same_list(twins, viewer, {}, pages);
      if (HasFatalFailure()) return;
      // A list that is begun now and gone on with later, when the world has moved.
      if (const auto first = twins.world.page(viewer, {}, twins.now, 3); first.next)
        open.emplace_back(viewer, *first.next);
      if (open.size() > 3) {
        const auto [who, cursor] = open.front();
        open.erase(open.begin());
        if (twins.now - cursor.begun < 24h) expect_same_list(twins, who, cursor, pages);
        if (HasFatalFailure()) return;
      }
    }
  }
  EXPECT_GT(pages, 1000U);
}

TEST(FeedSql, SnapshotsBuildWhatSqlSays) {
  std::size_t answered = 0;
  for (std::uint64_t seed = 100; seed <= 106; ++seed) {
    SCOPED_TRACE(seed);
    Twins twins(seed);
    MemoryFeedStore store({.limits = small});
    for (int step = 0; step < 250; ++step) {
      twins.step();
      if (step % 4 != 0) continue;
      const Id viewer = twins.person();
      store.invalidate(viewer);
      const auto ticket = store.begin_build(viewer);
      ASSERT_TRUE(ticket);
      ASSERT_EQ(store.finish_build(*ticket, twins.snapshot(viewer)), BuildOutcome::warm);
      const FeedPage memory = store.read(viewer, {.begun = twins.now, .limit = small.max_live});
      ASSERT_EQ(memory.answer, FeedAnswer::page);
      std::vector<FeedListed> live;
      for (const FeedItem& item : memory.items) live.push_back({item.post, FeedPart::live});
      auto sql = twins.from_sql(viewer, {}, small.max_live).items;
      std::erase_if(sql, [](const FeedListed& item) { return item.part == FeedPart::archive; });
      ASSERT_EQ(live, sql);
      answered += live.size();
    }
  }
  EXPECT_GT(answered, 500U);
}

TEST(FeedSql, StatementsDoNotDependOnThePageSize) {
  Twins twins(7);
  for (int i = 0; i < 400; ++i) twins.step();
  const auto count = [&](std::size_t limit) {
    std::int64_t statements = 0;
    twins.sql([&](db::Transaction& tx) {
      const std::int64_t before = tx.statements();
      feed_page_from_sql(tx, 1, twins.now, {}, limit, small, {});
      statements = tx.statements() - before;
    });
    return statements;
  };
  EXPECT_LE(count(1), 4);
  EXPECT_LE(count(100), 4);
}

}  // namespace
}  // namespace madang::social
