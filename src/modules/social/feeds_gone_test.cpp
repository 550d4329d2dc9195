// Posts that a page from memory names and that are not there any more.
#include "modules/social/feeds_model.hpp"

namespace madang::social {
namespace {

using namespace std::chrono_literals;

constexpr Id reader = 1, author = 2;

class FeedsGoneTest : public testing::Test {
 protected:
  FeedsGoneTest() {
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
    page();  // from SQL, and the feed is built
    while (tasks_.running() > 0) io_.run_one_for(10ms);
    page();
    EXPECT_EQ(store_.stats().entries, posts_.size());
    cold_reads_ = store_.stats().cold_reads;
  }
  ~FeedsGoneTest() override { db_->close(); }

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
    const Result<Feeds::Page> page =
        test::run_task(io_, feeds_.read_page(Deadline::after(30s), reader, {}, 10, false));
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
  ManualClock clock_{id_epoch + std::chrono::days(40)};
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<db::Database> db_ = db::open_test_database(folder_.file(), registry_);
  IdGenerator ids_{clock_, 1, clock_.now()};
  events::Outbox outbox_{clock_};
  PostCache cache_{*db_, 1000, 100, registry_};
  Context context_{*db_, ids_, clock_, outbox_, cache_};
  MemoryFeedStore store_{{}};
  runtime::TaskGroup tasks_{"feeds", registry_};
  Feeds feeds_{context_, store_, tasks_, registry_};
  std::array<Id, 3> posts_{};
  std::uint64_t cold_reads_ = 0;
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

}  // namespace
}  // namespace madang::social
