// A load generator that does not wait: requests leave at their times whether or not the earlier
// ones were answered, so that a server that falls behind is seen to. A request's time counts from
// the moment it was due, not from when a connection was free for it.
//
//   open_loop PORT RATE SECONDS REQUESTS [CONNECTIONS [ONSET]]
//
// REQUESTS: a file of whole HTTP/1.1 requests, each ended by a NUL byte, sent in turn. RATE 0:
// as fast as CONNECTIONS (64) are answered; who is refused comes again a second later. Answers to
// what was due in the first ONSET (0) seconds are counted apart, and so is how long after their
// moment requests left: that is this program's own share of the times. Prints one line of JSON;
// times in microseconds.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Steady = std::chrono::steady_clock;
using Moment = Steady::time_point;

constexpr std::size_t most_connections = 4000;
constexpr auto retry_after = std::chrono::seconds(1);  // what the server asks for
constexpr auto patience = std::chrono::seconds(20);    // after the last request

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "open_loop: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

using Times = std::map<int, std::vector<Steady::duration>>;

struct Connection {
  int socket = -1;
  bool busy = false;
  Moment due{};
  std::string in;
};

/// Status of a complete answer at the front of `in`, and its length; 0 when it is not complete.
std::size_t complete(std::string_view in, int& status, bool& closing) {
  const auto end = in.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  std::string head(in.substr(0, end));
  std::transform(head.begin(), head.end(), head.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::size_t length = 0;
  if (const auto at = head.find("\r\ncontent-length: "); at != std::string::npos)
    std::from_chars(head.data() + at + 18, head.data() + head.size(), length);
  status = std::atoi(head.c_str() + 9);
  closing = head.find("\r\nconnection: close") != std::string::npos;
  return in.size() >= end + 4 + length ? end + 4 + length : 0;
}

class Load {
 public:
  Load(std::uint16_t port, double rate, double seconds, std::vector<std::string> requests,
       std::size_t connections, double onset)
      : rate_(rate),
        seconds_(seconds),
        onset_seconds_(onset),
        requests_(std::move(requests)),
        closed_(connections) {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(port);
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll_ = epoll_create1(0);
    if (epoll_ < 0) fail("epoll_create1");
  }

  void run() {
    begin_ = Steady::now();
    end_ = begin_ +
           std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds_));
    next_ = begin_;
    onset_ends_ = begin_ + std::chrono::duration_cast<Steady::duration>(
                               std::chrono::duration<double>(onset_seconds_));
    if (rate_ == 0)
      for (std::size_t i = 0; i < closed_; ++i) send(begin_);
    while (going()) {
      send_due();
      read_answers();
    }
    report();
  }

 private:
  bool going() const {
    const Moment now = Steady::now();
    return now < end_ || (busy_ > 0 && now < end_ + patience);
  }

  void send_due() {
    if (rate_ == 0) return send_again();
    const Moment now = std::min(Steady::now(), end_);
    const auto step =
        std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(1 / rate_));
    for (; next_ < now; next_ += step) send(next_);
  }

  void send_again() {
    for (const Moment now = Steady::now(); !again_.empty() && again_.front() <= now && now < end_;
         again_.pop_front())
      send(now);
  }

  void send(Moment due) {
    Connection* connection = free_connection();
    if (!connection) {
      ++missed_;
      return;
    }
    const std::string& request = requests_[sent_++ % requests_.size()];
    connection->busy = true;
    connection->due = due;
    ++busy_;
    if (rate_ != 0) late_[due < onset_ends_ ? 1 : 0].push_back(Steady::now() - due);
    const auto done = ::send(connection->socket, request.data(), request.size(), MSG_NOSIGNAL);
    if (done != static_cast<ssize_t>(request.size())) lost(*connection);
  }

  Connection* free_connection() {
    if (!idle_.empty()) {
      Connection* connection = idle_.back();
      idle_.pop_back();
      return connection;
    }
    if (open_ >= most_connections) return nullptr;
    auto made = std::make_unique<Connection>();
    made->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(made->socket, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) != 0)
      fail("connect");
    const int on = 1;
    setsockopt(made->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(made->socket, F_SETFL, O_NONBLOCK);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = made.get()}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, made->socket, &event) != 0) fail("epoll_ctl");
    ++open_;
    return connections_.emplace_back(std::move(made)).get();
  }

  void read_answers() {
    std::array<epoll_event, 256> events;
    // Between requests it does not sleep: a millisecond would be coarser than what it measures.
    const int wait = rate_ != 0 && Steady::now() < end_ ? 0 : 50;
    const int count = epoll_wait(epoll_, events.data(), events.size(), wait);
    for (int i = 0; i < count; ++i) read(*static_cast<Connection*>(events[i].data.ptr));
  }

  void read(Connection& connection) {
    std::array<char, 64 * 1024> some;
    const auto got = recv(connection.socket, some.data(), some.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return lost(connection);
    connection.in.append(some.data(), static_cast<std::size_t>(got));
    int status = 0;
    bool closing = false;
    const auto length = complete(connection.in, status, closing);
    if (length == 0) return;
    connection.in.erase(0, length);
    const Moment now = Steady::now();
    (connection.due < onset_ends_ ? onset_ : times_)[status].push_back(now - connection.due);
    connection.busy = false;
    --busy_;
    if (closing) return lost(connection);
    idle_.push_back(&connection);
    if (rate_ != 0) return;
    if (status == 503 || status == 429)
      again_.push_back(now + retry_after);
    else if (now < end_)
      send(now);
  }

  void lost(Connection& connection) {
    if (connection.busy) {
      --busy_;
      ++lost_;
      connection.busy = false;
    }
    std::erase(idle_, &connection);
    epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.socket, nullptr);
    close(connection.socket);
    --open_;
  }

  void report() {
    const double took =
        std::chrono::duration<double>(std::min(Steady::now(), end_) - begin_).count();
    std::printf(
        "{\"sent\":%zu,\"missed\":%zu,\"lost\":%zu,\"unanswered\":%zu,\"seconds\":%.3f,"
        "\"onset\":{",
        sent_, missed_, lost_, busy_, took);
    print(onset_);
    std::printf("},\"answers\":{");
    print(times_);
    std::printf("},\"late\":{");
    print(late_);
    std::printf("}}\n");
  }

  static void print(Times& by_status) {
    const char* comma = "";
    for (auto& [status, times] : by_status) {
      std::sort(times.begin(), times.end());
      const auto at = [&times](double q) {
        const auto i = static_cast<std::size_t>(q * static_cast<double>(times.size() - 1));
        return std::chrono::duration<double, std::micro>(times[i]).count();
      };
      std::printf("%s\"%d\":{\"count\":%zu,\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"max\":%.0f}",
                  comma, status, times.size(), at(0.5), at(0.9), at(0.99), at(1));
      comma = ",";
    }
  }

  const double rate_, seconds_, onset_seconds_;
  const std::vector<std::string> requests_;
  const std::size_t closed_;
  sockaddr_in address_{};
  int epoll_ = -1;
  Moment begin_{}, end_{}, next_{};
  std::size_t sent_ = 0, missed_ = 0, lost_ = 0, busy_ = 0, open_ = 0;
  std::deque<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;
  Moment onset_ends_{};
  std::deque<Moment> again_;  // when those who were refused come again
  Times onset_, times_;       // by status
  Times late_;                // what left, by whether it was due in the onset
};

std::vector<std::string> read_requests(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path);
  std::vector<std::string> requests;
  for (std::string one; std::getline(file, one, '\0');) requests.push_back(std::move(one));
  return requests;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: open_loop PORT RATE SECONDS REQUESTS [CONNECTIONS [ONSET]]\n");
    return 2;
  }
  auto requests = read_requests(argv[4]);
  if (requests.empty()) fail("no requests");
  Load load(static_cast<std::uint16_t>(std::atoi(argv[1])), std::atof(argv[2]), std::atof(argv[3]),
            std::move(requests), argc > 5 ? static_cast<std::size_t>(std::atoi(argv[5])) : 64,
            argc > 6 ? std::atof(argv[6]) : 0);
  load.run();
}
