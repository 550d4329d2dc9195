// The HTTP/1.1 server: Beast's parser under a loop of our own (docs/adr/0005-http.md).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "platform/http/message.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/runtime/io_pool.hpp"

namespace madang::http {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any free one
  /// A listening TCP socket that somebody else keeps open across our restarts, used instead of host
  /// and port. Copied; stays the caller's. -1: none.
  int inherited_socket = -1;
  std::size_t max_connections = 10'000;                // beyond: 503 and closed at once
  std::size_t max_head = 16 * 1024;                    // request line and headers, bytes: 431
  std::size_t max_target = 8 * 1024;                   // bytes: 414
  std::size_t max_buffered_bodies = 64 * 1024 * 1024;  // bytes of all bodies held at once: 503
  std::chrono::milliseconds head_timeout{10'000};      // from the first byte of a head: 408
  std::chrono::milliseconds body_timeout{30'000};      // without progress: 408
  std::chrono::milliseconds idle_timeout{75'000};      // between requests: closed
  std::chrono::milliseconds write_timeout{20'000};     // without progress: closed, counted
  /// While draining: for a connection in use until just now, whose next request may be under way.
  std::chrono::milliseconds drain_grace{250};
  std::chrono::milliseconds request_timeout{10'000};  // Request::deadline
  std::vector<std::string> trusted_proxies{};  // addresses or CIDR: X-Forwarded-For, X-Request-Id
};

class Server {
 public:
  /// Binds on every I/O thread (SO_REUSEPORT), or takes the inherited socket. Throws
  /// std::system_error when it cannot, or when somebody else listens there; std::invalid_argument
  /// when trusted_proxies are no addresses.
  Server(ServerOptions options, Handler& handler, runtime::IoPool& pool,
         metrics::Registry& registry);
  /// Cuts what is still open and waits for the handlers that run. Before the pool is destroyed.
  ~Server();

  void start();
  std::uint16_t port() const;
  /// Where it listens: 127.0.0.1:8080, [::1]:8080.
  std::string address() const;
  /// Takes no new connections; those open finish the request they have begun, are told
  /// `Connection: close`, and event streams are closed.
  void stop_accepting();
  /// Waits until no connection is left, at most `timeout`; the rest are then cut. Blocks: not from
  /// an I/O thread.
  void drain(std::chrono::milliseconds timeout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace madang::http
