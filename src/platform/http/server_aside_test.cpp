// Too much is asked: who was refused stands aside until others have been looked at.
#include <gmock/gmock.h>

#include <boost/asio/post.hpp>
#include <optional>

#include "platform/http/server_fixture.hpp"
#include "platform/runtime/lag.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::http::test {

using ::testing::HasSubstr;

class ServerAsideTest : public ServerTest {
 protected:
  ServerAsideTest() {
    threads = 1;
    start();
    lag_.emplace(1ms, *pool, registry);
    lag_->start(tasks_);
  }
  ~ServerAsideTest() override {
    toiling_ = false;
    lag_->stop();
    tasks_.wait();
    while (at_work_ > 0) std::this_thread::sleep_for(1ms);
  }

  /// Keeps the I/O thread busy, some milliseconds of each round.
  void toil() {
    if (!toiling_) {
      --at_work_;
      return;
    }
    for (const auto begun = std::chrono::steady_clock::now();
         std::chrono::steady_clock::now() - begun < 5ms;) {
    }
    boost::asio::post(pool->executor(0), [this] { toil(); });
  }
  void begin_to_toil() {
    toiling_ = true;
    ++at_work_;
    boost::asio::post(pool->executor(0), [this] { toil(); });
  }

  unsigned status_of(Client& client, const std::string& request) {
    EXPECT_TRUE(client.send(request));
    const auto answer = client.receive();
    return answer ? answer->status : 0;
  }

  std::optional<runtime::LagMonitor> lag_;
  runtime::TaskGroup tasks_{"aside_test", registry};
  std::atomic<bool> toiling_{false};
  std::atomic<int> at_work_{0};
};

TEST_F(ServerAsideTest, WhoIsRefusedIsHeardAgain) {
  Client client = connect();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(status_of(client, get("/refused")), 401U);
    EXPECT_EQ(status_of(client, get("/refused")), 401U);
    EXPECT_EQ(status_of(client, post("/echo", "body")), 200U);
  }
  EXPECT_EQ(metric("madang_http_requests_aside"), 0);
}

TEST_F(ServerAsideTest, WhatFollowsARefusalInOneWriteIsAnsweredInOrder) {
  Client client = connect();
  client.send(post("/refused", "unread") + post("/echo", "read") + get("/refused") + get("/"));
  EXPECT_EQ(client.receive()->status, 401U);
  EXPECT_THAT(client.receive()->body, HasSubstr("body=read"));
  EXPECT_EQ(client.receive()->status, 401U);
  EXPECT_EQ(client.receive()->status, 200U);
}

// The bound of a test is the stage's.
TEST_F(ServerAsideTest, SomeAreServedAndTheOthersToldWhileItIsCrowdedAndAllAfterwards) {
  begin_to_toil();
  std::vector<Client> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(connect());
  int served = 0, refused = 0;
  while (served == 0 || refused == 0) {
    for (Client& client : clients) EXPECT_TRUE(client.send(get("/crowd")));
    for (Client& client : clients) ++(client.receive()->status == 200 ? served : refused);
  }
  toiling_ = false;
  for (Client& client : clients)
    while (status_of(client, get("/crowd")) != 200) std::this_thread::sleep_for(1ms);
}

TEST_F(ServerAsideTest, WhoStandsAsideIsAnsweredWhenTheServerStops) {
  begin_to_toil();
  std::vector<Client> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(connect());
  bool some_aside = false;
  while (!some_aside) {
    for (Client& client : clients) EXPECT_TRUE(client.send(get("/crowd")));
    for (int i = 0; i < 50 && !some_aside; ++i) {
      some_aside = metric("madang_http_requests_aside") > 0;
      std::this_thread::sleep_for(1ms);
    }
    if (some_aside) break;
    for (Client& client : clients) EXPECT_TRUE(client.receive());
  }
  server->stop_accepting();
  lag_->stop();
  for (Client& client : clients) EXPECT_TRUE(client.receive());
  server->drain(10s);
}

}  // namespace madang::http::test
