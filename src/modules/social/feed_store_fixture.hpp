// A store in memory whose clock and events are the test's.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "modules/social/feed_store_memory.hpp"

namespace madang::social {

using namespace std::chrono_literals;

class FeedStoreTest : public ::testing::Test {
 protected:
  const Time start = *parse_rfc3339("2026-11-21T12:00:00Z");
  Time now = start;
  std::uint64_t seq = 100;
  MemoryFeedOptions options;
  std::unique_ptr<MemoryFeedStore> made;

  MemoryFeedStore& store() {
    if (!made) {
      made = std::make_unique<MemoryFeedStore>(options);
      made->sweep(now, 1);
    }
    return *made;
  }

  Id id(int minutes) const { return first_id_at(start + std::chrono::minutes(minutes)) + 1; }
  FeedPost post(int minutes, Id author = 9) const {
    return {id(minutes), author, start + std::chrono::minutes(minutes)};
  }

  /// A snapshot with these posts, made when they say.
  FeedSnapshot snapshot(const std::vector<int>& minutes) {
    FeedSnapshot out;
    for (const int m : minutes)
      out.items.push_back({id(m), FeedLife::seconds(post(m).created_at), 0});
    out.seq = seq;
    out.taken_at = now;
    return out;
  }

  void warm(Id viewer, const std::vector<int>& minutes) {
    const auto ticket = store().begin_build(viewer);
    ASSERT_TRUE(ticket.has_value());
    ASSERT_EQ(store().finish_build(*ticket, snapshot(minutes)), BuildOutcome::warm);
  }

  PushReport push(const FeedPost& what, const std::vector<Id>& users) {
    std::vector<FeedFollower> followers;
    for (const Id user : users) followers.push_back({user, start - 24h});
    return store().push(what, followers, ++seq);
  }

  FeedPage page(Id viewer, std::size_t limit = 20) {
    return store().read(viewer, {.begun = now, .limit = limit});
  }

  std::vector<Id> posts(Id viewer) {
    std::vector<Id> out;
    for (const FeedItem& item : page(viewer, 1'000).items) out.push_back(item.post);
    return out;
  }
};

}  // namespace madang::social
