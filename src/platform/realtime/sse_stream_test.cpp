#include <gmock/gmock.h>

#include "platform/realtime/realtime_fixture.hpp"
#include "platform/realtime/sse.hpp"
#include "platform/realtime/sse_format.hpp"

namespace madang::realtime::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SseStreamTest : public StreamTest {
 protected:
  void commit(Id id) { replay_.commit(account, message(id)); }
  void publish(Id id, std::optional<Id> previous) { hub_.publish(account, message(id, previous)); }
  /// A stream that has said hello and caught up.
  std::shared_ptr<SseStream> live(ResumeFrom from = {}) {
    auto stream = open(from);
    next(*stream);
    next(*stream);
    EXPECT_EQ(next(*stream), "...");
    return stream;
  }
};

TEST(SseFormat, Events) {
  std::string out;
  append_event(out, Stored{5, {}, "notification", R"({"a":1})", id_epoch});
  EXPECT_EQ(
      out,
      "id: 5\nevent: notification\ndata: "
      R"({"id":5,"type":"notification","data":{"a":1},"created_at":"2026-01-01T00:00:00.000Z"})"
      "\n\n");
  out.clear();
  append_event(out, Snapshot{"job/1", "job.progress", "7", id_epoch});
  EXPECT_EQ(out,
            "event: job.progress\ndata: "
            R"({"id":null,"type":"job.progress","data":7,"created_at":"2026-01-01T00:00:00.000Z"})"
            "\n\n");
  out.clear();
  append_hint(out, "feed.new", id_epoch);
  EXPECT_EQ(out,
            "event: feed.new\ndata: "
            R"({"id":null,"type":"feed.new","data":{},"created_at":"2026-01-01T00:00:00.000Z"})"
            "\n\n");
}

TEST(SseFormat, ALineFeedInThePayloadDoesNotEndTheField) {
  std::string out;
  append_event(out, Snapshot{"k", "t", "[1,\n2]", id_epoch});
  EXPECT_THAT(out, HasSubstr("data: {\"id\":null,\"type\":\"t\",\"data\":[1,\ndata: 2]"));
}

TEST(ResumeFromTest, ReadsWhatClientsSend) {
  EXPECT_FALSE(resume_from("").resumed);
  EXPECT_EQ(resume_from("0").after, 0);
  EXPECT_EQ(resume_from("42").after, 42);
  for (const char* broken : {"-1", "abc", "1x", "99999999999999999999", "042"}) {
    EXPECT_TRUE(resume_from(broken).resumed) << broken;
    EXPECT_FALSE(resume_from(broken).after) << broken;
  }
}

TEST_F(SseStreamTest, SaysHelloAtOnceAndThenWhereItBegins) {
  commit(41);
  auto stream = open();
  EXPECT_EQ(next(*stream), "retry: 2000\n\n: madang\n\n");
  EXPECT_EQ(next(*stream),
            "id: 41\nevent: ready\ndata: "
            R"({"id":41,"type":"ready","data":{},"created_at":"2026-01-01T00:00:00.000Z"})"
            "\n\n");
  EXPECT_EQ(next(*stream), "...");
}

TEST_F(SseStreamTest, ResumesAfterTheLastIdAndHintsOnce) {
  for (Id id : {10, 20, 30}) commit(id);
  auto stream = open({true, 10});
  next(*stream);
  const std::string text = next(*stream);
  EXPECT_THAT(stored_ids(text), ElementsAre(20, 30));
  EXPECT_THAT(fields(text, "event: "), ElementsAre("notification", "notification", "feed.new"));
  EXPECT_EQ(next(*stream), "...");
}

TEST_F(SseStreamTest, ResumesFromTheVeryBeginning) {
  auto first = open();
  next(*first);
  EXPECT_THAT(stored_ids(next(*first)), ElementsAre(0));
  commit(10);
  auto second = open(resume_from("0"));
  next(*second);
  EXPECT_THAT(stored_ids(next(*second)), ElementsAre(10));
}

TEST_F(SseStreamTest, LongReplaysComeInPages) {
  options_.page = 10;
  for (Id id = 1; id <= 25; ++id) commit(id * 3);
  auto stream = open(resume_from("3"));
  next(*stream);
  std::vector<Id> ids;
  for (int page = 0; page < 3; ++page)
    for (Id id : stored_ids(next(*stream))) ids.push_back(id);
  ASSERT_EQ(ids.size(), 24);
  EXPECT_EQ(ids.front(), 6);
  EXPECT_EQ(ids.back(), 75);
  EXPECT_TRUE(std::ranges::is_sorted(ids));
}

