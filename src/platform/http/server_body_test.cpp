// Bodies: limits, budget, 100-continue, streams, slow clients, and what is left unread.
#include <gmock/gmock.h>

#include <thread>

#include "platform/http/server_fixture.hpp"

namespace madang::http::test {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string head_of(std::string_view path, std::string_view headers) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n" + std::string(headers) + "\r\n";
}

TEST_F(ServerTest, RefusesALargeBodyBeforeItIsSent) {
  start();
  Client client = connect();
  client.send(head_of("/x", "Content-Length: 1000000\r\n"));
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_THAT(answer->body, HasSubstr("body_too_large"));
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, LetsTheClientSeeTheRefusalWhileItSends) {
  start();
  Client client = connect();
  client.send(head_of("/x", "Content-Length: 5000000\r\n"));
  EXPECT_TRUE(client.send(std::string(5'000'000, 'x')));  // no reset while it is read and dropped
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, DropsAClientThatSendsWithoutEnd) {
  start();
  Client client = connect();
  client.send(head_of("/x", "Content-Length: 50000000000\r\n"));
  const std::string piece(1'000'000, 'x');
  int sent = 0;
  while (sent < 1000 && client.send(piece)) ++sent;
  EXPECT_LT(sent, 1000);
}

TEST_F(ServerTest, TakesABodyOfExactlyTheLimit) {
  start();
  EXPECT_EQ(ask(post("/x", std::string(1000, 'a')))->status, 200);
  const std::string limit = "3e8\r\n" + std::string(1000, 'a') + "\r\n0\r\n\r\n";
  EXPECT_EQ(ask(head_of("/x", "Transfer-Encoding: chunked\r\n") + limit)->status, 200);
}

TEST_F(ServerTest, ReadsABodyLargerThanItsBuffers) {
  start();
  const std::string body(3'000'000, 'b');
  Client client = connect();
  for (int i = 0; i < 3; ++i) {
    std::thread sender([&] { client.send(post("/big", body, "X-Test: v\r\n") + get("/after")); });
    const auto answer = client.receive();
    const auto after = client.receive();
    sender.join();
    ASSERT_TRUE(answer);
    EXPECT_THAT(answer->body, StartsWith("POST /big q= ip=127.0.0.1"));
    EXPECT_THAT(answer->body, HasSubstr("x=v body=bbb"));
    EXPECT_GT(answer->body.size(), body.size());
    ASSERT_TRUE(after);
    EXPECT_THAT(after->body, HasSubstr("GET /after"));
  }
}

