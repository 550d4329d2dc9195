// Pages when something is not there: posts that the store names and that are gone; the store.
#include "modules/social/feed_store_redis_fixture.hpp"
#include "modules/social/feeds_model.hpp"

namespace madang::social {
namespace {

using namespace std::chrono_literals;

constexpr Id reader = 1, author = 2;

/// Somebody who follows an author of three posts.
class FeedsTown : public testing::Test {
 protected:
  explicit FeedsTown(std::unique_ptr<FeedStore> store) : owned_(std::move(store)) {
    const db::ModuleSchema* const modules[] = {&db::http_schema, &db::events_schema,
                                               &db::identity_schema, &db::media_schema,
                                               &db::social_schema};
    db::migrate(*db_, modules);
    ids_.extend(clock_.now() + std::chrono::days(1));
    for (Id& post : posts_) post = ids_.next().value();
    write([&](db::Transaction& tx) {
      add_account(tx, reader, "reader");
      add_account(tx, author, "author");
      insert_follow(tx, reader, author, clock_.now());
      for (const Id post : posts_)
        insert_post(tx, {post, author, "a post", 0, 0, clock_.now(), {}}, {});
    });
  }
  ~FeedsTown() override { db_->close(); }

  static ManualClock& the_clock() {
    static ManualClock clock(id_epoch + std::chrono::days(40));
    return clock;
  }
  void finish_builds() {
    while (tasks_.running() > 0) io_.run_one_for(10ms);
  }

  static void add_account(db::Transaction& tx, Id id, std::string_view name) {
    tx.execute(
        "insert into accounts (id, handle, handle_key, name, name_key, bio, password_hash, "
        "is_admin, state, created_at, updated_at) values (?, ?, ?, ?, ?, '', '', 0, 0, 0, 0)",
        id, name, name, name, name);
    insert_profile(tx, id);
  }
  template <class Body>
  void write(Body body) {
    ASSERT_TRUE(db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
      body(tx);
      return {};
    }));
  }
  /// The ids on the reader's first page.
  std::vector<Id> page() {
    std::vector<Id> out;
    degraded_ = {};
    const Result<Feeds::Page> page = test::run_task(
        io_, feeds_.read_page(Deadline::after(30s), reader, {}, 10, false, &degraded_));
    for (const auto& item : boost::json::parse("[" + page->items + "]").as_array())
      out.push_back(item.at("post").at("id").to_number<Id>());
    return out;
  }
  void move(Id post, ContentState from, ContentState to) {
    write([&](db::Transaction& tx) { ASSERT_TRUE(move_post(tx, post, author, from, to)); });
    test::run_task(io_, cache_.forget_post(post));
  }

  feeds_model::Folder folder_;
  metrics::Registry registry_;
  ManualClock& clock_ = the_clock();
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<db::Database> db_ = db::open_test_database(folder_.file(), registry_);
  IdGenerator ids_{clock_, 1, clock_.now()};
  events::Outbox outbox_{clock_};
  PostCache cache_{*db_, 1000, 100, registry_};
  Context context_{*db_, ids_, clock_, outbox_, cache_};
  std::unique_ptr<FeedStore> owned_;
  FeedStore& store_ = *owned_;
  runtime::TaskGroup tasks_{"feeds", registry_};
  Feeds feeds_{context_, store_, tasks_, registry_};
  std::array<Id, 3> posts_{};
  resilience::Degraded degraded_;
};

class FeedsGoneTest : public FeedsTown {
 protected:
  FeedsGoneTest() : FeedsTown(std::make_unique<MemoryFeedStore>(MemoryFeedOptions{})) {
    page();  // from SQL, and the feed is built
    finish_builds();
    page();
    EXPECT_EQ(store_.stats().entries, posts_.size());
    cold_reads_ = store_.stats().cold_reads;
  }

  std::uint64_t cold_reads_ = 0;
};

std::unique_ptr<FeedStore> young_store(const Clock& clock) {
  FeedRedis::shared().begin_anew();
  return std::make_unique<RedisFeedStore>(RedisFeedOptions{.read_patience = 5s, .young = 500ms},
                                          FeedRedis::shared().client(), clock);
}

class FeedsYoungTest : public FeedsTown {
 protected:
  FeedsYoungTest() : FeedsTown(young_store(the_clock())) {}
};

// Erasing an account deletes its posts without an event for each.
TEST_F(FeedsGoneTest, ADeletedOneIsDroppedFromTheFeedThatNamedIt) {
  move(posts_[1], ContentState::shown, ContentState::deleted);
  EXPECT_EQ(page(), (std::vector<Id>{posts_[2], posts_[0]}));
  EXPECT_EQ(store_.stats().entries, 2u);
  EXPECT_EQ(page(), (std::vector<Id>{posts_[2], posts_[0]}));
  EXPECT_EQ(store_.stats().cold_reads, cold_reads_);  // all from memory
}

TEST_F(FeedsGoneTest, OneWhoseRowIsPurgedToo) {
  write([&](db::Transaction& tx) { tx.execute("delete from posts where id = ?", posts_[0]); });
  test::run_task(io_, cache_.forget_post(posts_[0]));
  EXPECT_EQ(page(), (std::vector<Id>{posts_[2], posts_[1]}));
  EXPECT_EQ(store_.stats().entries, 2u);
}

TEST_F(FeedsGoneTest, AHiddenOneStaysForItMayComeBack) {
  move(posts_[1], ContentState::shown, ContentState::hidden);
  EXPECT_EQ(page(), (std::vector<Id>{posts_[2], posts_[0]}));
  EXPECT_EQ(store_.stats().entries, 3u);
  move(posts_[1], ContentState::hidden, ContentState::shown);
  EXPECT_EQ(page(), (std::vector<Id>{posts_[2], posts_[1], posts_[0]}));
}

TEST_F(FeedsGoneTest, ThoseOfAnAuthorWhoCannotBeSeenStayForTheAuthorMayComeBack) {
  const auto set_visible = [&](bool visible) {
    write([&](db::Transaction& tx) { set_profile_visible(tx, author, visible); });
    test::run_task(io_, cache_.forget_author(author));
  };
  set_visible(false);
  EXPECT_TRUE(page().empty());
  EXPECT_EQ(store_.stats().entries, 3u);
  set_visible(true);
  EXPECT_EQ(page().size(), 3u);
  EXPECT_EQ(store_.stats().cold_reads, cold_reads_);
}

// A Redis that is new, empty or has changed hands holds no feeds for a moment.
TEST_F(FeedsYoungTest, SaysThatItDoesWithoutTheStoreUntilThatMayHoldFeeds) {
  EXPECT_EQ(page().size(), 3u);
  EXPECT_EQ(degraded_.header(), "feed-from-sql");
  ASSERT_TRUE(redis::eventually([&] {
    page();
    return degraded_.empty();
  }));
  finish_builds();
  EXPECT_EQ(page().size(), 3u);
  EXPECT_TRUE(degraded_.empty());
}

}  // namespace
}  // namespace madang::social
