// The peer in Redis Cluster: commands written to the sockets of three masters in one go each, their
// answers counted; no deadlines, no redirects, no waiting callers. As quick as it gets.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

#include "platform/redis/redis_fixture.hpp"

namespace madang::redis {

class BarePipeline {
 public:
  /// Of the first three servers, which are the masters.
  explicit BarePipeline(RedisCluster& cluster) {
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      sockets_[i] = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      const sockaddr_in address = fixture::loopback(cluster[i].port());
      if (::connect(sockets_[i].get(), reinterpret_cast<const sockaddr*>(&address),
                    sizeof address) != 0) {
        throw std::runtime_error("a master cannot be connected to");
      }
    }
  }

  /// `key_of(i)` says where the i-th of `count` commands goes and `write(wire, key, i)` appends it.
  /// Each is answered by one line that is no error.
  template <class KeyOf, class Write>
  void send(std::size_t count, KeyOf key_of, Write write) {
    std::array<std::string, 3> wires;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string key = key_of(i);
      const std::uint16_t slot = slot_of(key);
      write(wires[slot <= 5460 ? 0 : slot <= 10922 ? 1 : 2], key, i);
    }
    exchange(wires, count);
  }

 private:
  /// Writes and reads as each socket can, until each command has its line of answer.
  void exchange(const std::array<std::string, 3>& wires, std::size_t commands) {
    std::array<std::size_t, 3> sent{};
    std::size_t answers = 0;
    std::array<char, 65536> buffer{};
    while (answers < commands) {
      std::array<pollfd, 3> polls{};
      for (std::size_t i = 0; i < 3; ++i) {
        const bool more = sent[i] < wires[i].size();
        polls[i] = {sockets_[i].get(), static_cast<short>(more ? POLLIN | POLLOUT : POLLIN), 0};
      }
      ::poll(polls.data(), polls.size(), -1);
      for (std::size_t i = 0; i < 3; ++i) {
        if ((polls[i].revents & POLLOUT) != 0) {
          const ssize_t n = ::send(sockets_[i].get(), wires[i].data() + sent[i],
                                   wires[i].size() - sent[i], MSG_DONTWAIT | MSG_NOSIGNAL);
          if (n > 0) sent[i] += static_cast<std::size_t>(n);
        }
        if ((polls[i].revents & (POLLIN | POLLHUP)) == 0) continue;
        const ssize_t n = ::recv(sockets_[i].get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n == 0) throw std::runtime_error("a master closed its connection");
        if (n < 0) continue;
        if (std::find(buffer.begin(), buffer.begin() + n, '-') != buffer.begin() + n)
          throw std::runtime_error("a master refused: " + std::string(buffer.data(), 100));
        answers += static_cast<std::size_t>(std::count(buffer.begin(), buffer.begin() + n, '\n'));
      }
    }
  }

  std::array<UniqueFd, 3> sockets_{};
};

}  // namespace madang::redis
