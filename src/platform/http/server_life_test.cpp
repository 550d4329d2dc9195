// Timeouts, event streams, limits of connections, draining.
#include <gmock/gmock.h>

#include <sys/resource.h>

#include <thread>
#include <vector>

#include "platform/http/server_fixture.hpp"

namespace madang::http::test {

using ::testing::HasSubstr;

TEST_F(ServerTest, GivesUpOnASlowHead) {
  options.head_timeout = 60ms;
  start();
  Client client = connect();
  client.send("GET / HTTP/1.1\r\nHost: ");
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
  EXPECT_THAT(answer->body, HasSubstr("request_timeout"));
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerTest, DrippingAHeadDoesNotHelp) {
  options.head_timeout = 100ms;
  start();
  Client client = connect();
  client.send("GET / HTTP/1.1\r\nX: ");
  std::jthread dripping([&client](const std::stop_token& stop) {
    while (!stop.stop_requested() && client.send("x")) std::this_thread::sleep_for(5ms);
  });
  const auto answer = client.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
}

TEST_F(ServerTest, TimesOutASecondHeadToo) {
  options.head_timeout = 60ms;
  start();
  Client client = connect();
  client.send(get("/first") + "GET /second HTTP/1.1\r\n");
  EXPECT_EQ(client.receive()->status, 200);
  EXPECT_EQ(client.receive()->status, 408);
}

TEST_F(ServerTest, ClosesIdleConnectionsQuietly) {
  options.idle_timeout = 300ms;
  start();
  Client fresh = connect();
  EXPECT_TRUE(fresh.ended());
  Client used = connect();
  used.send(get("/"));
  ASSERT_TRUE(used.receive());
  EXPECT_TRUE(used.ended());
}

TEST_F(ServerTest, ServesAConnectionThatGaveItsMemoryBack) {
  start();
  Client client = connect();
  client.send(get("/one", "X-Test: first\r\n"));
  EXPECT_THAT(client.receive()->body, HasSubstr("/one"));
  std::this_thread::sleep_for(1600ms);  // past the second after which buffers are released
  client.send(post("/two", "body", "X-Test: second\r\n"));
  EXPECT_THAT(client.receive()->body, HasSubstr("x=second body=body"));
}

TEST_F(ServerTest, ClosesAReaderThatDoesNotRead) {
  options.write_timeout = 100ms;
  start();
  Client client = connect(4096);
  for (int i = 0; i < 20; ++i) client.send(get("/large"));
  EXPECT_TRUE(eventually([&] { return metric("madang_http_slow_readers_closed_total") == 1; }));
  EXPECT_TRUE(eventually([&] { return metric("madang_http_connections_open") == 0; }));
}

TEST_F(ServerTest, WaitsForAReaderThatIsMerelySlow) {
  options.write_timeout = 5s;
  start();
  Client client = connect(4096);
  client.send(get("/large"));
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(client.receive()->body.size(), 3'000'000U);
  EXPECT_EQ(metric("madang_http_slow_readers_closed_total"), 0);
}

TEST_F(ServerTest, SendsEventsAsTheyCome) {
  start();
  Client client = connect();
  client.send(get("/events"));
  const auto events = handler.wait_events();
  ASSERT_TRUE(events);
  const auto head = client.receive_head();
  ASSERT_TRUE(head);
  EXPECT_THAT(*head, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(*head, HasSubstr("Content-Type: text/event-stream\r\n"));
  for (int i = 0; i < 5; ++i) {
    events->push("");  // nothing to say is not the end
    events->push("data: " + std::to_string(i) + "\n\n");
    EXPECT_EQ(client.receive_chunk(), "data: " + std::to_string(i) + "\n\n");
  }
  events->end();
  EXPECT_EQ(client.receive_chunk(), "");
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(events->wait_closed());
}

TEST_F(ServerTest, SendsEventsToHttp10WithoutChunks) {
  start();
  Client client = connect();
  client.send("GET /events HTTP/1.0\r\n\r\n");
  const auto events = handler.wait_events();
  ASSERT_TRUE(events);
  ASSERT_TRUE(client.receive_head());
  events->push("data: x\n\n");
  events->end();
  EXPECT_EQ(client.receive_rest(), "data: x\n\n");
}

TEST_F(ServerTest, AnswersHeadOfEvents) {
  start();
  Client client = connect();
  client.send("HEAD /events HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto events = handler.wait_events();
  ASSERT_TRUE(events);
  EXPECT_TRUE(client.receive(true));
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(events->wait_closed());
}

TEST_F(ServerTest, NoticesThatAListenerLeft) {
  start();
  for (const bool reset : {false, true}) {
    Client client = connect();
    client.send(get("/events"));
    const auto events = handler.wait_events();
    ASSERT_TRUE(events);
    ASSERT_TRUE(client.receive_head());
    reset ? client.reset() : client.close();
    EXPECT_TRUE(events->wait_closed());
    EXPECT_TRUE(eventually([&] { return metric("madang_http_connections_open") == 0; }));
  }
}

TEST_F(ServerTest, ClosesAListenerThatDoesNotRead) {
  options.write_timeout = 100ms;
  start();
  Client client = connect(4096);
  client.send(get("/events"));
  const auto events = handler.wait_events();
  ASSERT_TRUE(events);
  for (int i = 0; i < 100; ++i) events->push(std::string(200'000, 'e'));
  EXPECT_TRUE(events->wait_closed());
  EXPECT_TRUE(eventually([&] { return metric("madang_http_slow_readers_closed_total") == 1; }));
}

TEST_F(ServerTest, TurnsAwayConnectionsOverTheLimit) {
  options.max_connections = 3;
  start();
  std::vector<Client> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(connect());
    held.back().send(get("/"));
    ASSERT_TRUE(held.back().receive());
  }
  for (int i = 0; i < 5; ++i) {
    Client extra = connect();
    extra.send(get("/"));
    const auto answer = extra.receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->header("Retry-After"), "1");
    EXPECT_EQ(answer->header("Connection"), "close");
    EXPECT_TRUE(extra.ended());
  }
  EXPECT_EQ(metric("madang_http_connections_refused_total"), 5);
  held.clear();
  EXPECT_TRUE(eventually([&] { return ask(get("/"))->status == 200; }));
}

/// Leaves the process one descriptor that it may still open.
class OneDescriptor {
 public:
  OneDescriptor() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    ::close(next);
    const rlimit few{static_cast<rlim_t>(next) + 1, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
  }
  ~OneDescriptor() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(ServerTest, OutlivesALackOfDescriptors) {
  start();
  std::optional<Client> waiting;
  {
    const OneDescriptor left;
    waiting.emplace(connect());  // takes it; the server's side of the connection gets none
    ASSERT_TRUE(eventually([&] { return metric("madang_http_accept_failures_total") > 1; }));
    EXPECT_LT(metric("madang_http_accept_failures_total"), 1000) << "spins instead of waiting";
  }
  waiting->send(get("/"));
  EXPECT_TRUE(waiting->receive());
}

TEST_F(ServerTest, RefusesAPortInUse) {
  start();
  options.port = server->port();
  metrics::Registry other_registry;
  EXPECT_THROW(Server(options, handler, *pool, other_registry), std::system_error);
  options.host = "256.1.1.1.example.invalid";
  EXPECT_THROW(Server(options, handler, *pool, other_registry), std::system_error);
}

TEST_F(ServerTest, ListensOnNames) {
  options.host = "localhost";
  start();
  EXPECT_NE(server->port(), 0);
}

TEST_F(ServerTest, DrainsWhatItHasBegun) {
  start();
  Client busy = connect();
  busy.send(get("/wait"));
  Client idle = connect();
  idle.send(get("/"));
  ASSERT_TRUE(idle.receive());
  Client listener = connect();
  listener.send(get("/events"));
  const auto events = handler.wait_events();
  ASSERT_TRUE(events);
  ASSERT_TRUE(listener.receive_head());
  ASSERT_TRUE(eventually([&] { return handler.waiting == 1; }));

  server->stop_accepting();
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(events->wait_closed());
  EXPECT_EQ(listener.receive_chunk(), "");
  EXPECT_TRUE(listener.ended());
  EXPECT_THROW(connect(), std::runtime_error);

  handler.gate.open();
  const auto answer = busy.receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->header("Connection"), "close");
  EXPECT_TRUE(busy.ended());
  const auto begun = Steady::now();
  server->drain(patience);
  EXPECT_LT(Steady::now() - begun, patience);
  EXPECT_EQ(metric("madang_http_connections_open"), 0);
}

TEST_F(ServerTest, CutsWhatDoesNotEndInTime) {
  start();
  Client busy = connect();
  busy.send(get("/wait"));
  Client half = connect();
  half.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return handler.waiting == 1 && handler.policies == 2; }));
  std::thread opener([&] {
    EXPECT_FALSE(busy.receive());
    EXPECT_FALSE(half.receive());
    handler.gate.open();
  });
  server->drain(50ms);
  opener.join();
  server.reset();
  EXPECT_EQ(metric("madang_http_connections_open"), 0);
}

