// For tests: real redis-server processes on ports of their own, in a folder of their own, gone when
// it is.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "platform/redis/client.hpp"
#include "platform/redis/connection.hpp"

namespace madang::redis {

inline Command set(std::string_view key, std::string_view value) {
  return Command::write("SET").key(key).arg(value);
}

inline Command get(std::string_view key) {
  return Command::read("GET").key(key);
}

/// The numbers from `first` on, pipelined, to the end of a list that has `first` of them. How many;
/// -1: one of them was not told, or out of turn.
inline Task<int> add_in_order(Client* client, std::string key, int first, int count) {
  std::vector<Command> commands;
  for (int i = first; i < first + count; ++i)
    commands.push_back(Command::write("RPUSH").key(key).arg(i));
  const Results results =
      co_await client->execute_all(std::move(commands), Deadline::after(std::chrono::seconds(60)));
  int expected = first;
  for (const auto& result : results) {
    if (!result || result->integer != ++expected) co_return -1;
  }
  co_return count;
}

/// Looks at `holds` until it does, for at most `patience`.
inline bool eventually(const std::function<bool()>& holds,
                       std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  const Deadline deadline = Deadline::after(patience);
  while (!holds()) {
    if (deadline.passed()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

namespace fixture {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline bool is_free(std::uint16_t port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// Below the range that outgoing connections get theirs from.
inline std::uint16_t free_port() {
  static std::atomic<unsigned> next{static_cast<unsigned>(::getpid()) * 37U};
  for (int tries = 0; tries < 10'000; ++tries) {
    const auto port = static_cast<std::uint16_t>(15'000 + next++ % 17'000);
    if (is_free(port)) return port;
  }
  throw std::runtime_error("no free port");
}

/// Values as text; arrays have one line an item.
inline std::string flat(const Value& value) {
  if (value.type == Value::Type::integer) return std::to_string(value.integer);
  std::string out = value.is_error() ? "-" + value.text : value.text;
  for (const Value& item : value.items) out += flat(item) + '\n';
  return out;
}

}  // namespace fixture

/// What a server answers, as text, over a connection made for it: nothing of the client's own is in
/// the way. Errors begin with `-`. Empty when it does not answer within a second.
inline std::string ask_server(std::uint16_t port, const std::vector<std::string>& words) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const sockaddr_in address = fixture::loopback(port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return {};
  }
  Command command = Command::read(words.at(0));
  for (std::size_t i = 1; i < words.size(); ++i) command.add(words[i]);
  std::string wire;
  command.append_to(wire);
  if (::send(socket.get(), wire.data(), wire.size(), MSG_NOSIGNAL) < 0) return {};
  RespParser parser;
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::recv(socket.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return {};
    std::string_view bytes(buffer, static_cast<std::size_t>(size));
    auto answer = parser.next(bytes);
    if (!answer) return "-" + answer.error().detail;
    if (*answer) return fixture::flat(**answer);
  }
}

/// A folder that goes with its object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "madang-redis-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class RedisServer {
 public:
  /// Answering when it returns. Throws when it does not start.
  RedisServer(const std::filesystem::path& parent, std::vector<std::string> arguments)
      : arguments_(std::move(arguments)) {
    for (int tries = 0; tries < 5 && pid_ < 0; ++tries) {
      port_ = fixture::free_port();
      bus_port_ = fixture::free_port();
      folder_ = parent / std::to_string(port_);
      std::filesystem::create_directories(folder_);
      start();
    }
    if (pid_ < 0) throw std::runtime_error("redis-server does not start: " + log());
  }
  ~RedisServer() { kill(); }
  RedisServer(RedisServer&& other) noexcept
      : folder_(std::move(other.folder_)),
        arguments_(std::move(other.arguments_)),
        port_(other.port_),
        bus_port_(other.bus_port_),
        pid_(std::exchange(other.pid_, -1)) {}
  RedisServer& operator=(RedisServer&&) = delete;

  std::uint16_t port() const { return port_; }
  std::uint16_t bus_port() const { return bus_port_; }
  Address address() const { return {"127.0.0.1", port_}; }
  std::string ask(const std::vector<std::string>& words) const { return ask_server(port_, words); }
  bool running() const { return pid_ > 0; }
  std::string log() const {
    std::ifstream file(folder_ / "log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void kill() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }
  void stop() const { ::kill(pid_, SIGSTOP); }
  void go_on() const { ::kill(pid_, SIGCONT); }
  /// After kill(), on the same port and data.
  void restart() {
    start();
    if (pid_ < 0) throw std::runtime_error("redis-server does not start again: " + log());
  }

 private:
  void start() {
    std::vector<std::string> words{"redis-server",
                                   "--port",
                                   std::to_string(port_),
                                   "--bind",
                                   "127.0.0.1",
                                   "--dir",
                                   folder_.string(),
                                   "--logfile",
                                   (folder_ / "log").string(),
                                   "--save",
                                   "",
                                   "--appendonly",
                                   "no",
                                   "--maxmemory",
                                   "64mb",
                                   "--maxmemory-policy",
                                   "volatile-lru"};
    words.insert(words.end(), arguments_.begin(), arguments_.end());
    if (std::ranges::find(words, "--cluster-enabled") != words.end()) {
      words.insert(words.end(), {"--cluster-port", std::to_string(bus_port_)});
    }
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
    pid_ = child;
    const bool up = eventually([this] { return answers() || ended(); });
    if (!up || pid_ < 0) kill();
  }
  bool answers() const {
    const std::string pong = ask({"PING"});
    return pong == "PONG" || pong.starts_with("-NOAUTH");
  }
  bool ended() {
    if (::waitpid(pid_, nullptr, WNOHANG) != pid_) return false;
    pid_ = -1;
    return true;
  }

  std::filesystem::path folder_;
  std::vector<std::string> arguments_;
  std::uint16_t port_ = 0;
  std::uint16_t bus_port_ = 0;
  pid_t pid_ = -1;
};

/// Three masters (the first three) and three replicas that know each other.
class RedisCluster {
 public:
  /// After `node_timeout` without a sign of life a master is replaced: on a busy machine not so
  /// short that one is that only had to wait.
  explicit RedisCluster(std::chrono::milliseconds node_timeout = std::chrono::milliseconds(1'500)) {
    const std::string timeout = std::to_string(node_timeout.count());
    for (int i = 0; i < 6; ++i) {
      servers_.emplace_back(
          folder_.path(),
          std::vector<std::string>{
              "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf",
              "--cluster-node-timeout", timeout, "--cluster-replica-validity-factor", "0",
              "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0",
              "--repl-ping-replica-period", "1"});
    }
    form();
  }

  RedisServer& operator[](std::size_t index) { return servers_.at(index); }
  std::size_t size() const { return servers_.size(); }
  std::vector<Address> seeds() const {
    std::vector<Address> out;
    for (const RedisServer& server : servers_) out.push_back(server.address());
    return out;
  }
  static std::string id_of(const RedisServer& server) { return server.ask({"CLUSTER", "MYID"}); }

  /// The running server that is master of the key's slot by its own word.
  RedisServer& master_of(const std::string& key) {
    for (RedisServer& server : servers_) {
      if (!server.running() || !server.ask({"ROLE"}).starts_with("master")) continue;
      if (!server.ask({"EXISTS", key}).starts_with("-")) return server;
    }
    throw std::runtime_error("no master of " + key);
  }
  RedisServer& replica_of(const RedisServer& master) {
    for (RedisServer& server : servers_) {
      if (!server.running()) continue;
      const std::string role = server.ask({"ROLE"});
      if (role.starts_with("slave") && role.contains(std::to_string(master.port()))) return server;
    }
    throw std::runtime_error("no replica");
  }
  /// Every running server sees all slots served; the running replicas are linked.
  bool healthy() const {
    return std::ranges::all_of(servers_, [](const RedisServer& server) {
      if (!server.running()) return true;
      const std::string info = server.ask({"CLUSTER", "INFO"});
      const std::string role = server.ask({"ROLE"});
      return info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384") &&
             (role.starts_with("master") || role.contains("connected\n"));
    });
  }

 private:
  void form() {
    constexpr const char* ranges[][2] = {{"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}};
    for (std::size_t i = 0; i < 6; ++i) {
      servers_[i].ask({"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
      if (i < 3) servers_[i].ask({"CLUSTER", "ADDSLOTSRANGE", ranges[i][0], ranges[i][1]});
      for (std::size_t j = 0; j < i; ++j) meet(servers_[i], servers_[j]);
    }
    // On a busy machine a meeting may come to nothing: those who do not know all meet again.
    auto met = Deadline::Steady::now();
    require(
        [this, &met] {
          if (all_know("cluster_known_nodes:6")) return true;
          if (Deadline::Steady::now() - met < std::chrono::seconds(2)) return false;
          met = Deadline::Steady::now();
          for (std::size_t i = 1; i < 6; ++i) meet(servers_[i], servers_[0]);
          for (std::size_t i = 1; i < 6; ++i) meet(servers_[0], servers_[i]);
          return false;
        },
        "nodes do not meet");
    for (std::size_t i = 3; i < 6; ++i) {
      const std::string master = id_of(servers_[i - 3]);
      require([&] { return servers_[i].ask({"CLUSTER", "REPLICATE", master}) == "OK"; },
              "a replica does not join");
    }
    // Every one knows every replica: without that a failover would not come.
    require([this] { return healthy() && all_see_replicas(); }, "the cluster does not form");
  }
  static void meet(const RedisServer& from, const RedisServer& to) {
    from.ask(
        {"CLUSTER", "MEET", "127.0.0.1", std::to_string(to.port()), std::to_string(to.bus_port())});
  }
  bool all_know(const std::string& fact) const {
    return std::ranges::all_of(servers_, [&fact](const RedisServer& server) {
      return server.ask({"CLUSTER", "INFO"}).contains(fact);
    });
  }
  bool all_see_replicas() const {
    return std::ranges::all_of(servers_, [](const RedisServer& server) {
      const std::string nodes = server.ask({"CLUSTER", "NODES"});
      int replicas = 0;
      for (auto at = nodes.find("slave"); at != nodes.npos; at = nodes.find("slave", at + 1)) {
        ++replicas;
      }
      return replicas == 3;
    });
  }
  static void require(const std::function<bool()>& holds, const char* otherwise) {
    if (!eventually(holds)) throw std::runtime_error(otherwise);
  }

  TemporaryFolder folder_;
  std::vector<RedisServer> servers_;
};

}  // namespace madang::redis
