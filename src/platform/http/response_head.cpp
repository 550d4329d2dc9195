#include "platform/http/response_head.hpp"

#include <array>
#include <charconv>

#include "platform/http/ascii.hpp"
#include "platform/http/problem.hpp"

namespace madang::http {

namespace {

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  const std::size_t start = out.size();
  out.append(value);
  for (std::size_t i = start; i < out.size(); ++i) {
    if (static_cast<unsigned char>(out[i]) < ' ' && out[i] != '\t') out[i] = ' ';
  }
  out.append("\r\n");
}

bool frames(std::string_view name) {
  switch (name.size()) {
    case 4:
      return same_token(name, "Date");
    case 10:
      return same_token(name, "Connection");
    case 14:
      return same_token(name, "Content-Length");
    case 17:
      return same_token(name, "Transfer-Encoding");
    default:
      return false;
  }
}

bool is_token(std::string_view name) {
  for (const char c : name) {
    if (!is_alnum(c) && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return !name.empty();
}

bool is_json(std::string_view content_type) {
  return content_type == "application/json" || content_type == "application/problem+json";
}

void append_connection(std::string& out, const Framing& framing) {
  if (framing.close) {
    if (framing.http_1_1) out.append("Connection: close\r\n");
  } else if (!framing.http_1_1) {
    out.append("Connection: keep-alive\r\n");
  }
}

}  // namespace

std::string http_date(std::time_t seconds) {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::string out = "Xxx, 00 Xxx 0000 00:00:00 GMT";
  const auto two = [&](std::size_t at, int value) {
    out[at] = static_cast<char>('0' + value / 10 % 10);
    out[at + 1] = static_cast<char>('0' + value % 10);
  };
  out.replace(0, 3, days.at(static_cast<std::size_t>(utc.tm_wday)));
  two(5, utc.tm_mday);
  out.replace(8, 3, months.at(static_cast<std::size_t>(utc.tm_mon)));
  two(12, (utc.tm_year + 1900) / 100);
  two(14, (utc.tm_year + 1900) % 100);
  two(17, utc.tm_hour);
  two(20, utc.tm_min);
  two(23, utc.tm_sec);
  return out;
}

void append_head(std::string& out, const Response& response, const Framing& framing) {
  out.append("HTTP/1.1 ");
  append_number(out, response.status);
  out.append(" ").append(reason_phrase(response.status)).append("\r\n");
  out.append("Date: ").append(framing.date).append("\r\n");
  if (!response.content_type.empty()) append_header(out, "Content-Type", response.content_type);
  if (framing.length) {
    out.append("Content-Length: ");
    append_number(out, *framing.length);
    out.append("\r\n");
  }
  if (framing.chunked) out.append("Transfer-Encoding: chunked\r\n");
  append_connection(out, framing);
  if (!framing.request_id.empty()) {
    out.append("X-Request-Id: ").append(framing.request_id).append("\r\n");
  }
  // No browser shall take what people wrote, inside JSON, for something else.
  if (is_json(response.content_type)) out.append("X-Content-Type-Options: nosniff\r\n");
  for (const auto& [name, value] : response.headers) {
    if (!frames(name) && is_token(name)) append_header(out, name, value);
  }
  out.append("\r\n");
}

}  // namespace madang::http
