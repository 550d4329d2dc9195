#include "platform/http/body_decoder.hpp"

#include <algorithm>

#include "platform/http/ascii.hpp"

namespace madang::http {

namespace {

/// Longest chunk-size line with its extensions; trailers altogether.
constexpr std::size_t max_line = 1024;

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_text(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f);
}

bool is_name_char(char c) {
  return is_alnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace

void BodyDecoder::start_length(std::uint64_t length) {
  left_ = length;
  state_ = length > 0 ? State::length : State::done;
}

void BodyDecoder::start_chunked() {
  left_ = 0;
  digits_ = line_ = 0;
  state_ = State::size;
}

WireResult<BodyDecoder::Piece> BodyDecoder::decode(std::string_view bytes) {
  Piece piece;
  while (piece.consumed < bytes.size() && state_ != State::done) {
    if (state_ == State::length || state_ == State::data) {
      piece.data = take_data(bytes.substr(piece.consumed));
      piece.consumed += piece.data.size();
      break;
    }
    if (!step(bytes[piece.consumed++])) {
      return std::unexpected(WireError{
          .kind = Kind::malformed, .code = "malformed_chunk", .detail = "A chunk is malformed."});
    }
  }
  return piece;
}

std::string_view BodyDecoder::take_data(std::string_view bytes) {
  const std::string_view data = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
  left_ -= data.size();
  if (left_ == 0) state_ = state_ == State::length ? State::done : State::data_cr;
  return data;
}

bool BodyDecoder::step(char c) {
  switch (state_) {
    case State::size:
      if (c == ' ' || c == '\t' || c == ';') {
        state_ = c == ';' ? State::extension : State::before_extension;
        return digits_ > 0;
      }
      if (c != '\r') return ++line_ <= max_line && size_digit(c);
      state_ = State::size_lf;
      return digits_ > 0;
    case State::before_extension:
      if (c == ';') state_ = State::extension;
      return ++line_ <= max_line && (c == ';' || c == ' ' || c == '\t');
    case State::extension:
      if (c == '\r') state_ = State::size_lf;
      return ++line_ <= max_line && (c == '\r' || is_text(c));
    case State::size_lf:
      end_of_size();
      return c == '\n';
    case State::data_cr:
      state_ = State::data_lf;
      return c == '\r';
    case State::data_lf:
      start_chunked();
      return c == '\n';
    default:
      return trailer_step(c);
  }
}

bool BodyDecoder::size_digit(char c) {
  const int value = hex_value(c);
  if (value < 0 || left_ >> 59 != 0) return false;
  left_ = left_ * 16 + static_cast<std::uint64_t>(value);
  ++digits_;
  return true;
}

void BodyDecoder::end_of_size() {
  state_ = left_ > 0 ? State::data : State::trailer;
  line_ = 0;
}

/// Trailers are read to their end and mean nothing to us.
bool BodyDecoder::trailer_step(char c) {
  if (++line_ > max_line) return false;
  switch (state_) {
    case State::trailer:
      state_ = c == '\r' ? State::end_lf : State::trailer_name;
      return c == '\r' || is_name_char(c);
    case State::trailer_name:
      if (c == ':') state_ = State::trailer_value;
      return c == ':' || is_name_char(c);
    case State::trailer_value:
      if (c == '\r') state_ = State::trailer_lf;
      return c == '\r' || is_text(c);
    case State::trailer_lf:
      state_ = State::trailer;
      return c == '\n';
    case State::end_lf:
      state_ = State::done;
      return c == '\n';
    default:
      return false;
  }
}

}  // namespace madang::http
