// A store with accounts and posts, the real outbox and dispatcher, and words for what people do.
#pragma once

#include <gmock/gmock.h>
#include <stdlib.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <string>

#include "../../../tests/support/test_database.hpp"
#include "modules/notifications/service.hpp"
#include "modules/notifications/subscriber.hpp"
#include "modules/social/events.hpp"
#include "platform/events/sequencer.hpp"
#include "platform/runtime/io_pool.hpp"

namespace madang::db {
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
extern const ModuleSchema social_schema;
extern const ModuleSchema notifications_schema;
}  // namespace madang::db

namespace madang::notifications::test {

using namespace std::chrono_literals;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "madang-notifications-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

class NotificationsTest : public testing::Test {
 protected:
  static constexpr Id ann = 1, ben = 2, cho = 3, dan = 4;
  static constexpr Id post = 100, other_post = 101;  // both by ann

  NotificationsTest() {
    const std::array<const db::ModuleSchema*, 4> schemas{
        &db::events_schema, &db::identity_schema, &db::social_schema, &db::notifications_schema};
    db::migrate(*db_, schemas);
    ids_.extend(clock_.now() + std::chrono::days(1000));
    for (const char* name : {"ann", "ben", "cho", "dan"}) add_account(++accounts_, name);
    add_post(post, "hello yard");
    add_post(other_post, "another");
    start_dispatcher();
    sequencer_.start();
  }
  ~NotificationsTest() override {
    dispatcher_.reset();
    sequencer_.stop();
    db_->close();
    pool_.stop();
  }

  void start_dispatcher() {
    dispatcher_.emplace(*db_, clock_, events::DispatcherOptions{}, "test", registry_);
    dispatcher_->add(subscriber_);
    dispatcher_->start();
  }
  /// Every event once more, as after a restore of an older position.
  void hand_out_everything_again() {
    dispatcher_.reset();
    sql("update event_positions set seq = 0");
    start_dispatcher();
    dispatcher_->drain();
  }

  template <class... A>
  void sql(std::string_view text, const A&... arguments) {
    const auto done = db_->write_blocking([&](db::Transaction& tx) -> Result<std::int64_t> {
      return tx.execute(text, arguments...);
    });
    ASSERT_TRUE(done);
  }
  template <class T, class... A>
  T query(std::string_view text, const A&... arguments) {
    return *db_->read_blocking(
        [&](db::Transaction& tx) -> Result<T> { return tx.value<T>(text, arguments...).value(); });
  }
  void add_account(Id id, const std::string& name) {
    sql("insert into accounts (id, email, email_key, handle, handle_key, name, name_key, bio, "
        "password_hash, is_admin, state, created_at, updated_at) "
        "values (?, ?, ?, ?, ?, ?, ?, '', '', 0, 0, 0, 0)",
        id, name, name, name, name, name, name);
    sql("insert into social_profiles (account_id, visible, post_count, follower_count, "
        "following_count) values (?, 1, 0, 0, 0)",
        id);
  }
  void add_post(Id id, const std::string& text) {
    sql("insert into posts (id, author_id, body, state, like_count, comment_count, created_at) "
        "values (?, 1, ?, 0, 0, 0, 0)",
        id, text);
  }

  /// Appends an event without waiting for its effect.
  template <class T>
  void emit(std::string_view type, Id aggregate, const T& payload) {
    const auto done = db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
      outbox_.append(tx, type, aggregate, payload);
      return {};
    });
    ASSERT_TRUE(done);
  }
  template <class T>
  void happen(std::string_view type, Id aggregate, const T& payload) {
    emit(type, aggregate, payload);
    dispatcher_->drain();
    ASSERT_EQ(query<int>("select count(*) from event_parked"), 0)
        << query<std::string>("select reason from event_parked limit 1");
  }
  void like(Id actor, Id of = post) {
    happen(social::post_liked, of, social::LikeEvent{1, of, ann, actor});
  }
  void unlike(Id actor, Id of = post) {
    happen(social::post_unliked, of, social::LikeEvent{1, of, ann, actor});
  }
  void comment(Id actor, Id id, Id of = post) {
    happen(social::comment_created, of, social::CommentEvent{1, of, ann, id, actor});
  }
  void uncomment(Id actor, Id id, Id of = post) {
    happen(social::comment_deleted, of, social::CommentEvent{1, of, ann, id, actor});
  }
  void follow(Id actor) {
    happen(social::account_followed, actor, social::FollowEvent{1, actor, ann});
  }
  void unfollow(Id actor) {
    happen(social::account_unfollowed, actor, social::FollowEvent{1, actor, ann});
  }
  void delete_post(Id id = post) {
    sql("update posts set state = 2 where id = ?", id);
    happen(social::post_deleted, id, social::PostEvent{1, id, ann, {}});
  }

  template <class T>
  T run(Task<T> task) {
    return asio::co_spawn(pool_.any(), std::move(task), asio::use_future).get();
  }
  NotificationPage list(Id account = ann, http::PageQuery page = {}) {
    return run(service_.list(Deadline::never(), account, std::move(page))).value();
  }
  std::int64_t read_up_to(Id id, Id account = ann) {
    return run(service_.mark_read(Deadline::never(), account, id)).value().unread;
  }
  realtime::ReplayPage replay(std::optional<Id> after, std::int64_t limit = 100, Id account = ann) {
    return run(service_.read(account, after, limit, Deadline::never())).value();
  }

  TemporaryFolder folder_;
  metrics::Registry registry_;
  ManualClock clock_{Time(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21))};
  runtime::IoPool pool_{2};
  std::unique_ptr<db::Database> db_ = db::open_test_database(folder_ / "store.db", registry_);
  IdGenerator ids_{clock_, 1, clock_.now()};
  events::Outbox outbox_{clock_};
  realtime::Hub hub_{{}, registry_};
  Subscriber subscriber_{ids_, hub_};
  Service service_{*db_, clock_, hub_};
  std::optional<events::Dispatcher> dispatcher_;
  events::Sequencer sequencer_{*db_, {.tick = std::chrono::milliseconds(1)}, "test", registry_};

 private:
  Id accounts_ = 0;
};

}  // namespace madang::notifications::test
