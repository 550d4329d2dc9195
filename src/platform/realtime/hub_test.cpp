#include "platform/realtime/hub.hpp"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <numeric>
#include <thread>

namespace madang::realtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class HubTest : public testing::Test {
 protected:
  Result<Subscription> listen(Id account) {
    return hub_.subscribe(account, std::make_shared<Signal>(io_.get_executor()));
  }
  static Stored stored(Id id, std::string data = "{}") {
    return {id, id - 1, "notification", std::move(data), id_epoch};
  }

  asio::io_context io_;
  metrics::Registry registry_;
  Hub hub_{{.per_account = 2, .total = 3, .mailbox = {.messages = 4, .bytes = 200}}, registry_};
};

TEST_F(HubTest, StoredMessagesKeepTheirOrderAndReachEveryListenerOfTheAccount) {
  auto first = listen(1);
  auto second = listen(1);
  auto other = listen(2);
  for (Id id : {10, 11, 12}) hub_.publish(1, stored(id));
  for (auto* listener : {&*first, &*second}) {
    const auto contents = listener->mailbox().take();
    std::vector<Id> ids;
    for (const auto& message : contents.stored) ids.push_back(message->id);
    EXPECT_THAT(ids, ElementsAre(10, 11, 12));
    EXPECT_EQ(contents.newest, 12);
  }
  EXPECT_THAT(other->mailbox().take().stored, IsEmpty());
}

TEST_F(HubTest, ANewerSnapshotReplacesTheOneThatWaits) {
  auto listener = listen(1);
  hub_.publish(1, Snapshot{"job/1", "job.progress", "10", id_epoch});
  hub_.publish(1, Snapshot{"job/2", "job.progress", "20", id_epoch});
  hub_.publish(1, Snapshot{"job/1", "job.progress", "90", id_epoch});
  const auto waiting = listener->mailbox().take().snapshots;
  ASSERT_EQ(waiting.size(), 2);
  EXPECT_EQ(waiting[0].data, "90");
  EXPECT_EQ(waiting[1].data, "20");
}

TEST_F(HubTest, ReplacingSnapshotsForEverNeverOverflows) {
  auto listener = listen(1);
  for (int i = 0; i < 1000; ++i)
    hub_.publish(1, Snapshot{"job/1", "job.progress", std::to_string(i), id_epoch});
  const auto contents = listener->mailbox().take();
  EXPECT_EQ(contents.closed, Closed::no);
  ASSERT_EQ(contents.snapshots.size(), 1);
  EXPECT_EQ(contents.snapshots[0].data, "999");
}

TEST_F(HubTest, HintsAreCoalescedWhileTheyWait) {
  auto listener = listen(1);
  for (int i = 0; i < 100; ++i) hub_.hint(1, "feed.new");
  hub_.hint(1, "notifications.changed");
  EXPECT_THAT(listener->mailbox().take().hints, ElementsAre("feed.new", "notifications.changed"));
  hub_.hint(1, "feed.new");
  EXPECT_THAT(listener->mailbox().take().hints, ElementsAre("feed.new"));
}

TEST_F(HubTest, AHintForManyReachesThoseWhoListenAndNobodyElse) {
  auto listener = listen(9'000);
  auto outsider = listen(20'000);
  std::vector<Id> followers(10'000);
  std::iota(followers.begin(), followers.end(), 1);
  hub_.hint(followers, "feed.new");
  EXPECT_THAT(listener->mailbox().take().hints, ElementsAre("feed.new"));
  EXPECT_THAT(outsider->mailbox().take().hints, IsEmpty());
}

TEST_F(HubTest, TooManyMessagesCloseTheMailboxAndFreeIt) {
  auto listener = listen(1);
  for (Id id = 1; id <= 4; ++id) hub_.publish(1, stored(id));
  EXPECT_EQ(listener->mailbox().take().closed, Closed::no);
  for (Id id = 5; id <= 9; ++id) hub_.publish(1, stored(id));
  hub_.hint(1, "feed.new");
  const auto contents = listener->mailbox().take();
  EXPECT_EQ(contents.closed, Closed::too_slow);
  EXPECT_THAT(contents.stored, IsEmpty());
  EXPECT_THAT(contents.hints, IsEmpty());
}

TEST_F(HubTest, TooManyBytesCloseTheMailboxToo) {
  auto listener = listen(1);
  hub_.publish(1, stored(1, std::string(100, 'x')));
  EXPECT_EQ(listener->mailbox().take().closed, Closed::no);
  hub_.publish(1, stored(2, std::string(100, 'x')));
  hub_.publish(1, stored(3, std::string(100, 'x')));
  EXPECT_EQ(listener->mailbox().take().closed, Closed::too_slow);
}

TEST_F(HubTest, WhatIsReadFromSqlAnywayMakesRoom) {
  auto listener = listen(1);
  for (Id id = 1; id <= 40; ++id) {
    hub_.publish(1, stored(id));
    if (id % 4 == 0) {
      EXPECT_EQ(listener->mailbox().drop_stored(), Closed::no);
    }
  }
  EXPECT_THAT(listener->mailbox().take().stored, IsEmpty());
}

TEST_F(HubTest, RefusesMoreThanAnAccountMayHaveAndMoreThanThereIsRoomFor) {
  auto first = listen(1);
  auto second = listen(1);
  const auto third = listen(1);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, "too_many_streams");
  EXPECT_EQ(third.error().kind, Kind::too_many);
  auto other = listen(2);
  const auto beyond = listen(3);
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, "too_many_streams");
  EXPECT_EQ(beyond.error().kind, Kind::unavailable);
  EXPECT_FALSE(hub_.connected(3));
  {
    const auto gone = std::move(*other);
  }
  EXPECT_TRUE(listen(3));
}

TEST_F(HubTest, APlaceIsGivenBack) {
  EXPECT_FALSE(hub_.connected(1));
  {
    auto listener = listen(1);
    EXPECT_TRUE(hub_.connected(1));
    EXPECT_EQ(hub_.listeners(), 1);
  }
  EXPECT_FALSE(hub_.connected(1));
  EXPECT_EQ(hub_.listeners(), 0);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(listen(1));
}

TEST_F(HubTest, TellsWhoListens) {
  auto first = listen(1);
  auto second = listen(1);
  auto other = listen(2);
  EXPECT_THAT(hub_.accounts(), testing::UnorderedElementsAre(1, 2));
}

TEST_F(HubTest, CloseAllSendsEverybodyAwayAndRefusesNewcomers) {
  auto listener = listen(1);
  hub_.close_all();
  EXPECT_EQ(listener->mailbox().take().closed, Closed::shutting_down);
  const auto late = listen(1);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "shutting_down");
}

TEST_F(HubTest, NoListenerThatComesWhileTheHubClosesStaysOpen) {
  for (int round = 0; round < 200; ++round) {
    Hub hub({}, registry_);
    std::optional<Result<Subscription>> listener;
    std::thread comes(
        [&] { listener.emplace(hub.subscribe(1, std::make_shared<Signal>(io_.get_executor()))); });
    hub.close_all();
    comes.join();
    if (*listener) {
      EXPECT_EQ((*listener)->mailbox().take().closed, Closed::shutting_down);
    } else {
      EXPECT_EQ(listener->error().code, "shutting_down");
    }
    listener.reset();
  }
}

}  // namespace
}  // namespace madang::realtime
