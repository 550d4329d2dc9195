// Replay for event streams, housekeeping, and everything together: what happens reaches a listener.
#include <atomic>
#include <thread>

#include "base/random.hpp"
#include "modules/notifications/notifications_fixture.hpp"
#include "platform/realtime/sse_stream.hpp"

namespace madang::notifications::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<Id> ids_of(const realtime::ReplayPage& page) {
  std::vector<Id> out;
  for (const auto& message : page.messages) out.push_back(message.id);
  return out;
}

class ReplayTest : public NotificationsTest {
 protected:
  /// A read row of ann's with this id.
  void add_row(Id id) {
    sql("insert into notifications (thread, id, account_id, type, group_key, actor_id, "
        "actor_count, "
        "created_at, updated_at, read_at) values (?, ?, 1, 1, '', 2, 1, 0, 0, 0)",
        id, id);
  }
  void add_rows(Id first, int count) {
    const auto done = db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
      for (int i = 0; i < count; ++i)
        tx.execute(
            "insert into notifications (thread, id, account_id, type, group_key, actor_id, "
            "actor_count, created_at, updated_at, read_at) values (?, ?, 1, 1, '', 2, 1, 0, 0, 0)",
            first + i, first + i);
      return {};
    });
    ASSERT_TRUE(done);
  }
  Id now_id() const { return first_id_at(clock_.now()); }
};

TEST_F(ReplayTest, NowIsTheEndOfTheSequence) {
  EXPECT_EQ(replay({}).upto, 0);
  like(ben);
  const Id id = list().items[0].id;
  const auto now = replay({});
  EXPECT_EQ(now.upto, id);
  EXPECT_THAT(now.messages, IsEmpty());
  EXPECT_FALSE(now.reset);
}

TEST_F(ReplayTest, BringsWhatCameAfter) {
  like(ben);
  const Id first = list().items[0].id;
  comment(cho, 900);
  follow(dan);
  const NotificationPage page = list();
  EXPECT_THAT(ids_of(replay(0)), ElementsAre(first, page.items[1].id, page.items[0].id));
  const auto after = replay(first);
  EXPECT_THAT(ids_of(after), ElementsAre(page.items[1].id, page.items[0].id));
  EXPECT_EQ(after.upto, page.items[0].id);
  EXPECT_FALSE(after.more);
  EXPECT_EQ(after.messages[0].type, "notification");
  EXPECT_THAT(after.messages[0].data,
              HasSubstr(R"("type":"comment","actor":{"id":3,"handle":"cho")"));
  EXPECT_THAT(after.messages[0].data, HasSubstr(R"("unread":3)"));
}

TEST_F(ReplayTest, PagesGoOnWhereTheyEnd) {
  add_rows(now_id(), 25);
  std::vector<Id> ids;
  Id after = 0;
  for (bool more = true; more;) {
    const auto page = replay(after, 10);
    for (const Id id : ids_of(page)) ids.push_back(id);
    after = page.upto;
    more = page.more;
  }
  ASSERT_THAT(ids, SizeIs(25));
  EXPECT_EQ(ids.back(), now_id() + 24);
}

TEST_F(ReplayTest, AThreadThatMovedOnIsToldAsItIsNow) {
  like(ben);
  const Id first = list().items[0].id;
  like(cho);
  EXPECT_THAT(ids_of(replay(0)), ElementsAre(list().items[0].id));
  EXPECT_THAT(ids_of(replay(first)), ElementsAre(list().items[0].id));
}

TEST_F(ReplayTest, TheSequenceStaysWhereItIsWhenItsEndIsRemoved) {
  like(ben, other_post);
  like(ben);
  const Id last = list().items[0].id;
  delete_post();
  EXPECT_EQ(replay({}).upto, last);
  EXPECT_FALSE(replay(last).reset);
  EXPECT_FALSE(replay(0).reset);
  EXPECT_THAT(replay(0).messages, SizeIs(1));
}

TEST_F(ReplayTest, ResetsIdsThatNeverWere) {
  EXPECT_TRUE(replay(5).reset);
  like(ben);
  const Id last = list().items[0].id;
  EXPECT_TRUE(replay(last + 1).reset);
  EXPECT_EQ(replay(last + 1).upto, last);
  EXPECT_TRUE(replay(max_id).reset);
  EXPECT_TRUE(replay(5).reset);
}

