#include "platform/http/server_fixture.hpp"

#include <netinet/tcp.h>

#include <charconv>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "platform/http/ascii.hpp"
#include "platform/http/problem.hpp"

namespace madang::http::test {

BodyPolicy TestHandler::body_policy(const Request& head, bool crowded) {
  ++policies;
  if (head.path == "/stream") return {.limit = 64 * 1024 * 1024, .stream = true};
  if (head.path == "/half") return {.limit = 64 * 1024 * 1024, .stream = true};
  if (head.path == "/refused") {
    Response refusal{.status = 401, .content_type = "text/plain", .body = std::string("no")};
    return {.limit = 1000, .refuse = std::move(refusal)};
  }
  if (head.path == "/crowd" && crowded) {
    Response refusal{.status = 503, .content_type = "text/plain", .body = std::string("crowd")};
    return {.limit = 1000, .refuse = std::move(refusal)};
  }
  if (head.path == "/policy-throws") throw std::runtime_error("policy");
  if (head.path == "/big") return {.limit = 8 * 1024 * 1024};
  return {.limit = 1000};
}

Task<Response> TestHandler::handle(Request& request) {
  ++handled;
  if (request.stream != nullptr) co_return co_await upload(request);
  if (request.path == "/throws") throw std::runtime_error("a bug");
  if (request.path == "/wait") {
    ++waiting;
    co_await gate.pass();
  }
  if (request.path == "/events") {
    auto events = std::make_shared<TestEvents>(co_await asio::this_coro::executor);
    {
      const std::lock_guard lock(mutex_);
      events_ = events;
    }
    changed_.notify_all();
    co_return Response{.content_type = "text/event-stream",
                       .body = std::static_pointer_cast<EventStream>(events)};
  }
  if (request.path == "/large") {
    co_return Response{.content_type = "text/plain", .body = as_bytes(large)};
  }
  if (request.path == "/shared") {
    co_return Response{.content_type = "text/plain",
                       .body = std::make_shared<const std::string>(100'000, 'S')};
  }
  if (request.path == "/nothing") co_return Response{.status = 204, .content_type = {}};
  if (request.path == "/close") co_return Response{.body = std::string("bye"), .close = true};
  if (request.path == "/split") {
    Response response{.body = std::string("x")};
    response.with("X-Evil", "a\r\nInjected: b").with("Content-Length", "77").with("bad name", "x");
    co_return response;
  }
  std::string text = std::string(method_name(request.method)) + " " + std::string(request.path) +
                     " q=" + std::string(request.query) + " ip=" + request.remote_address +
                     " id=" + request.request_id + " x=" + std::string(request.header("x-test")) +
                     " body=" + request.body;
  co_return Response{.content_type = "text/plain", .body = std::move(text)};
}

/// The sum of the bytes, so that a lost or doubled piece shows.
Task<Response> TestHandler::upload(Request& request) {
  std::uint64_t bytes = 0;
  std::uint64_t sum = 0;
  for (;;) {
    const Result<std::span<const std::byte>> piece = co_await request.stream->read();
    if (!piece) {
      co_return Response{.status = status_of(piece.error().kind),
                         .body = std::string(piece.error().code)};
    }
    if (piece->empty()) break;
    bytes += piece->size();
    for (const std::byte byte : *piece) sum += static_cast<std::uint64_t>(byte);
    if (request.path == "/half") break;
  }
  co_return Response{.content_type = "text/plain",
                     .body = std::to_string(bytes) + " " + std::to_string(sum) + " " +
                             std::string(request.header("x-test"))};
}

Response TestHandler::protocol_error(const Problem& problem, unsigned status,
                                     std::string_view request_id) {
  return {.status = status != 0 ? status : status_of(problem.kind),
          .content_type = "text/plain",
          .headers = {{"X-Told-Id", std::string(request_id)}},
          .body = std::string(problem.code) + ": " + problem.detail};
}

std::shared_ptr<TestEvents> TestHandler::wait_events() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [this] { return events_ != nullptr; });
  return std::exchange(events_, nullptr);
}

std::string Answer::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos && same_token(line.substr(0, colon), name)) {
      return std::string(line.substr(colon + 2));
    }
  }
  return {};
}

Client::Client(std::uint16_t port, int receive_buffer) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
  if (receive_buffer > 0) {
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
  }
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Client::reset() {
  const linger hard{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

bool Client::fill() {
  pollfd waiting{fd_, POLLIN, 0};
  constexpr int most = std::chrono::milliseconds(patience).count();
  if (poll(&waiting, 1, most) != 1) {
    ADD_FAILURE() << "the server neither answered nor closed";
    return false;
  }
  char bytes[16384];
  const ssize_t count = recv(fd_, bytes, sizeof bytes, 0);
  if (count <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

bool Client::fill_until(std::size_t size) {
  while (buffer_.size() < size) {
    if (!fill()) return false;
  }
  return true;
}

std::optional<std::string> Client::receive_head() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return std::nullopt;
  }
  std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  return head;
}

std::optional<Answer> Client::receive(bool head_request) {
  std::optional<std::string> head = receive_head();
  if (!head) return std::nullopt;
  Answer answer{.head = std::move(*head)};
  std::from_chars(answer.head.data() + 9, answer.head.data() + 12, answer.status);
  std::size_t length = 0;
  const std::string text = answer.header("Content-Length");
  std::from_chars(text.data(), text.data() + text.size(), length);
  if (head_request || length == 0) return answer;
  if (!fill_until(length)) return std::nullopt;
  answer.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return answer;
}

std::optional<std::string> Client::receive_chunk() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (!fill()) return std::nullopt;
  }
  std::size_t size = 0;
  std::from_chars(buffer_.data(), buffer_.data() + end, size, 16);
  if (!fill_until(end + 2 + size + 2)) return std::nullopt;
  std::string chunk = buffer_.substr(end + 2, size);
  buffer_.erase(0, end + 2 + size + 2);
  return chunk;
}

bool Client::ended() {
  return buffer_.empty() && !fill() && buffer_.empty();
}

std::string Client::receive_rest() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

std::string get(std::string_view path, std::string_view more_headers) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(more_headers) +
         "\r\n";
}

std::string post(std::string_view path, std::string_view body, std::string_view more_headers) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more_headers) + "\r\n" + std::string(body);
}

ServerTest::~ServerTest() {
  server.reset();
  if (pool) pool->stop();
}

void ServerTest::start() {
  pool = std::make_unique<runtime::IoPool>(threads);
  server = std::make_unique<Server>(options, handler, *pool, registry);
  server->start();
}

std::optional<Answer> ServerTest::ask(std::string_view bytes) {
  Client client = connect();
  client.send(bytes);
  return client.receive();
}

unsigned ServerTest::refused(std::string_view bytes) {
  Client client = connect();
  client.send(bytes);
  const auto answer = client.receive();
  if (!answer) return 0;
  EXPECT_TRUE(client.ended()) << "still open after: " << answer->head;
  EXPECT_EQ(answer->header("Connection"), "close");
  return answer->status;
}

double ServerTest::metric(const std::string& line_start) {
  const std::string text = registry.scrape();
  const std::size_t at = text.find("\n" + line_start + " ");
  if (at == std::string::npos) return -1;
  return std::stod(text.substr(at + line_start.size() + 2));
}

bool ServerTest::eventually(const std::function<bool()>& condition) {
  const auto end = Steady::now() + patience;
  while (!condition()) {
    if (Steady::now() >= end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

}  // namespace madang::http::test
