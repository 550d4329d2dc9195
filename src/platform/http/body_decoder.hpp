// The framing of a request's body (RFC 9112 section 6): Content-Length or chunked, cut anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace madang::http {

/// What is wrong with a request before there is anything to route. Code and detail are literals.
struct WireError {
  Kind kind = Kind::malformed;
  std::string_view code;
  std::string_view detail;
  unsigned status = 0;  // where the kind has no status of its own (505); otherwise 0
};

template <class T>
using WireResult = std::expected<T, WireError>;

class BodyDecoder {
 public:
  /// What stands at the beginning of the bytes given to decode().
  struct Piece {
    std::size_t consumed = 0;  // bytes that belong to the body and its framing
    std::string_view data;     // the body's, inside them
  };

  void start_length(std::uint64_t length);
  void start_chunked();

  /// `bytes` is what came after what was consumed. At most one piece of data a call; without data,
  /// more bytes are needed or the body is complete. Consumes nothing beyond the body's end.
  WireResult<Piece> decode(std::string_view bytes);
  bool complete() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t {
    done,
    length,            // `left_` bytes of a body with Content-Length
    size,              // hexadecimal digits
    before_extension,  // blanks before `;`
    extension,
    size_lf,
    data,  // `left_` bytes of a chunk
    data_cr,
    data_lf,
    trailer,  // at the beginning of a trailer line
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
  };

  std::string_view take_data(std::string_view bytes);
  /// One byte of framing; false when it is not allowed there.
  bool step(char c);
  bool size_digit(char c);
  void end_of_size();
  bool trailer_step(char c);

  State state_ = State::done;
  std::uint64_t left_ = 0;
  std::size_t digits_ = 0;
  std::size_t line_ = 0;  // bytes of the chunk's line, or of all trailers
};

}  // namespace madang::http