TEST_F(SseStreamTest, ResetsWhatIsNoLongerKept) {
  for (Id id : {10, 20, 30}) commit(id);
  replay_.forget(account, 20);
  auto stream = open(resume_from("10"));
  next(*stream);
  const std::string text = next(*stream);
  EXPECT_THAT(fields(text, "event: "), ElementsAre("reset", "feed.new"));
  EXPECT_THAT(stored_ids(text), ElementsAre(30));
  commit(40);
  publish(40, 30);
  EXPECT_THAT(stored_ids(next(*stream)), ElementsAre(40));
}

TEST_F(SseStreamTest, ResetsIdsThatNeverWere) {
  commit(10);
  for (const char* id : {"9000", "rubbish"}) {
    auto stream = open(resume_from(id));
    next(*stream);
    EXPECT_THAT(fields(next(*stream), "event: "), ElementsAre("reset", "feed.new")) << id;
    commit(20);
    hub_.wake(account, 20);
    EXPECT_THAT(stored_ids(next(*stream)), ElementsAre(20)) << id;
    replay_.forget(account, 20);
    commit(10);
  }
}

TEST_F(SseStreamTest, LiveMessagesInOrderNeedNoSql) {
  commit(10);
  auto stream = live();
  const int reads = replay_.reads();
  commit(20);
  publish(20, 10);
  commit(35);
  publish(35, 20);
  EXPECT_THAT(stored_ids(next(*stream)), ElementsAre(20, 35));
  EXPECT_EQ(replay_.reads(), reads);
}

TEST_F(SseStreamTest, AGapIsReadFromSql) {
  commit(10);
  auto stream = live();
  commit(20);
  commit(30);
  publish(30, 20);  // 20 was never published
  EXPECT_THAT(stored_ids(next(*stream)), ElementsAre(20, 30));
  publish(20, 10);  // or comes late
  EXPECT_EQ(next(*stream), "...");
}

TEST_F(SseStreamTest, AWakeIsEnough) {
  commit(10);
  auto stream = live();
  commit(20);
  hub_.wake(account, 20);
  hub_.wake(account, 20);
  EXPECT_THAT(stored_ids(next(*stream)), ElementsAre(20));
  hub_.wake(account, 20);
  const int reads = replay_.reads();
  EXPECT_EQ(next(*stream), "...");
  EXPECT_EQ(replay_.reads(), reads);
}

TEST_F(SseStreamTest, ALiveMessageThatOvertakesTheReplayComesOnceAndInOrder) {
  for (Id id : {10, 20}) commit(id);
  auto stream = open(resume_from("10"));
  next(*stream);
  replay_.during_next_read([this] {  // the read has not seen these
    commit(30);
    publish(30, 20);
    commit(40);
    publish(40, 30);
  });
  EXPECT_THAT(stored_ids(next(*stream)), ElementsAre(20));
  EXPECT_THAT(stored_ids(next(*stream)), ElementsAre(30, 40));
  EXPECT_EQ(next(*stream), "...");
}

TEST_F(SseStreamTest, AMessageThatBothTheReplayAndTheHubBringComesOnce) {
  commit(10);
  auto stream = open(resume_from("10"));
  next(*stream);
  commit(20);
  publish(20, 10);
  EXPECT_THAT(stored_ids(next(*stream)), ElementsAre(20));
  EXPECT_EQ(next(*stream), "...");
}

TEST_F(SseStreamTest, AMessageCommittedWhileAClientConnectsIsNotLost) {
  commit(10);
  auto stream = open();
  next(*stream);
  replay_.during_next_read([this] {
    commit(20);
    publish(20, 10);
  });
  EXPECT_THAT(stored_ids(next(*stream)), ElementsAre(10));  // ready
  EXPECT_THAT(stored_ids(next(*stream)), ElementsAre(20));
}