/// Clients that go on as long as they may: each is told with an answer that it was the last one.
TEST_F(ServerTest, DrainsUnderLoadWithoutLoss) {
  options.drain_grace = patience;  // a client that gets no processor time is still not idle
  start();
  std::atomic<int> answered{0};
  std::atomic<int> cut{0};
  std::atomic<int> lost{0};
  std::vector<std::jthread> workers;
  for (int c = 0; c < 8; ++c) {
    workers.emplace_back([&, c] {
      Client client = connect();
      for (int i = 0;; ++i) {
        const std::string tag = "/" + std::to_string(c) + "-" + std::to_string(i);
        if (!client.send(post(tag, tag))) {
          ++lost;
          return;
        }
        const auto answer = client.receive();
        if (!answer) {
          ++(client.buffered().empty() ? lost : cut);
          return;
        }
        if (answer->body.find("body=" + tag) == std::string::npos) ++cut;
        ++answered;
        if (answer->header("Connection") == "close") return;
      }
    });
  }
  ASSERT_TRUE(eventually([&] { return answered > 500; }));
  server->drain(patience);
  workers.clear();
  EXPECT_EQ(cut, 0);
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(handler.handled, answered);
}

TEST_F(ServerTest, AnswersConnectionsThatWaitInTheQueueWhenItStops) {
  threads = 1;
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(connect());
    clients.back().send(get("/"));
  }
  server->stop_accepting();
  for (Client& client : clients) EXPECT_TRUE(client.receive());
  server->drain(patience);
}

TEST_F(ServerTest, MayBeDestroyedWithoutStarting) {
  pool = std::make_unique<runtime::IoPool>(2);
  server = std::make_unique<Server>(options, handler, *pool, registry);
  server->stop_accepting();
  server->drain(1ms);
  server.reset();
}

TEST_F(ServerTest, MayOutliveThePoolsThreads) {
  start();
  Client idle = connect();
  idle.send(get("/"));
  ASSERT_TRUE(idle.receive());
  Client busy = connect();
  busy.send(get("/wait"));
  Client listener = connect();
  listener.send(get("/events"));
  ASSERT_TRUE(handler.wait_events());
  ASSERT_TRUE(eventually([&] { return handler.waiting == 1; }));
  pool->stop();
  server.reset();
}

}  // namespace madang::http::test