TEST_F(ServerTest, BoundsTheMemoryOfAllBodies) {
  options.max_buffered_bodies = 100'000;
  start();
  const std::string body(60'000, 'b');
  Client first = connect();
  first.send(post("/big", body).substr(0, 50'000));
  ASSERT_TRUE(eventually([&] { return metric("madang_http_received_bytes_total") >= 50'000; }));
  Client second = connect();
  second.send(post("/big", body));
  const auto answer = second.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->header("Retry-After"), "1");
  EXPECT_THAT(answer->body, HasSubstr("body_budget"));
  first.close();
  // What the first one held is free again.
  EXPECT_TRUE(eventually([&] { return ask(post("/big", body))->status == 200; }));
}

TEST_F(ServerTest, InvitesTheBodyOnlyWhenItIsWanted) {
  start();
  Client client = connect();
  client.send(head_of("/x", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.receive_head(), "HTTP/1.1 100 Continue\r\n");
  client.send("hello");
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("body=hello"));

  client.send(head_of("/x", "Content-Length: 5000\r\nExpect: 100-continue\r\n"));
  const auto large = client.receive();
  ASSERT_TRUE(large);
  EXPECT_EQ(large->status, 413);
  EXPECT_TRUE(client.ended());

  Client unwanted = connect();
  unwanted.send(head_of("/refused", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  const auto refusal = unwanted.receive();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->status, 401);
  EXPECT_TRUE(unwanted.ended());
}

TEST_F(ServerTest, DoesNotInviteABodyThatIsThere) {
  start();
  const auto answer = ask(post("/x", "hello", "Expect: 100-continue\r\n"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
}

TEST_F(ServerTest, KeepsTheConnectionOverASmallUnwantedBody) {
  start();
  Client client = connect();
  for (int i = 0; i < 3; ++i) {
    client.send(head_of("/refused", "Content-Length: 700\r\n"));
    const auto refusal = client.receive();
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->status, 401);
    client.send(std::string(700, 'x') + get("/next"));
    const auto next = client.receive();
    ASSERT_TRUE(next);
    EXPECT_THAT(next->body, HasSubstr("GET /next"));
  }
}

TEST_F(ServerTest, StreamsAnUpload) {
  start();
  std::string body;
  std::uint64_t sum = 0;
  for (int i = 0; i < 5'000'000; ++i) {
    body.push_back(static_cast<char>(i * 7 % 251));
    sum += static_cast<unsigned char>(body.back());
  }
  const std::string expected = "5000000 " + std::to_string(sum) + " kept";
  Client client = connect();
  std::thread sender(
      [&] { client.send(post("/stream", body, "X-Test: kept\r\n") + get("/next")); });
  const auto answer = client.receive();
  const auto next = client.receive();
  sender.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, expected);
  ASSERT_TRUE(next);
  EXPECT_THAT(next->body, HasSubstr("GET /next"));

  std::string chunks = head_of("/stream", "Transfer-Encoding: chunked\r\nX-Test: kept\r\n");
  for (std::size_t at = 0; at < body.size(); at += 100'000) {
    chunks += "186a0\r\n" + body.substr(at, 100'000) + "\r\n";
  }
  Client second = connect();
  std::thread other([&] { second.send(chunks + "0\r\n\r\n"); });
  const auto again = second.receive();
  other.join();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->body, expected);
}

TEST_F(ServerTest, StreamsNothing) {
  start();
  EXPECT_EQ(ask(post("/stream", ""))->body, "0 0 ");
  EXPECT_EQ(ask(get("/stream"))->body, "0 0 ");
}

TEST_F(ServerTest, InvitesAStreamWhenItIsRead) {
  start();
  Client client = connect();
  client.send(head_of("/stream", "Content-Length: 2\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.receive_head(), "HTTP/1.1 100 Continue\r\n");
  client.send("\x01\x02");
  EXPECT_EQ(client.receive()->body, "2 3 ");
}

TEST_F(ServerTest, ClosesAfterAHalfReadStream) {
  start();
  Client client = connect();
  client.send(head_of("/half", "Content-Length: 3000000\r\n") + std::string(3'000'000, 'x'));
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->header("Connection"), "close");
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, TellsAStreamThatTheClientIsSlow) {
  options.body_timeout = 60ms;
  start();
  Client client = connect();
  client.send(head_of("/stream", "Content-Length: 10\r\n") + "abc");
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, TellsAStreamThatItsFramingBroke) {
  start();
  const auto answer =
      ask(head_of("/stream", "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\nnonsense\r\n");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
  EXPECT_EQ(answer->header("Connection"), "close");
  Client cut = connect();
  cut.send(head_of("/stream", "Content-Length: 10\r\n") + "abc");
  cut.half_close();
  const auto short_body = cut.receive();
  ASSERT_TRUE(short_body);
  EXPECT_EQ(short_body->status, 400);
  EXPECT_EQ(short_body->body, "body_cut");
}

TEST_F(ServerTest, GivesUpOnASlowBody) {
  options.body_timeout = 60ms;
  start();
  Client client = connect();
  client.send(head_of("/x", "Content-Length: 10\r\n") + "abc");
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(handler.handled, 0);
}

TEST_F(ServerTest, DrippingABodyIsNoProgress) {
  options.body_timeout = 100ms;
  start();
  Client client = connect();
  client.send(head_of("/big", "Content-Length: 1000000\r\n"));
  std::jthread dripping([&client](const std::stop_token& stop) {
    while (!stop.stop_requested() && client.send("x")) std::this_thread::sleep_for(5ms);
  });
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
}

TEST_F(ServerTest, ForgetsAClientThatLeavesInTheMiddle) {
  start();
  Client client = connect();
  client.send(head_of("/x", "Content-Length: 10\r\n") + "abc");
  ASSERT_TRUE(eventually([&] { return handler.policies == 1; }));
  client.reset();
  EXPECT_TRUE(eventually([&] { return metric("madang_http_connections_open") == 0; }));
  EXPECT_EQ(handler.handled, 0);
}

}  // namespace madang::http::test
