// A blocking client that sends the bytes it is told and reads one answer after the other.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace madang::test {

struct Answer {
  unsigned status = 0;
  std::string head;
  std::string body;
};

class Client {
 public:
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("connect");
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
  /// One answer with a Content-Length (or without a body).
  Answer receive() {
    while (!buffer_.contains("\r\n\r\n"))
      if (!fill()) return {};
    Answer answer;
    const auto end = buffer_.find("\r\n\r\n") + 4;
    answer.head = buffer_.substr(0, end);
    buffer_.erase(0, end);
    answer.status = static_cast<unsigned>(std::stoi(answer.head.substr(9, 3)));
    const auto at = answer.head.find("Content-Length: ");
    const std::size_t length = at == answer.head.npos ? 0 : std::stoul(answer.head.substr(at + 16));
    while (buffer_.size() < length)
      if (!fill()) break;
    answer.body = buffer_.substr(0, length);
    return answer;
  }

 private:
  bool fill() {
    char piece[65536];
    const ssize_t count = ::recv(fd_.get(), piece, sizeof piece, 0);
    if (count <= 0) return false;
    buffer_.append(piece, static_cast<std::size_t>(count));
    return true;
  }
  UniqueFd fd_;
  std::string buffer_;
};

}  // namespace madang::test
