// Plain requests and responses: what handlers see. No Beast, no sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/task.hpp"

namespace madang::http {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };
std::string_view method_name(Method method);

/// The rest of a request's body, piece by piece, for routes that asked for a stream.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  /// The next piece, valid until the next call; empty at the end. Errors: `timeout` (the client is
  /// too slow), `malformed` (it broke the framing or went away), `too_large`.
  virtual Task<Result<std::span<const std::byte>>> read() = 0;
  /// Content-Length, when the client gave one.
  virtual std::optional<std::uint64_t> length() const = 0;
};

/// One request. Views stay valid until the handler has answered.
struct Request {
  Method method = Method::get;
  std::string_view target;  // as sent
  std::string_view path;    // the target up to `?`, still percent-encoded
  std::string_view query;   // after `?`, without it
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::string body;              // complete, unless the route streams
  BodyStream* stream = nullptr;  // set when the route streams
  std::string remote_address;    // the client's, as trusted proxies tell it
  std::string request_id;
  Deadline deadline = Deadline::never();

  /// The first header of that name (any case); empty when absent.
  std::string_view header(std::string_view name) const;
  bool has_header(std::string_view name) const;
};

/// A response without an end (Server-Sent Events): the connection asks for one piece after the
/// other.
class EventStream {
 public:
  virtual ~EventStream() = default;
  /// The next bytes to send; nothing ends the response. Returns at least every 20 s (heartbeat).
  virtual Task<std::optional<std::string>> next() = 0;
  /// The client is gone or the server stops: makes a waiting next() return nothing. Called on the
  /// connection's thread; may be called more than once.
  virtual void close() = 0;
};

/// Bytes that live as long as the process (the page, inside the binary).
using StaticBytes = std::span<const std::byte>;
/// Bytes shared with a cache.
using SharedBytes = std::shared_ptr<const std::string>;

struct Response {
  unsigned status = 200;
  std::string_view content_type = "application/json";  // a literal; empty: no such header
  std::vector<std::pair<std::string, std::string>> headers{};
  std::variant<std::string, StaticBytes, SharedBytes, std::shared_ptr<EventStream>> body{};
  bool close = false;  // end the connection after this

  Response& with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

/// What the server asks as soon as it has a request's head.
struct BodyPolicy {
  std::uint64_t limit = 0;  // bytes; more is answered with 413
  bool stream = false;      // hand over Request::stream instead of a complete body
  // Too much is asked: answer this at once, without reading the body.
  std::optional<Response> refuse{};
};

/// What a server serves.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Called with the head parsed and no body yet; quick, does not throw. `crowded`: more comes in
  /// than there is time for, and what may be refused is to be.
  virtual BodyPolicy body_policy(const Request& head, bool crowded) = 0;
  /// Answers; does not throw.
  virtual Task<Response> handle(Request& request) = 0;
  /// The answer to a request that broke HTTP before there was anything to route (400, 408, 413,
  /// 414, 431, 505): the connection closes after it. status: where the kind has none of its own;
  /// else 0.
  virtual Response protocol_error(const Problem& problem, unsigned status,
                                  std::string_view request_id) = 0;
};

}  // namespace madang::http
