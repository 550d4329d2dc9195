#include "modules/notifications/notifications.hpp"

#include "modules/notifications/notifications_fixture.hpp"

namespace madang::notifications::test {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class Grouping : public NotificationsTest {};

TEST_F(Grouping, ALikeTellsThePostsAuthor) {
  like(ben);
  const NotificationPage page = list();
  ASSERT_THAT(page.items, SizeIs(1));
  const Notification& item = page.items[0];
  EXPECT_EQ(item.type, Type::like);
  EXPECT_EQ(item.actor.handle, "ben");
  EXPECT_EQ(item.actor_count, 1);
  ASSERT_TRUE(item.post);
  EXPECT_EQ(item.post->id, post);
  EXPECT_EQ(item.post->text, "hello yard");
  EXPECT_EQ(item.created_at, clock_.now());
  EXPECT_FALSE(item.read);
  EXPECT_EQ(page.unread, 1);
  EXPECT_THAT(list(ben).items, IsEmpty());
}

TEST_F(Grouping, NobodyIsToldOfTheirOwnDeeds) {
  like(ann);
  comment(ann, 900);
  EXPECT_THAT(list().items, IsEmpty());
}

TEST_F(Grouping, LikesOfOnePostAreOneThreadThatMovesForward) {
  like(ben);
  const Id first = list().items[0].id;
  like(cho);
  like(dan);
  like(ben, other_post);
  const NotificationPage page = list();
  ASSERT_THAT(page.items, SizeIs(2));
  EXPECT_EQ(page.items[0].post->id, other_post);
  EXPECT_EQ(page.items[1].actor.handle, "dan");
  EXPECT_EQ(page.items[1].actor_count, 3);
  EXPECT_GT(page.items[1].id, first);
  EXPECT_EQ(page.unread, 2);
}

TEST_F(Grouping, WhatComesAfterReadingIsANewThread) {
  like(ben);
  EXPECT_EQ(read_up_to(list().items[0].id), 0);
  like(cho);
  const NotificationPage page = list();
  ASSERT_THAT(page.items, SizeIs(2));
  EXPECT_FALSE(page.items[0].read);
  EXPECT_EQ(page.items[0].actor_count, 1);
  EXPECT_TRUE(page.items[1].read);
  EXPECT_EQ(page.unread, 1);
}

TEST_F(Grouping, HandingEventsOutAgainChangesNothing) {
  like(ben);
  like(cho);
  comment(ben, 900);
  comment(ben, 901);
  follow(dan);
  const NotificationPage before = list();
  const auto last = query<Id>("select max(id) from notifications");
  hand_out_everything_again();
  const NotificationPage after = list();
  EXPECT_EQ(json::to_json(after), json::to_json(before));
  EXPECT_EQ(query<Id>("select max(id) from notifications"), last);
}

TEST_F(Grouping, LikeUnlikeLikeTellsOnce) {
  like(ben);
  const Id first = list().items[0].id;
  unlike(ben);
  EXPECT_THAT(list().items, IsEmpty());
  EXPECT_EQ(list().unread, 0);
  like(ben);
  ASSERT_THAT(list().items, SizeIs(1));
  EXPECT_EQ(list().items[0].id, first);  // quietly back: no listener hears of it again
  EXPECT_EQ(list().items[0].actor_count, 1);
  EXPECT_EQ(list().unread, 1);
}

TEST_F(Grouping, LikingAgainAfterItWasReadTellsNothing) {
  like(ben);
  read_up_to(list().items[0].id);
  unlike(ben);
  like(ben);
  ASSERT_THAT(list().items, SizeIs(1));
  EXPECT_EQ(list().items[0].actor_count, 1);
  EXPECT_TRUE(list().items[0].read);
  EXPECT_EQ(list().unread, 0);
}

TEST_F(Grouping, AnUnlikeTakesOneAwayAndShowsTheOneBefore) {
  like(ben);
  like(cho);
  like(dan);
  unlike(dan);
  EXPECT_EQ(list().items[0].actor.handle, "cho");
  EXPECT_EQ(list().items[0].actor_count, 2);
  unlike(dan);
  EXPECT_EQ(list().items[0].actor_count, 2);
  unlike(ben);
  EXPECT_EQ(list().items[0].actor.handle, "cho");
  EXPECT_EQ(list().items[0].actor_count, 1);
}

TEST_F(Grouping, AnEmptiedThreadIsTakenUpByTheNext) {
  like(ben);
  const Id first = list().items[0].id;
  unlike(ben);
  like(cho);
  ASSERT_THAT(list().items, SizeIs(1));
  EXPECT_GT(list().items[0].id, first);
  EXPECT_EQ(list().items[0].actor.handle, "cho");
  EXPECT_EQ(list().items[0].actor_count, 1);
  like(ben);
  EXPECT_EQ(list().items[0].actor_count, 2);
}

TEST_F(Grouping, SomebodyWhoCommentsTwiceIsOneActor) {
  comment(ben, 900);
  const Id first = list().items[0].id;
  comment(ben, 901);
  ASSERT_THAT(list().items, SizeIs(1));
  EXPECT_EQ(list().items[0].actor_count, 1);
  EXPECT_EQ(list().items[0].comment_id, 901);
  EXPECT_GT(list().items[0].id, first);
  comment(cho, 902);
  EXPECT_EQ(list().items[0].actor_count, 2);
  uncomment(cho, 902);
  EXPECT_EQ(list().items[0].comment_id, 901);
  EXPECT_EQ(list().items[0].actor_count, 1);
  uncomment(ben, 901);
  EXPECT_EQ(list().items[0].comment_id, 900);
  EXPECT_EQ(list().items[0].actor_count, 1);
  uncomment(ben, 900);
  EXPECT_THAT(list().items, IsEmpty());
  EXPECT_EQ(list().unread, 0);
}

TEST_F(Grouping, ACommentAfterReadingTellsAgain) {
  comment(ben, 900);
  read_up_to(list().items[0].id);
  comment(ben, 901);
  EXPECT_THAT(list().items, SizeIs(2));
  EXPECT_EQ(list().unread, 1);
}

TEST_F(Grouping, NewFollowersOfADayAreOneThread) {
  follow(ben);
  follow(cho);
  ASSERT_THAT(list().items, SizeIs(1));
  EXPECT_EQ(list().items[0].type, Type::follow);
  EXPECT_EQ(list().items[0].actor_count, 2);
  EXPECT_FALSE(list().items[0].post);
  clock_.advance(24h);
  follow(dan);
  ASSERT_THAT(list().items, SizeIs(2));
  EXPECT_EQ(list().items[0].actor.handle, "dan");
  unfollow(ben);
  follow(ben);  // the next day: was counted once
  EXPECT_EQ(list().items[0].actor_count, 1);
  EXPECT_EQ(list().items[1].actor_count, 2);
}

TEST_F(Grouping, ADeletedPostsThreadsGo) {
  like(ben);
  comment(cho, 900);
  like(ben, other_post);
  delete_post();
  const NotificationPage page = list();
  ASSERT_THAT(page.items, SizeIs(1));
  EXPECT_EQ(page.items[0].post->id, other_post);
  EXPECT_EQ(page.unread, 1);
}

TEST_F(Grouping, OneUnreadThreadAGroupIsTheDatabasesRule) {
  like(ben);
  const auto again = [&](db::Transaction& tx) -> Result<void> {
    tx.execute(
        "insert into notifications (thread, id, account_id, type, group_key, unread_key, actor_id, "
        "actor_count, created_at, updated_at) select 5, 5, account_id, type, group_key, "
        "unread_key, "
        "actor_id, 1, 0, 0 from notifications");
    return {};
  };
  EXPECT_THROW((void)db_->write_blocking(again), db::SqlError);
}

class Seeing : public NotificationsTest {};

TEST_F(Seeing, NothingFromThoseWhoAreBlockedOrMuted) {
  sql("insert into blocks (blocker_id, blocked_id, created_at) values (1, 2, 0)");
  sql("insert into blocks (blocker_id, blocked_id, created_at) values (3, 1, 0)");
  sql("insert into mutes (muter_id, muted_id, created_at) values (1, 4, 0)");
  for (const Id actor : {ben, cho, dan}) {
    like(actor);
    follow(actor);
  }
  EXPECT_THAT(list().items, IsEmpty());
  EXPECT_EQ(query<int>("select count(*) from notifications"), 0);
}

TEST_F(Seeing, BlockingHidesWhatWasThere) {
  like(ben);
  like(cho, other_post);
  sql("insert into blocks (blocker_id, blocked_id, created_at) values (1, 2, 0)");
  ASSERT_THAT(list().items, SizeIs(1));
  EXPECT_EQ(list().items[0].actor.handle, "cho");
  EXPECT_EQ(list().unread, 1);
  EXPECT_THAT(replay(0).messages, SizeIs(1));
  sql("delete from blocks");
  EXPECT_EQ(list().unread, 2);
}

TEST_F(Seeing, WithdrawnActorsAreNotShownAndThenErased) {
  like(ben);
  like(cho);
  like(cho, other_post);
  sql("update accounts set state = 1 where id = ?", cho);
  EXPECT_THAT(list().items, IsEmpty());
  bool done = false;
  for (int step = 0; step < 10 && !done; ++step)
    done = *db_->write_blocking(
        [&](db::Transaction& tx) -> Result<bool> { return erase(tx, cho, 1); });
  EXPECT_TRUE(done);
  ASSERT_THAT(list().items, SizeIs(1));
  EXPECT_EQ(list().items[0].actor.handle, "ben");
  EXPECT_EQ(list().items[0].actor_count, 1);
  EXPECT_EQ(list().unread, 1);
  EXPECT_EQ(query<int>("select count(*) from notification_actors where actor_id = ?", cho), 0);
  like(cho);  // an event that was still on its way
  EXPECT_EQ(list().items[0].actor_count, 1);
}

TEST_F(Seeing, NothingIsLeftOfAWithdrawnAccount) {
  like(ben);
  comment(ben, 900);
  follow(cho);
  delete_post();
  sql("update accounts set state = 1 where id = ?", ann);
  while (!*db_->write_blocking(
      [&](db::Transaction& tx) -> Result<bool> { return erase(tx, ann, 2); })) {
  }
  follow(dan);
  for (const char* table : {"notifications", "notification_actors", "notification_marks"})
    EXPECT_EQ(query<int>(std::string("select count(*) from ") + table), 0) << table;
}

TEST_F(Seeing, ReadMarksGoUpToAnIdAndMayBeRepeated) {
  like(ben);
  comment(ben, 900);
  follow(ben);
  const NotificationPage page = list();
  EXPECT_EQ(page.unread, 3);
  EXPECT_EQ(read_up_to(page.items[1].id), 1);
  EXPECT_EQ(read_up_to(page.items[1].id), 1);
  EXPECT_EQ(read_up_to(0), 1);
  EXPECT_FALSE(list().items[0].read);
  EXPECT_TRUE(list().items[1].read);
  EXPECT_EQ(read_up_to(max_id), 0);
  EXPECT_EQ(read_up_to(max_id, ben), 0);
}

TEST_F(Seeing, AMarkThatIsOldDoesNotReadWhatCameSince) {
  like(ben);
  const Id shown = list().items[0].id;
  like(cho);  // the thread moves on while the page still shows the old one
  EXPECT_EQ(read_up_to(shown), 1);
}

TEST_F(Seeing, PagesFitTogether) {
  for (Id id = 200; id < 225; ++id) {
    add_post(id, "post " + std::to_string(id));
    like(ben, id);
  }
  std::vector<Id> posts;
  http::PageQuery page{.limit = {{10}}, .cursor = {}};
  for (int pages = 1;; ++pages) {
    const NotificationPage got = list(ann, page);
    for (const Notification& item : got.items) posts.push_back(item.post->id);
    EXPECT_EQ(got.unread, 25);
    if (!got.next_cursor) {
      EXPECT_EQ(pages, 3);
      break;
    }
    page.cursor = got.next_cursor;
  }
  ASSERT_THAT(posts, SizeIs(25));
  for (std::size_t i = 0; i < posts.size(); ++i) EXPECT_EQ(posts[i], 224 - Id(i));
  const auto broken = run(service_.list(Deadline::never(), ann, {.limit = {}, .cursor = "xx"}));
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, "validation_failed");
}

TEST_F(Seeing, TheNumberOfStatementsDoesNotDependOnThePage) {
  const auto statements = [&] {
    return *db_->read_blocking(
        [&](db::Transaction& tx) -> Result<std::pair<std::int64_t, std::int64_t>> {
          load_page(tx, ann, max_id, 100);
          const auto page = tx.statements();
          load_replay(tx, ann, 0, 100, clock_.now());
          return std::pair(page, tx.statements() - page);
        });
  };
  like(ben);
  const auto one = statements();
  for (Id id = 200; id < 250; ++id) {
    add_post(id, "x");
    like(id % 2 == 0 ? ben : cho, id);
  }
  EXPECT_EQ(statements(), one);
}

}  // namespace
}  // namespace madang::notifications::test
