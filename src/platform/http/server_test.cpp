#include "platform/http/server_fixture.hpp"

#include <gmock/gmock.h>

#include <thread>
#include <vector>

namespace madang::http::test {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  start();
  Client client = connect();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/a/b?c=d", "X-Test: hi\r\n"));
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_THAT(answer->body, HasSubstr("GET /a/b q=c=d ip=127.0.0.1"));
    EXPECT_THAT(answer->body, HasSubstr("x=hi"));
    EXPECT_EQ(answer->header("Content-Type"), "text/plain");
    EXPECT_EQ(answer->header("Connection"), "");
    EXPECT_EQ(answer->header("Date").size(), 29U);
    EXPECT_EQ(answer->header("X-Request-Id").size(), 16U);
    EXPECT_THAT(answer->body, HasSubstr("id=" + answer->header("X-Request-Id")));
  }
}

TEST_F(ServerTest, ReadsABody) {
  start();
  const auto answer = ask(post("/echo", "hello", "X-Test: kept\r\n"));
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("x=kept body=hello"));
}

TEST_F(ServerTest, TakesARequestSplitAnywhere) {
  start();
  const std::string request = post("/split-here?a=b", "0123456789", "X-Test: value\r\n");
  Client client = connect();
  for (std::size_t at = 1; at < request.size(); ++at) {
    client.send(request.substr(0, at));
    std::this_thread::yield();
    client.send(request.substr(at));
    const auto answer = client.receive();
    ASSERT_TRUE(answer) << at;
    EXPECT_THAT(answer->body, HasSubstr("POST /split-here q=a=b")) << at;
    EXPECT_THAT(answer->body, HasSubstr("x=value body=0123456789")) << at;
  }
}

TEST_F(ServerTest, TakesARequestByteByByte) {
  start();
  Client client = connect();
  const std::string request =
      "POST /c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nX-Test: v\r\n\r\n"
      "3\r\nabc\r\n5;ext=\"q\"\r\ndefgh\r\n0\r\nTrailer: t\r\n\r\n";
  for (int round = 0; round < 2; ++round) {
    for (const char byte : request) client.send({&byte, 1});
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_THAT(answer->body, HasSubstr("x=v body=abcdefgh"));
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  std::string requests;
  for (int i = 0; i < 500; ++i) {
    const std::string path = "/" + std::to_string(i);
    requests += i % 3 == 0 ? post(path, "b" + std::to_string(i)) : get(path);
  }
  Client client = connect();
  std::thread sender([&] { client.send(requests); });
  for (int i = 0; i < 500; ++i) {
    const auto answer = client.receive();
    EXPECT_TRUE(answer);
    if (!answer) break;
    EXPECT_THAT(answer->body, HasSubstr(" /" + std::to_string(i) + " "));
    if (i % 3 == 0) EXPECT_THAT(answer->body, HasSubstr("body=b" + std::to_string(i)));
  }
  sender.join();
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  start();
  Client client = connect();
  client.send("HEAD /large HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto answer = client.receive(true);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->header("Content-Length"), "3000000");
  client.send(get("/next"));
  const auto next = client.receive();
  ASSERT_TRUE(next);
  EXPECT_THAT(next->body, HasSubstr("/next"));
}

TEST_F(ServerTest, SendsLargeBodiesWhole) {
  start();
  Client client = connect();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/large") + get("/shared") + get("/small"));
    const auto large = client.receive();
    ASSERT_TRUE(large);
    EXPECT_EQ(large->body, handler.large);
    const auto shared = client.receive();
    ASSERT_TRUE(shared);
    EXPECT_EQ(shared->body, std::string(100'000, 'S'));
    ASSERT_TRUE(client.receive());
  }
}

TEST_F(ServerTest, LeavesOutTheLengthOf204) {
  start();
  const auto answer = ask(get("/nothing"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 204);
  EXPECT_THAT(answer->head, Not(HasSubstr("Content-")));
}

TEST_F(ServerTest, DoesNotLetAHandlerSplitTheResponse) {
  start();
  const auto answer = ask(get("/split"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->header("Injected"), "");
  EXPECT_EQ(answer->header("X-Evil"), "a  Injected: b");
  EXPECT_EQ(answer->header("Content-Length"), "1");
  EXPECT_THAT(answer->head, Not(HasSubstr("bad name")));
}

TEST_F(ServerTest, ClosesWhenAskedTo) {
  start();
  for (const std::string& request : {get("/close"), get("/x", "Connection: close\r\n"),
                                     get("/x", "Connection: foo, Close\r\n")}) {
    Client client = connect();
    client.send(request);
    const auto answer = client.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->header("Connection"), "close");
    EXPECT_TRUE(client.ended());
  }
}

TEST_F(ServerTest, SpeaksHttp10) {
  start();
  Client once = connect();
  once.send("GET /x HTTP/1.0\r\n\r\n");
  const auto answer = once.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_TRUE(once.ended());

  Client kept = connect();
  for (int i = 0; i < 2; ++i) {
    kept.send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const auto again = kept.receive();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->header("Connection"), "keep-alive");
  }
}

TEST_F(ServerTest, TakesAbsoluteAndAsteriskForm) {
  start();
  const auto absolute = ask("GET http://elsewhere:80/p?q HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(absolute);
  EXPECT_THAT(absolute->body, HasSubstr("GET /p q=q"));
  const auto bare = ask("GET http://elsewhere?q HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(bare);
  EXPECT_THAT(bare->body, HasSubstr("GET / q=q"));
  const auto asterisk = ask("OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n");
  ASSERT_TRUE(asterisk);
  EXPECT_THAT(asterisk->body, HasSubstr("OPTIONS * "));
}

TEST_F(ServerTest, SurvivesAHandlerThatThrows) {
  start();
  EXPECT_EQ(refused(get("/throws")), 500);
  EXPECT_EQ(refused(get("/policy-throws")), 500);
  EXPECT_EQ(metric("madang_http_handler_exceptions_total"), 2);
  EXPECT_EQ(ask(get("/after"))->status, 200);
}

TEST_F(ServerTest, ServesManyClientsAtOnce) {
  start();
  constexpr int clients = 16;
  constexpr int each = 200;
  std::atomic<int> right{0};
  std::vector<std::jthread> workers;
  for (int c = 0; c < clients; ++c) {
    workers.emplace_back([&, c] {
      Client client = connect();
      for (int i = 0; i < each; ++i) {
        const std::string tag = std::to_string(c) + "-" + std::to_string(i);
        client.send(i % 2 == 0 ? get("/" + tag) : post("/" + tag, tag));
        const auto answer = client.receive();
        if (answer && answer->body.find(" /" + tag + " ") != std::string::npos) ++right;
      }
    });
  }
  workers.clear();
  EXPECT_EQ(right, clients * each);
  EXPECT_EQ(metric("madang_http_connections_accepted_total"), clients);
  EXPECT_TRUE(eventually([&] { return metric("madang_http_connections_open") == 0; }));
  EXPECT_EQ(metric("madang_http_requests_in_flight"), 0);
}

}  // namespace madang::http::test
