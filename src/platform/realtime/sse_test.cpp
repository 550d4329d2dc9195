// The route: what a client sends and what it gets first.
#include "platform/realtime/sse.hpp"

#include <gmock/gmock.h>

#include "platform/realtime/realtime_fixture.hpp"

namespace madang::realtime::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class OneAccount final : public http::Authenticator {
 public:
  Task<Result<std::optional<http::Principal>>> authenticate(std::string_view token,
                                                            Deadline) override {
    if (token != "good") co_return std::optional<http::Principal>();
    co_return std::optional(http::Principal{7, 1, false});
  }
};

class SseTest : public StreamTest {
 protected:
  SseTest() {
    face_.mount(api_);
    api_.set_authenticator(authenticator_);
  }

  http::Response get(std::string_view query = "", std::string_view last_event_id = "",
                     std::string_view token = "Bearer good") {
    http::Request request;
    request.method = http::Method::get;
    request.path = "/api/v1/events";
    request.query = query;
    if (!token.empty()) request.headers.emplace_back("authorization", token);
    if (!last_event_id.empty()) request.headers.emplace_back("last-event-id", last_event_id);
    http::Response response;
    asio::co_spawn(io_, api_.handle(request), [&](std::exception_ptr error, http::Response answer) {
      EXPECT_FALSE(error);
      response = std::move(answer);
    });
    io_.restart();
    io_.run();
    return response;
  }

  /// What follows the greeting.
  std::string second_piece(const http::Response& response) {
    auto& stream = *std::get<std::shared_ptr<http::EventStream>>(response.body);
    next(stream);
    return next(stream);
  }

  OneAccount authenticator_;
  http::Api api_{{}, clock_, registry_};
  SseFace face_{hub_, replay_, {}, clock_, options_, registry_};
};

TEST_F(SseTest, AnswersWithAStream) {
  replay_.commit(account, message(10));
  const http::Response response = get();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/event-stream");
  EXPECT_THAT(response.headers, Contains(Pair("Cache-Control", "no-store")));
  EXPECT_THAT(response.headers, Contains(Pair("X-Accel-Buffering", "no")));
  EXPECT_THAT(fields(second_piece(response), "event: "), ElementsAre("ready"));
}

TEST_F(SseTest, ResumesByHeaderOrQueryAndTheHeaderWins) {
  for (const Id id : {10, 20, 30}) replay_.commit(account, message(id));
  EXPECT_THAT(stored_ids(second_piece(get("", "10"))), ElementsAre(20, 30));
  EXPECT_THAT(stored_ids(second_piece(get("last_event_id=20"))), ElementsAre(30));
  EXPECT_THAT(stored_ids(second_piece(get("last_event_id=10", "20"))), ElementsAre(30));
  EXPECT_THAT(fields(second_piece(get("last_event_id=")), "event: "), ElementsAre("ready"));
}

TEST_F(SseTest, NeedsASession) {
  EXPECT_EQ(get("", "", "").status, 401);
  EXPECT_EQ(get("", "", "Bearer bad").status, 401);
  EXPECT_EQ(hub_.listeners(), 0);
}

TEST_F(SseTest, RefusesTooManyStreamsByName) {
  std::vector<http::Response> open;
  for (int i = 0; i < 3; ++i) open.push_back(get());
  const http::Response refused = get();
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(std::get<std::string>(refused.body), HasSubstr("too_many_streams"));
  EXPECT_THAT(refused.headers, Contains(Pair("Retry-After", "30")));
  open.clear();
  EXPECT_EQ(hub_.listeners(), 0);
  EXPECT_EQ(get().status, 200);
}

TEST_F(SseTest, AStreamNobodyReadsGivesItsPlaceBack) {
  get();
  EXPECT_EQ(hub_.listeners(), 0);
}

}  // namespace
}  // namespace madang::realtime::test
