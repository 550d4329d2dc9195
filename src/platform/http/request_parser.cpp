#include "platform/http/request_parser.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <cstring>

#include "platform/http/ascii.hpp"
#include "platform/http/request_target.hpp"

namespace madang::http {

namespace beast = boost::beast;
namespace asio = boost::asio;

namespace {

/// RFC 9112 lets a server ignore an empty line before a request; some clients send one.
constexpr std::size_t max_lead = 4;
/// Longest method taken for one.
constexpr std::size_t max_method = 32;

WireError malformed(std::string_view code, std::string_view detail) {
  return {.kind = Kind::malformed, .code = code, .detail = detail};
}

Method method_of(std::string_view name) {
  if (name == "GET") return Method::get;
  if (name == "POST") return Method::post;
  if (name == "HEAD") return Method::head;
  if (name == "PUT") return Method::put;
  if (name == "PATCH") return Method::patch;
  if (name == "DELETE") return Method::del;
  if (name == "OPTIONS") return Method::options;
  return Method::other;
}

/// Collects one request's head into a Request.
class Reader final : public beast::http::basic_parser<true> {
 public:
  Reader(Request& request, const RequestParser::Limits& limits)
      : request_(&request), max_headers_(limits.max_headers) {
    header_limit(static_cast<std::uint32_t>(limits.max_head + max_lead + 1));
    body_limit(boost::none);  // the route's limit is the connection's business
  }

  const std::optional<WireError>& refused() const { return refused_; }
  bool expects_continue() const { return expects_continue_; }
  bool http_1_1() const { return http_1_1_; }

  std::optional<WireError> check_head() const {
    if (hosts_ == 0 && http_1_1_) return malformed("missing_host", "A Host header is required.");
    return std::nullopt;
  }

 private:
  using Text = beast::string_view;
  static std::string_view view(Text text) { return {text.data(), text.size()}; }

  void refuse(WireError error, beast::error_code& ec) {
    refused_ = error;
    ec = beast::http::error::bad_field;
  }

  void on_request_impl(beast::http::verb, Text method, Text target, int version,
                       beast::error_code& ec) override {
    http_1_1_ = version >= 11;
    request_->method = method_of(view(method));
    if (!split_target(view(target), view(method), *request_)) {
      refuse(malformed("invalid_target", "The request target is not acceptable."), ec);
    }
  }

  void on_field_impl(beast::http::field field, Text name, Text value,
                     beast::error_code& ec) override {
    if (request_->headers.size() >= max_headers_) {
      return refuse({.kind = Kind::head_too_large,
                     .code = "too_many_headers",
                     .detail = "The request has too many headers."},
                    ec);
    }
    request_->headers.emplace_back(view(name), view(value));
    if (const auto error = check_field(field, view(value))) refuse(*error, ec);
  }