TEST_F(ReplayTest, ResetsAfterSevenDaysUnlessNothingCame) {
  like(ben);
  const Id first = list().items[0].id;
  clock_.advance(8 * 24h);
  EXPECT_FALSE(replay(first).reset);
  EXPECT_TRUE(replay(0).reset);
  like(cho, other_post);
  EXPECT_TRUE(replay(first).reset);
  EXPECT_FALSE(replay(list().items[0].id).reset);
}

TEST_F(ReplayTest, ResetsWhenMoreThanAThousandWereMissed) {
  add_rows(now_id(), 1001);
  EXPECT_FALSE(replay(now_id()).reset);
  EXPECT_TRUE(replay(0).reset);
}

TEST_F(ReplayTest, TheSweeperKeepsAThousandAndSaysWhatIsGone) {
  add_rows(now_id(), 1700);
  service_.sweep();
  EXPECT_EQ(query<int>("select count(*) from notifications"), 1000);
  EXPECT_EQ(query<Id>("select min(id) from notifications"), now_id() + 700);
  EXPECT_EQ(query<Id>("select gone_id from notification_marks"), now_id() + 699);
  EXPECT_TRUE(replay(now_id() + 698).reset);
  EXPECT_FALSE(replay(now_id() + 699).reset);
  service_.sweep();
  EXPECT_EQ(query<int>("select count(*) from notifications"), 1000);
}

TEST_F(ReplayTest, TheSweeperKeepsNinetyDays) {
  like(ben);
  clock_.advance(60 * 24h);
  comment(ben, 900);
  clock_.advance(31 * 24h);
  service_.sweep();
  ASSERT_THAT(list().items, SizeIs(1));
  EXPECT_EQ(list().items[0].type, Type::comment);
  EXPECT_EQ(query<int>("select count(*) from notification_actors"), 1);
  clock_.advance(60 * 24h);
  const Id last = list().items[0].id;
  service_.sweep();
  EXPECT_THAT(list().items, IsEmpty());
  EXPECT_EQ(replay({}).upto, last);
}

TEST_F(ReplayTest, TheSweeperWalksThroughAllAccounts) {
  for (Id account = 1; account <= 1200; ++account)
    sql("insert into notifications (thread, id, account_id, type, group_key, actor_id, "
        "actor_count, "
        "created_at, updated_at) values (?, ?, ?, 1, '', 2, 1, 0, 0)",
        now_id() + account, now_id() + account, account + 10);
  add_account(5000, "late");
  sql("update notifications set account_id = 5000 where id = ?", now_id() + 1200);
  const auto done = db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
    for (int i = 0; i < 1100; ++i)
      tx.execute(
          "insert into notifications (thread, id, account_id, type, group_key, actor_id, "
          "actor_count, created_at, updated_at) values (?, ?, 5000, 1, '', 2, 1, 0, 0)",
          now_id() + 5000 + i, now_id() + 5000 + i);
    return {};
  });
  ASSERT_TRUE(done);
  for (int i = 0; i < 3; ++i) service_.sweep();
  EXPECT_EQ(query<int>("select count(*) from notifications where account_id = 5000"), 1000);
}

/// A listener as a browser is one, on the real replay.
class ListeningTest : public NotificationsTest {
 protected:
  /// Reads until `enough` says so; leaves after each few pieces and comes back with the last id.
  Task<> listen(asio::any_io_executor executor, std::uint64_t seed,
                std::function<bool(const std::string&)> enough) {
    SeededRandom random(seed);
    realtime::ResumeFrom from{true, 0};
    for (;;) {
      auto signal = std::make_shared<realtime::Signal>(executor);
      auto subscription = hub_.subscribe(ann, signal);
      if (!subscription) throw std::runtime_error("refused");
      realtime::SseStream stream(context_, std::move(*subscription), signal, {ann, 1, false}, from);
      for (auto left = random.below(10) + 2; left > 0; --left) {
        const std::optional<std::string> piece = co_await stream.next();
        if (!piece) break;
        if (const auto at = piece->rfind("\nid: "); at != std::string::npos)
          from.after = std::stoll(piece->substr(at + 5));
        else if (piece->starts_with("id: "))
          from.after = std::stoll(piece->substr(4));
        if (enough(*piece)) co_return;
      }
    }
  }

