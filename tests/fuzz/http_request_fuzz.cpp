// Any bytes as an HTTP request. Besides not crashing, the parser must read the same request however
// the bytes are cut: two readings of one stream are how requests are smuggled.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "platform/http/request_parser.hpp"

namespace {

using madang::http::Request;
using madang::http::RequestParser;

constexpr std::size_t max_head = 2048;
constexpr std::size_t max_requests = 64;

void require(bool holds) {
  if (!holds) std::abort();
}

/// What the parser says about one request.
std::string describe(const Request& request, const RequestParser& parser) {
  std::string text = std::to_string(static_cast<int>(request.method)) + '\n';
  text.append(request.target).append("\n").append(request.path).append("\n").append(request.query);
  for (const auto& [name, value] : request.headers) {
    text.append("\n").append(name).append(":").append(value);
  }
  text += parser.http_1_1() ? "\n1.1" : "\n1.0";
  text += parser.keep_alive() ? " keep" : " close";
  text += parser.has_body() ? " body" : " none";
  text += parser.expects_continue() ? " expect" : "";
  text += parser.content_length() ? std::to_string(*parser.content_length()) : "";
  return text + '\n';
}

void check_head(const Request& request, std::size_t head_size) {
  require(head_size <= max_head + 4);
  require(!request.path.empty());
  require(request.path.front() == '/' || request.path == "*");
  for (const auto& [name, value] : request.headers) {
    require(!name.empty());
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  }
}

/// What is read of a stream of requests, up to what is refused (for which of several reasons may
/// depend on the cuts). Feeds it in steps of at most `step` bytes; what is unread moves to fresh
/// memory each time so that a stale view is caught.
std::string read_all(std::string_view input, std::size_t step) {
  RequestParser parser({.max_head = max_head, .max_target = 512, .max_headers = 32});
  Request request;
  std::string told;
  std::size_t begin = 0;
  std::size_t end = 0;
  const auto unread = [&] {
    const std::string_view bytes = input.substr(begin, end - begin);
    return std::vector<char>(bytes.begin(), bytes.end());
  };
  const auto more = [&] {
    if (end == input.size()) return false;
    end = std::min(input.size(), end + step);
    return true;
  };
  for (std::size_t count = 0; count < max_requests; ++count) {
    parser.reset();
    std::vector<char> bytes;
    for (;;) {
      bytes = unread();
      const auto head = parser.parse_head({bytes.data(), bytes.size()}, request);
      if (!head) return told + "refused";
      if (*head > 0) {
        check_head(request, *head);
        told += describe(request, parser);
        begin += *head;
        break;
      }
      if (!more()) return told + "...";
    }
    while (!parser.complete()) {
      bytes = unread();
      const auto piece = parser.parse_body({bytes.data(), bytes.size()});
      if (!piece) return told + "refused";
      require(piece->consumed <= bytes.size());
      require(piece->data.empty() ||
              (piece->data.data() >= bytes.data() &&
               piece->data.data() + piece->data.size() <= bytes.data() + piece->consumed));
      told += piece->data;
      begin += piece->consumed;
      if (piece->consumed == 0 && piece->data.empty() && !parser.complete() && !more()) {
        return told + "...";
      }
    }
    told += "\n--\n";
  }
  return told;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string whole = read_all(input, input.size());
  for (const std::size_t step : {std::size_t(1), std::size_t(7), std::size_t(300)}) {
    require(read_all(input, step) == whole);
  }
  return 0;
}
