// Status line and headers, written into a buffer.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "platform/http/message.hpp"

namespace madang::http {

/// `Sun, 06 Nov 1994 08:49:37 GMT`
std::string http_date(std::time_t seconds);

/// What the connection decides about a response.
struct Framing {
  bool http_1_1 = true;
  bool close = false;
  bool chunked = false;
  std::optional<std::uint64_t> length{};  // Content-Length
  std::string_view date;
  std::string_view request_id;  // empty: no such header
};

/// May a response with this status carry a body?
constexpr bool status_has_body(unsigned status) {
  return status >= 200 && status != 204 && status != 304;
}

/// Appends the head with its empty line. Headers that frame the message (Content-Length,
/// Transfer-Encoding, Connection, Date) are the connection's alone: those of the response are left
/// out; a control character in a value becomes a space.
void append_head(std::string& out, const Response& response, const Framing& framing);

}  // namespace madang::http
