#include "modules/social/feed_marks.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "modules/social/feed_policy.hpp"

namespace madang::social {
namespace {

std::vector<FeedMark> some_marks(SeededRandom& random, std::size_t count) {
  std::vector<FeedMark> marks;
  for (std::size_t i = 0; i < count; ++i)
    marks.push_back({static_cast<Id>(random.below(max_id)) + 1,
                     static_cast<FeedSeconds>(random.below(0xffffffff)) + 1});
  sort_feed_marks(marks);
  return marks;
}

TEST(FeedMarks, SurviveTheBlob) {
  SeededRandom random(1);
  for (const std::size_t count : {0u, 1u, 2u, 50u, 5'000u}) {
    const auto marks = some_marks(random, count);
    EXPECT_EQ(decode_feed_marks(encode_feed_marks(marks)).value(), marks);
  }
  const std::vector<FeedMark> extremes{{1, 1}, {2, 0xffffffff}, {max_id, 1}};
  EXPECT_EQ(decode_feed_marks(encode_feed_marks(extremes)).value(), extremes);
}

TEST(FeedMarks, AreCompact) {
  std::vector<FeedMark> marks;
  for (int i = 0; i < 1'000; ++i)  // a post every two minutes, seen within a day
    marks.push_back({(Id(28'000'000'000) + i * 120'000) << 12, 28'000'000u + 86u * i});
  EXPECT_LT(encode_feed_marks(marks).size(), 8'000u);
}

TEST(FeedMarks, KeepTheNewestViewsWithinTheirBound) {
  std::vector<FeedMark> marks;
  for (Id post = 1; post <= static_cast<Id>(max_feed_marks) + 100; ++post)
    marks.push_back({post, static_cast<FeedSeconds>(1'000'000 - post)});
  const auto kept = decode_feed_marks(encode_feed_marks(marks)).value();
  EXPECT_EQ(kept.size(), max_feed_marks);
  EXPECT_EQ(kept.back().post, static_cast<Id>(max_feed_marks));
  EXPECT_EQ(merge_feed_marks(marks, {}, 1'000'000).size(), max_feed_marks);
}

/// Whatever comes out of a database: it is refused, or it is exactly what would have been written.
TEST(FeedMarks, MalformedBlobsAreRefused) {
  SeededRandom random(2);
  const std::string blob = encode_feed_marks(some_marks(random, 20));
  for (std::size_t length = 0; length < blob.size(); ++length)
    EXPECT_FALSE(decode_feed_marks(blob.substr(0, length)).has_value()) << length;
  EXPECT_FALSE(decode_feed_marks(blob + '\0').has_value());
  EXPECT_FALSE(
      decode_feed_marks(std::string("\1\xff\xff\xff\xff\xff\xff\xff\x7f\0", 10)).has_value());
  std::size_t refused = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string bad = blob;
    for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes)
      bad[random.below(bad.size())] = static_cast<char>(random.below(256));
    const auto marks = decode_feed_marks(bad);
    if (marks) ASSERT_EQ(encode_feed_marks(*marks), bad);
    refused += marks ? 0 : 1;
  }
  EXPECT_GT(refused, 1'000u);
  for (int round = 0; round < 50'000; ++round) {
    std::string noise(random.below(24), '\0');
    random.fill(std::as_writable_bytes(std::span(noise)));
    if (!noise.empty() && round % 2 == 0) noise[0] = 1;
    if (const auto marks = decode_feed_marks(noise)) ASSERT_EQ(encode_feed_marks(*marks), noise);
  }
}

TEST(FeedMarks, TheEarliestViewWins) {
  const std::vector<FeedMark> stored{{1, 100}, {2, 100}, {4, 100}};
  const std::vector<FeedMark> fresh{{3, 70}, {2, 50}, {1, 200}};
  const std::vector<FeedMark> merged{{1, 100}, {2, 50}, {3, 70}, {4, 100}};
  EXPECT_EQ(merge_feed_marks(stored, fresh, 300), merged);
  EXPECT_EQ(first_seen(merged, 2), 50u);
  EXPECT_EQ(first_seen(merged, 5), 0u);
}

TEST(FeedMarks, AForgottenViewGivesWay) {
  const FeedSeconds now = 100 + FeedLife::view_life + FeedLife::list_life;
  const std::vector<FeedMark> stored{{1, 100}, {2, 101}};
  const std::vector<FeedMark> fresh{{1, now}, {2, now}};
  const std::vector<FeedMark> merged{{1, now}, {2, 101}};
  EXPECT_EQ(merge_feed_marks(stored, fresh, now), merged);
}

TEST(FeedPolicy, GoesByMeasuredCost) {
  const FeedPolicy policy;
  FeedCosts costs{.push_ns_per_follower = 60,
                  .pull_ns_per_author = 200,
                  .reads_per_second = 1'000,
                  .pushes_per_second = 0};
  const std::size_t feeds = 100'000;  // each read once in 100 s
  AuthorLoad author{.followers = 20'000, .warm_followers = 10'000, .posts_per_day = 10};
  // Pushing: 10 posts x 20,000 x 1.06 us a day = 2.5 us a second; pulling: 20 us a second.
  EXPECT_EQ(policy.choose(FanOut::push, author, costs, 1'000, feeds), FanOut::push);
  author.posts_per_day = 500;  // 123 us a second
  EXPECT_EQ(policy.choose(FanOut::push, author, costs, 1'000, feeds), FanOut::pull);
  author.posts_per_day = 100;  // 24.5 us: not worth a change either way
  EXPECT_EQ(policy.choose(FanOut::push, author, costs, 1'000, feeds), FanOut::push);
  EXPECT_EQ(policy.choose(FanOut::pull, author, costs, 1'000, feeds), FanOut::pull);
  EXPECT_EQ(policy.choose(FanOut::turning, author, costs, 1'000, feeds), FanOut::pull);
  costs.reads_per_second = 10'000;
  EXPECT_EQ(policy.choose(FanOut::pull, author, costs, 1'000, feeds), FanOut::push);
}

TEST(FeedPolicy, NeedsManyFollowersAndBoundsTheBurst) {
  const FeedPolicy policy;
  const FeedCosts none;
  AuthorLoad author{.followers = 4'999, .warm_followers = 1, .posts_per_day = 1'000};
  EXPECT_EQ(policy.choose(FanOut::push, author, none, 1'000, 1), FanOut::push);
  author.followers = 5'000;
  EXPECT_EQ(policy.choose(FanOut::push, author, none, 1'000, 1), FanOut::pull);
  author.followers = 4'000;  // a fifth below the bound before it goes back
  EXPECT_EQ(policy.choose(FanOut::pull, author, none, 1'000, 1), FanOut::pull);
  author.followers = 3'999;
  EXPECT_EQ(policy.choose(FanOut::pull, author, none, 1'000, 1), FanOut::push);

  author = {.followers = 1'000'000, .warm_followers = 500'000, .posts_per_day = 0.1};
  const FeedCosts busy{.push_ns_per_follower = 60,
                       .pull_ns_per_author = 200,
                       .reads_per_second = 50'000,
                       .pushes_per_second = 0};
  EXPECT_EQ(policy.choose(FanOut::push, author, busy, 1'000, 500'000), FanOut::pull);
  author.followers = 200'000;  // 212 ms: neither forced to pull nor let go
  EXPECT_EQ(policy.choose(FanOut::push, author, busy, 1'000, 500'000), FanOut::push);
  EXPECT_EQ(policy.choose(FanOut::pull, author, busy, 1'000, 500'000), FanOut::pull);
}

}  // namespace
}  // namespace madang::social