  realtime::SseOptions options_{.page = 7};
  realtime::SseContext context_{.replay = service_,
                                .session_holds = {},
                                .clock = clock_,
                                .options = options_,
                                .gaps = registry_.counter("gaps", "test"),
                                .count_closed = [](realtime::Closed) {}};
};

TEST_F(ListeningTest, WhatHappensReachesAListenerWithoutAsking) {
  std::string heard;
  auto done = asio::co_spawn(pool_.executor(0),
                             listen(pool_.executor(0), 1,
                                    [&](const std::string& piece) {
                                      heard += piece;
                                      return heard.find(R"("type":"follow")") != heard.npos;
                                    }),
                             asio::use_future);
  like(ben);
  comment(cho, 900);
  follow(dan);
  ASSERT_EQ(done.wait_for(20s), std::future_status::ready);
  done.get();
  EXPECT_THAT(heard, HasSubstr("event: notification\n"));
  EXPECT_THAT(heard, HasSubstr(R"("actor":{"id":2,"handle":"ben","name":"ben"})"));
  EXPECT_THAT(heard, HasSubstr(R"("comment_id":900)"));
}

TEST_F(ListeningTest, NoThreadIsMissedWhileEverybodyActsAndTheListenersComeAndGo) {
  constexpr Id first_post = 1000;
  constexpr int posts = 150;
  const auto made = db_->write_blocking([&](db::Transaction& tx) -> Result<void> {
    for (Id id = first_post; id < first_post + posts; ++id)
      tx.execute(
          "insert into posts (id, author_id, body, state, like_count, comment_count, created_at) "
          "values (?, 1, 'x', 0, 0, 0, 0)",
          id);
    return {};
  });
  ASSERT_TRUE(made);
  constexpr std::size_t listeners = 3;
  struct Heard {
    std::set<Id> posts;
    Id last = 0;
    bool ordered = true;
  };
  std::array<Heard, listeners> heard;
  std::vector<std::future<void>> done;
  for (std::size_t i = 0; i < listeners; ++i) {
    const auto executor = pool_.any();
    done.push_back(asio::co_spawn(
        executor,
        listen(executor, i,
               [&mine = heard[i]](const std::string& piece) {
                 for (std::size_t at = 0; (at = piece.find("id: ", at)) != piece.npos; at += 4) {
                   if (at != 0 && piece[at - 1] != '\n') continue;
                   const Id id = std::stoll(piece.substr(at + 4));
                   mine.ordered &= id > mine.last;
                   mine.last = id;
                 }
                 constexpr std::string_view key = R"("post":{"id":)";
                 for (std::size_t at = 0; (at = piece.find(key, at)) != piece.npos;
                      at += key.size())
                   mine.posts.insert(std::stoll(piece.substr(at + key.size())));
                 return mine.posts.size() == posts;
               }),
        asio::use_future));
  }
  {
    std::vector<std::jthread> actors;
    for (const Id actor : {ben, cho, dan})
      actors.emplace_back([&, actor] {
        SeededRandom random(static_cast<std::uint64_t>(actor));
        for (Id id = first_post; id < first_post + posts; ++id) {
          emit(social::comment_created, id,
               social::CommentEvent{1, id, ann, id * 10 + actor, actor});
          if (random.below(4) == 0) dispatcher_->wake();
        }
      });
  }
  dispatcher_->drain();
  for (auto& one : done) {
    ASSERT_EQ(one.wait_for(60s), std::future_status::ready);
    one.get();
  }
  for (const Heard& one : heard) EXPECT_TRUE(one.ordered);
  EXPECT_EQ(query<int>("select count(*) from event_parked"), 0);
  EXPECT_EQ(query<int>("select sum(actor_count) from notifications"), 3 * posts);
}

}  // namespace
}  // namespace madang::notifications::test
