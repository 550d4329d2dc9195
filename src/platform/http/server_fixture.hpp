// A handler with one route per thing to try, and a client that writes raw bytes.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/encoding.hpp"
#include "platform/http/server.hpp"

namespace madang::http::test {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

/// Longer than anything here takes on a loaded machine; only a failing test waits for it.
constexpr auto patience = 20s;

/// Events a test pushes; close() is remembered.
class TestEvents final : public EventStream, public std::enable_shared_from_this<TestEvents> {
 public:
  explicit TestEvents(asio::any_io_executor executor) : executor_(executor), timer_(executor) {
    timer_.expires_at(Steady::time_point::max());
  }
  Task<std::optional<std::string>> next() override {
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (!pieces_.empty()) {
          std::string piece = std::move(pieces_.front());
          pieces_.pop_front();
          co_return piece;
        }
        if (ended_ || closed_) co_return std::nullopt;
      }
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }
  void close() override {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    timer_.cancel();
  }
  void push(std::string piece) {
    {
      const std::lock_guard lock(mutex_);
      pieces_.push_back(std::move(piece));
    }
    asio::post(executor_, [self = shared_from_this()] { self->timer_.cancel(); });
  }
  void end() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    asio::post(executor_, [self = shared_from_this()] { self->timer_.cancel(); });
  }
  bool wait_closed() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return closed_; });
  }

 private:
  const asio::any_io_executor executor_;
  asio::steady_timer timer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> pieces_;
  bool closed_ = false;
  bool ended_ = false;
};

/// Lets a handler wait until the test opens it.
class Gate {
 public:
  void open() { opened_ = true; }
  void close() { opened_ = false; }
  Task<> pass() {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (!opened_) {
      timer.expires_after(1ms);
      co_await timer.async_wait(asio::use_awaitable);
    }
  }

 private:
  std::atomic<bool> opened_{false};
};

class TestHandler final : public Handler {
 public:
  BodyPolicy body_policy(const Request& head, bool crowded) override;
  Task<Response> handle(Request& request) override;
  Response protocol_error(const Problem& problem, unsigned status,
                          std::string_view request_id) override;

  std::shared_ptr<TestEvents> wait_events();

  Gate gate;
  std::atomic<int> handled{0};
  std::atomic<int> waiting{0};
  std::atomic<int> policies{0};
  const std::string large = std::string(3'000'000, 'L');

 private:
  Task<Response> upload(Request& request);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<TestEvents> events_;
};

struct Answer {
  unsigned status = 0;
  std::string head{};
  std::string body{};
  std::string header(std::string_view name) const;
};

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0);
  ~Client() { close(); }
  Client(Client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}
  Client& operator=(Client&&) = delete;

  /// False when the server has closed meanwhile.
  bool send(std::string_view bytes);
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  void close();
  /// Closes so that the server sees a reset.
  void reset();
  /// Nothing at the end of the stream, on a reset, and (a failure) when patience ends.
  std::optional<Answer> receive(bool head_request = false);
  std::optional<std::string> receive_chunk();
  std::optional<std::string> receive_head();
  /// True when the stream ends without another byte.
  bool ended();
  std::string receive_rest();
  const std::string& buffered() const { return buffer_; }

 private:
  bool fill();
  bool fill_until(std::size_t size);

  int fd_;
  std::string buffer_;
};

/// `GET path` over a connection that stays open.
std::string get(std::string_view path, std::string_view more_headers = {});
std::string post(std::string_view path, std::string_view body, std::string_view more_headers = {});

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() { options.port = 0; }
  ~ServerTest() override;

  void start();
  Client connect(int receive_buffer = 0) { return Client(server->port(), receive_buffer); }
  /// The answer to one request over a connection of its own.
  std::optional<Answer> ask(std::string_view bytes);
  /// Sends bytes that break HTTP: the status, provided that the connection then closed.
  unsigned refused(std::string_view bytes);
  double metric(const std::string& line_start);
  /// Waits for a condition another thread brings about.
  static bool eventually(const std::function<bool()>& condition);

  ServerOptions options;
  int threads = 2;
  metrics::Registry registry;
  TestHandler handler;
  std::unique_ptr<runtime::IoPool> pool;
  std::unique_ptr<Server> server;
};

}  // namespace madang::http::test