  std::optional<WireError> check_field(beast::http::field field, std::string_view value) {
    switch (field) {
      case beast::http::field::host:
        return check_host(value);
      case beast::http::field::content_length:
        return check_length(value);
      case beast::http::field::transfer_encoding:
        return check_coding(value);
      case beast::http::field::expect:
        if (http_1_1_ && same_token(value, "100-continue")) expects_continue_ = true;
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }

  std::optional<WireError> check_host(std::string_view value) {
    if (++hosts_ > 1) return malformed("duplicate_host", "There must be one Host header.");
    if (!is_authority(value)) return malformed("invalid_host", "The Host header is not a host.");
    return std::nullopt;
  }

  std::optional<WireError> check_length(std::string_view value) {
    if (++lengths_ > 1) {
      return malformed("duplicate_content_length", "There must be one Content-Length.");
    }
    for (const char c : value) {
      if (!http::is_digit(c)) {
        return malformed("invalid_content_length", "Content-Length is not a number.");
      }
    }
    return std::nullopt;
  }

  std::optional<WireError> check_coding(std::string_view value) {
    if (++codings_ > 1 || !same_token(value, "chunked")) {
      return malformed("unsupported_transfer_coding", "Only chunked is understood, once.");
    }
    // An HTTP/1.0 intermediary would not have read it, and sees another body than we do.
    if (!http_1_1_) {
      return malformed("unsupported_transfer_coding", "HTTP/1.0 has no Transfer-Encoding.");
    }
    return std::nullopt;
  }

  void on_header_impl(beast::error_code& ec) override { ec = {}; }
  void on_finish_impl(beast::error_code& ec) override { ec = {}; }
  // The body is BodyDecoder's: Beast is never fed one.
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(Text, beast::error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, Text, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text, beast::error_code&) override { return 0; }
  void on_response_impl(int, Text, int, beast::error_code&) override {}

  Request* request_;
  const std::size_t max_headers_;
  std::optional<WireError> refused_;
  int hosts_ = 0;
  int lengths_ = 0;
  int codings_ = 0;
  bool http_1_1_ = false;
  bool expects_continue_ = false;
};

WireError head_error(const Reader& reader, const beast::error_code& ec) {
  using beast::http::error;
  if (reader.refused()) return *reader.refused();
  if (ec == error::bad_content_length || ec == error::multiple_content_length) {
    return malformed("invalid_content_length", "Content-Length is not acceptable here.");
  }
  if (ec == error::bad_transfer_encoding) {
    return malformed("conflicting_length", "Content-Length and Transfer-Encoding exclude another.");
  }
  if (ec == error::bad_method) return malformed("malformed_request", "The method is malformed.");
  if (ec == error::bad_target) {
    return malformed("invalid_target", "The request target has an invalid character.");
  }
  return malformed("malformed_request", "A header is malformed.");
}

}  // namespace

struct RequestParser::Beast {
  std::optional<Reader> reader;
};

RequestParser::RequestParser(Limits limits) : limits_(limits), beast_(std::make_unique<Beast>()) {}

RequestParser::~RequestParser() = default;

void RequestParser::reset() {
  beast_->reader.reset();
  lead_ = line_start_ = scanned_ = 0;
}

WireResult<std::size_t> RequestParser::parse_head(std::string_view bytes, Request& request) {
  const auto end = find_head_end(bytes);
  if (!end || *end == 0) return end;
  request.headers.clear();
  Reader& reader = beast_->reader.emplace(request, limits_);
  beast::error_code ec;
  const std::string_view head = bytes.substr(lead_, *end - lead_);
  const std::size_t used = reader.put(asio::buffer(head.data(), head.size()), ec);
  if (ec) return std::unexpected(head_error(reader, ec));
  if (used != head.size() || !reader.is_header_done()) {
    return std::unexpected(malformed("malformed_request", "The head is malformed."));
  }
  if (const auto error = reader.check_head()) return std::unexpected(*error);
  if (reader.chunked())
    body_.start_chunked();
  else
    body_.start_length(content_length().value_or(0));
  return end;
}

WireResult<std::size_t> RequestParser::find_head_end(std::string_view bytes) {
  while (scanned_ < bytes.size()) {
    const auto* found = static_cast<const char*>(
        std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_));
    if (found == nullptr) {
      scanned_ = bytes.size();
      break;
    }
    const auto newline = static_cast<std::size_t>(found - bytes.data());
    if (newline == line_start_ || bytes[newline - 1] != '\r') {
      return std::unexpected(malformed("malformed_request", "A line does not end with CR LF."));
    }
    const std::string_view line = bytes.substr(line_start_, newline - 1 - line_start_);
    const bool first = line_start_ == lead_;
    line_start_ = scanned_ = newline + 1;
    if (line.empty() && !first) {
      if (const auto error = check_size(bytes.substr(0, scanned_), true)) {
        return std::unexpected(*error);
      }
      return scanned_;
    }
    if (line.empty()) {
      lead_ = scanned_;
      if (lead_ > max_lead) {
        return std::unexpected(malformed("malformed_request", "Empty lines before a request."));
      }
    } else if (first) {
      if (const auto error = check_request_line(line)) return std::unexpected(*error);
    } else if (line.front() == ' ' || line.front() == '\t') {
      return std::unexpected(malformed("malformed_request", "A header is folded."));
    }
  }
  if (const auto error = check_size(bytes, false)) return std::unexpected(*error);
  return 0;
}

std::optional<WireError> RequestParser::check_size(std::string_view bytes, bool complete) const {
  const std::string_view head = bytes.substr(lead_);
  if (!complete && line_start_ == lead_) {  // still in the request line
    const std::size_t space = head.substr(0, max_method + 1).find(' ');
    if (space == std::string_view::npos && head.size() > max_method) {
      return malformed("malformed_request", "The method is malformed.");
    }
    if (space != std::string_view::npos &&
        head.size() > space + 1 + limits_.max_target + std::string_view(" HTTP/1.1\r\n").size()) {
      return WireError{.kind = Kind::uri_too_long,
                       .code = "uri_too_long",
                       .detail = "The request target is too long."};
    }
  }
  if (head.size() > limits_.max_head) {
    return WireError{.kind = Kind::head_too_large,
                     .code = "head_too_large",
                     .detail = "The headers are too large."};
  }
  return std::nullopt;
}

std::optional<WireError> RequestParser::check_request_line(std::string_view line) const {
  const std::size_t space = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (space == std::string_view::npos || space == 0 || space > max_method || last == space) {
    return malformed("malformed_request", "The request line is malformed.");
  }
  if (last - space - 1 > limits_.max_target) {
    return WireError{.kind = Kind::uri_too_long,
                     .code = "uri_too_long",
                     .detail = "The request target is too long."};
  }
  const std::string_view version = line.substr(last + 1);
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return std::nullopt;
  if (version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
      version[6] == '.' && is_digit(version[7])) {
    return WireError{.kind = Kind::malformed,
                     .code = "http_version_not_supported",
                     .detail = "This server speaks HTTP/1.1 and HTTP/1.0.",
                     .status = 505};
  }
  return malformed("malformed_request", "The request line is malformed.");
}

bool RequestParser::http_1_1() const {
  return beast_->reader->http_1_1();
}
bool RequestParser::keep_alive() const {
  return beast_->reader->keep_alive();
}
bool RequestParser::expects_continue() const {
  return beast_->reader->expects_continue();
}

std::optional<std::uint64_t> RequestParser::content_length() const {
  const auto length = beast_->reader->content_length();
  if (!length) return std::nullopt;
  return *length;
}

}  // namespace madang::http
