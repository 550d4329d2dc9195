// Servers that are silent, cut off, lie, or cannot prove who they are.
#include "platform/objects/http_transport.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/encoding.hpp"
#include "base/unique_fd.hpp"

namespace madang::objects {
namespace {

using namespace std::chrono_literals;
using Failure = TransportFailure::Kind;
using Steady = Deadline::Steady;

UniqueFd listen_on_loopback(std::uint16_t& port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(fd.get(), 16) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no port");
  port = ntohs(address.sin_port);
  return fd;
}

/// Answers every request with the same bytes; then closes, or is silent when there are none.
class Parrot {
 public:
  explicit Parrot(std::string answer, bool keep = false)
      : answer_(std::move(answer)), keep_(keep), listener_(listen_on_loopback(port_)) {
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/b/k"; }
  int connections() const { return connections_; }
  std::string heard() const { return heard_; }

 private:
  static bool readable(int fd) {
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&wait, 1, 5) > 0;
  }
  void serve(const std::stop_token& stop) {
    std::vector<UniqueFd> open;
    while (!stop.stop_requested()) {
      if (readable(listener_.get())) {
        open.emplace_back(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        ++connections_;
      }
      std::erase_if(open, [this](const UniqueFd& fd) { return readable(fd.get()) && !talk(fd); });
    }
  }
  bool talk(const UniqueFd& fd) {
    char bytes[65536];
    const ssize_t count = ::recv(fd.get(), bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    heard_.append(bytes, static_cast<std::size_t>(count));
    if (answer_.empty()) return true;
    (void)::send(fd.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
    return keep_;
  }

  const std::string answer_;
  const bool keep_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  std::atomic<int> connections_ = 0;
  std::string heard_;  // read when the thread is done with a request
  std::jthread thread_;
};

std::string outcome(const std::expected<HttpAnswer, TransportFailure>& answer) {
  if (answer) return std::to_string(answer->status);
  switch (answer.error().kind) {
    case Failure::unreachable:
      return "unreachable";
    case Failure::timeout:
      return "timeout";
    case Failure::broken:
      return "broken";
    case Failure::too_large:
      return "too_large";
  }
  return "";
}

std::string get(const std::string& url, std::uint64_t max_body = 10,
                std::chrono::milliseconds within = 20s, TransportOptions options = {}) {
  HttpTransport transport(std::move(options));
  return outcome(transport.send({.method = "GET", .url = url, .headers = {}, .max_body = max_body},
                                Deadline::after(within)));
}

TEST(HttpTransport, NamesWhatBecameOfARequest) {
  EXPECT_EQ(get(Parrot("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").url()), "200");
  EXPECT_EQ(get(Parrot("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello").url(), 1000),
            "broken");
  EXPECT_EQ(get(Parrot("nonsense\r\n\r\n").url()), "broken");
  EXPECT_EQ(get("http://127.0.0.1:1/"), "unreachable");
  EXPECT_EQ(get("http://no-such-host.invalid/"), "unreachable");
  EXPECT_EQ(get("file:///etc/passwd", 1 << 20), "broken");
}

TEST(HttpTransport, AnswersAreBounded) {
  EXPECT_EQ(get(Parrot("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world").url()),
            "too_large");
  EXPECT_EQ(get(Parrot("HTTP/1.1 200 OK\r\n\r\nhello world").url()), "too_large")
      << "also without a length";
  EXPECT_EQ(get(Parrot("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n").url()),
            "broken");
  EXPECT_EQ(get(Parrot("HTTP/1.1 500 No\r\n\r\n" + std::string(100'000, 'x')).url()), "too_large");
  EXPECT_EQ(get(Parrot("HTTP/1.1 200 OK\r\nX: " + std::string(400'000, 'x') + "\r\n\r\n").url()),
            "broken");
}

TEST(HttpTransport, NeverWaitsBeyondTheDeadline) {
  const Parrot silent("");
  const auto began = Steady::now();
  EXPECT_EQ(get(silent.url(), 10, 200ms), "timeout");
  EXPECT_GE(Steady::now() - began, 200ms);
  EXPECT_LT(Steady::now() - began, 2s);
}

TEST(HttpTransport, FollowsNoRedirect) {
  const Parrot elsewhere("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const Parrot here("HTTP/1.1 307 Away\r\nLocation: " + elsewhere.url() +
                    "\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(get(here.url()), "307");
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(HttpTransport, KeepsConnections) {
  const Parrot server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true);
  HttpTransport transport({});
  for (int i = 0; i < 5; ++i) {
    const auto answer =
        transport.send({.method = "GET", .url = server.url(), .headers = {}, .max_body = 10},
                       Deadline::after(20s));
    EXPECT_EQ(outcome(answer), "200");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST(HttpTransport, SendsOnlyTheHeadersItIsGiven) {
  auto server = std::make_unique<Parrot>("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true);
  {
    HttpTransport transport({});
    const auto answer = transport.send(
        {.method = "PUT", .url = server->url(), .headers = {{"x-a", "1"}}, .body = as_bytes("hi")},
        Deadline::after(20s));
    EXPECT_EQ(outcome(answer), "200");
  }
  const std::string heard = server->heard();
  EXPECT_THAT(heard, testing::StartsWith("PUT /b/k HTTP/1.1\r\n"));
  EXPECT_THAT(heard, testing::HasSubstr("x-a: 1\r\n"));
  EXPECT_THAT(heard, testing::HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(heard, testing::EndsWith("\r\n\r\nhi"));
  for (const char* absent : {"Expect:", "Content-Type:", "Accept:", "User-Agent:"})
    EXPECT_THAT(heard, testing::Not(testing::HasSubstr(absent)));
}

/// openssl s_server on loopback with a certificate for 127.0.0.1 that only its own file vouches
/// for.
class TlsServer {
 public:
  TlsServer() {
    std::string pattern = (std::filesystem::temp_directory_path() / "madang-tls-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const std::string make =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x "
        "-addext subjectAltName=IP:127.0.0.1 -keyout " +
        folder_ + "/key.pem -out " + ca_file() + " 2>/dev/null";
    if (std::system(make.c_str()) != 0) throw std::runtime_error("no certificate");
    listen_on_loopback(port_);  // and frees it again
    start();
  }
  ~TlsServer() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }
  std::string ca_file() const { return folder_ + "/cert.pem"; }
  std::string url(const std::string& host) const {
    return "https://" + host + ":" + std::to_string(port_) + "/";
  }

 private:
  void start() {
    const std::string accept = "127.0.0.1:" + std::to_string(port_);
    const std::string key = folder_ + "/key.pem", cert = ca_file();
    process_ = ::fork();
    if (process_ != 0) return;
    ::execlp("openssl", "openssl", "s_server", "-quiet", "-www", "-accept", accept.c_str(), "-key",
             key.c_str(), "-cert", cert.c_str(), nullptr);
    ::_exit(127);
  }

  std::string folder_;
  std::uint16_t port_ = 0;
  pid_t process_ = -1;
};

TEST(HttpTransport, TlsIsVerified) {
  const TlsServer server;
  const auto ask = [&](const std::string& host, const std::string& ca_file) {
    return get(server.url(host), 1 << 20, 20s, {.ca_file = ca_file});
  };
  std::string trusted = ask("127.0.0.1", server.ca_file());
  for (int i = 0; trusted == "unreachable" && i < 200; ++i) {
    std::this_thread::sleep_for(20ms);
    trusted = ask("127.0.0.1", server.ca_file());
  }
  EXPECT_EQ(trusted, "200");
  EXPECT_EQ(ask("127.0.0.1", ""), "unreachable") << "nobody vouches for it";
  EXPECT_EQ(ask("localhost", server.ca_file()), "unreachable") << "it is somebody else's name";
  EXPECT_EQ(ask("127.0.0.1", "/nowhere.pem"), "unreachable");
}

}  // namespace
}  // namespace madang::objects
