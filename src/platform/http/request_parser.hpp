// One HTTP/1.x request from bytes, without sockets: Beast's parser for the head behind the checks
// it leaves to its user (docs/adr/0005-http.md). Strict: what two programs could read differently
// is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "platform/http/body_decoder.hpp"
#include "platform/http/message.hpp"

namespace madang::http {

class RequestParser {
 public:
  struct Limits {
    std::size_t max_head = 16 * 1024;
    std::size_t max_target = 8 * 1024;
    std::size_t max_headers = 100;
  };

  explicit RequestParser(Limits limits);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  /// Forgets the last request.
  void reset();

  /// `bytes` is all that came from the request's first byte on; call again with more of the same.
  /// The size of the head once it is complete, else 0. Fills method, target, path, query and
  /// headers with views of `bytes`.
  WireResult<std::size_t> parse_head(std::string_view bytes, Request& request);

  // Known once the head is complete.
  bool http_1_1() const;
  bool keep_alive() const;
  bool has_body() const { return !complete(); }  // right after the head: something follows
  bool expects_continue() const;
  std::optional<std::uint64_t> content_length() const;

  /// As BodyDecoder::decode().
  WireResult<BodyDecoder::Piece> parse_body(std::string_view bytes) { return body_.decode(bytes); }
  bool complete() const { return body_.complete(); }

 private:
  struct Beast;

  WireResult<std::size_t> find_head_end(std::string_view bytes);
  std::optional<WireError> check_size(std::string_view bytes, bool complete) const;
  std::optional<WireError> check_request_line(std::string_view line) const;

  const Limits limits_;
  std::unique_ptr<Beast> beast_;
  BodyDecoder body_;
  std::size_t lead_ = 0;        // empty lines before the request line
  std::size_t line_start_ = 0;  // of the line not seen to its end
  std::size_t scanned_ = 0;
};

}  // namespace madang::http
