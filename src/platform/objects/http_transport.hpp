// HTTP to one server, over libcurl: blocking, with connections that are kept and used again. TLS
// certificates are verified; redirects and proxies of the environment are not followed.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/objects/object_store.hpp"

namespace madang::objects {

struct TransportOptions {
  std::chrono::milliseconds connect_limit{2'000};  // to connect and to agree on TLS
  std::string ca_file;   // PEM; empty: the system's certificate authorities
  std::size_t idle = 8;  // connections kept
};

struct HttpRequest {
  std::string_view method;  // GET, HEAD, PUT or DELETE
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  BytesView body{};            // of PUT
  std::uint64_t max_body = 0;  // of a successful answer, bytes; other answers: the first 64 KiB
};

struct HttpAnswer {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  Bytes body;
  /// Empty when absent.
  std::string_view header(std::string_view name) const;
};

struct TransportFailure {
  enum class Kind : std::uint8_t {
    unreachable,  // nothing was asked: no name, no connection, no TLS
    timeout,      // the deadline passed; it may have been done
    broken,       // the connection ended early; it may have been done
    too_large,    // the answer is larger than max_body; what was asked has been done
  };
  Kind kind;
  std::string detail;  // for the log: libcurl's words, without credentials
};

class HttpTransport {
 public:
  explicit HttpTransport(TransportOptions options);
  ~HttpTransport();
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  /// Thread-safe; each call has a connection to itself.
  std::expected<HttpAnswer, TransportFailure> send(const HttpRequest& request, Deadline deadline);

 private:
  struct Handle;
  std::unique_ptr<Handle> take();
  void keep(std::unique_ptr<Handle> handle);

  const TransportOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_;  // the last used on top: its connection is warm
};

}  // namespace madang::objects