TEST_F(SseStreamTest, ASlowReaderIsSentAwayWithAReasonAndCanResume) {
  commit(1);
  auto stream = live();
  for (Id id = 2; id <= 20; ++id) {
    commit(id);
    publish(id, id - 1);
  }
  EXPECT_EQ(next(*stream), ": closed: too_slow\n\n");
  EXPECT_EQ(next(*stream), "-");
  EXPECT_THAT(closed_, ElementsAre(Closed::too_slow));
  auto again = open(resume_from("1"));
  next(*again);
  const std::vector<Id> ids = stored_ids(next(*again));
  EXPECT_EQ(ids.size(), 19);
  EXPECT_EQ(ids.front(), 2);
}

TEST_F(SseStreamTest, NoOverflowWhileTheReplayReadsEverythingAnyway) {
  options_.page = 2;
  for (Id id = 1; id <= 20; ++id) commit(id);
  auto stream = open(resume_from("1"));
  next(*stream);
  std::vector<Id> ids;
  for (Id id = 21; id <= 60; ++id) {
    commit(id);
    publish(id, id - 1);
    if (id % 4 == 0)
      for (Id got : stored_ids(next(*stream))) ids.push_back(got);
  }
  for (std::string text = next(*stream); text != "..."; text = next(*stream))
    for (Id got : stored_ids(text)) ids.push_back(got);
  ASSERT_EQ(ids.size(), 59);
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], static_cast<Id>(i) + 2);
}

TEST_F(SseStreamTest, HintsAndSnapshotsCarryNoId) {
  auto stream = live();
  hub_.hint(account, "feed.new");
  hub_.publish(account, Snapshot{"job/1", "job.progress", "5", id_epoch});
  const std::string text = next(*stream);
  EXPECT_THAT(fields(text, "event: "), ElementsAre("job.progress", "feed.new"));
  EXPECT_THAT(stored_ids(text), IsEmpty());
}

TEST_F(SseStreamTest, BeatsWhenItHasNothingToSay) {
  options_.heartbeat = 20ms;
  auto stream = live();
  EXPECT_EQ(next_later(*stream), ": still here\n\n");
  EXPECT_EQ(next_later(*stream), ": still here\n\n");
}

TEST_F(SseStreamTest, ARevokedSessionsStreamEndsAtTheNextHeartbeat) {
  options_.heartbeat = 20ms;
  context_.session_holds = [this](http::Principal who, Deadline) -> Task<Result<bool>> {
    EXPECT_EQ(who.account, account);
    co_return holds_;
  };
  auto stream = live();
  EXPECT_EQ(next_later(*stream), ": still here\n\n");
  holds_ = false;
  EXPECT_EQ(next_later(*stream), ": closed: session_ended\n\n");
  EXPECT_EQ(next_later(*stream), "-");
}

TEST_F(SseStreamTest, AStreamThatIsNeverQuietIsCheckedToo) {
  options_.heartbeat = 20ms;
  holds_ = false;
  context_.session_holds = [this](http::Principal, Deadline) -> Task<Result<bool>> {
    co_return holds_;
  };
  auto stream = open();
  next(*stream);
  std::string text;
  for (int i = 0; i < 1'000'000 && text != ": closed: session_ended\n\n"; ++i) {
    hub_.hint(account, "feed.new");
    text = next(*stream);
  }
  EXPECT_EQ(text, ": closed: session_ended\n\n");
}

TEST_F(SseStreamTest, AReadThatFailsIsTriedAgain) {
  options_.read_again = 5ms;
  commit(10);
  auto stream = live();
  replay_.fail_next(3);
  commit(20);
  hub_.wake(account, 20);
  EXPECT_THAT(stored_ids(next_later(*stream)), ElementsAre(20));
}

TEST_F(SseStreamTest, WhenReadsKeepFailingTheClientIsSentAway) {
  options_.read_again = 1ms;
  replay_.fail_next(100);
  auto stream = open();
  next(*stream);
  EXPECT_EQ(next_later(*stream), ": closed: unavailable\n\n");
  EXPECT_EQ(next_later(*stream), "-");
}

TEST_F(SseStreamTest, CloseEndsAWaitingStream) {
  auto stream = live();
  stream->close();
  stream->close();
  EXPECT_EQ(next(*stream), "-");
}

TEST_F(SseStreamTest, ShutdownSaysSo) {
  auto stream = live();
  hub_.close_all();
  EXPECT_EQ(next(*stream), ": closed: shutting_down\n\n");
  EXPECT_EQ(next(*stream), "-");
}

}  // namespace
}  // namespace madang::realtime::test
