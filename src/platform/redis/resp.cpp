#include "platform/redis/resp.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace madang::redis {

using Type = Value::Type;

namespace {

/// What is reserved for an array's elements before they come: a liar gets no memory from us.
constexpr std::size_t reserve_at_most = 1024;

template <class T>
bool read_number(std::string_view text, T& out) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, out);
  return error == std::errc() && stopped == end && !text.empty();
}

constexpr std::size_t longest_head = 24;

/// At least longest_head bytes at `to`; where it ends.
char* write_head(char* to, char type, std::size_t number) {
  *to = type;
  char* end = std::to_chars(to + 1, to + longest_head - 2, number).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return end;
}

void append_head(std::string& wire, char type, std::size_t number) {
  char head[longest_head];
  wire.append(head, write_head(head, type, number));
}

}  // namespace

std::string_view Value::error_code() const {
  if (!is_error()) return {};
  return std::string_view(text).substr(0, text.find(' '));
}

bool Value::is_error(std::string_view code) const {
  return is_error() && error_code() == code;
}

Value Value::of_text(std::string text) {
  Value value;
  value.type = Type::text;
  value.text = std::move(text);
  return value;
}

Value Value::of_error(std::string text) {
  Value value = of_text(std::move(text));
  value.type = Type::error;
  return value;
}

Value Value::of_integer(std::int64_t integer) {
  Value value;
  value.type = Type::integer;
  value.integer = integer;
  return value;
}

void RespParser::reset() {
  state_ = State::line;
  why_.clear();
  line_.clear();
  open_.clear();
  bulk_.clear();
  items_ = memory_ = bulk_left_ = 0;
}

void RespParser::fail(std::string why) {
  if (state_ == State::failed) return;
  reset();
  state_ = State::failed;
  why_ = std::move(why);
}

Result<std::optional<Value>> RespParser::next(std::string_view& bytes) {
  std::optional<Value> answer;
  while (!answer && !bytes.empty() && state_ != State::failed) {
    if (state_ == State::bulk) {
      take_bulk(bytes);
    } else if (state_ == State::bulk_end) {
      if (take_bulk_end(bytes)) answer = place(end_bulk());
    } else if (const auto line = take_line(bytes)) {
      if (auto value = begin(*line)) answer = place(std::move(*value));
      line_.clear();
    }
  }
  if (state_ == State::failed) {
    return madang::fail(Kind::unavailable, "redis_protocol", "Not a Redis answer: " + why_);
  }
  if (answer) items_ = memory_ = 0;
  return answer;
}

/// The line without its end; valid until line_ or the bytes change.
std::optional<std::string_view> RespParser::take_line(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  if (line_.size() + std::min(end, bytes.size()) > limits_.line) {
    fail("a line is too long");
    return {};
  }
  if (end == bytes.npos) {
    line_.append(std::exchange(bytes, {}));
    return {};
  }
  std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end + 1);
  if (!line_.empty()) line = line_.append(line);
  if (line.size() < 2 || line.back() != '\r' || line.find('\r') != line.size() - 1) {
    fail("a line does not end as lines do");
    return {};
  }
  line.remove_suffix(1);
  return line;
}

std::optional<Value> RespParser::begin(std::string_view line) {
  const char type = line.front();
  const std::string_view text = line.substr(1);
  switch (type) {
    case '$':
    case '=':
    case '!':
      return begin_bulk(type, text);
    case '*':
    case '~':
    case '%':
    case '>':
    case '|':
      return begin_container(type, text);
    default:
      return begin_scalar(type, text);
  }
}

std::optional<Value> RespParser::begin_scalar(char type, std::string_view text) {
  Value value;
  bool good = take_memory(text.size());
  switch (type) {
    case '+':
    case '(':
      value = Value::of_text(std::string(text));
      break;
    case '-':
      value = Value::of_error(std::string(text));
      break;
    case ':':
      value.type = Type::integer;
      good = good && read_number(text, value.integer);
      break;
    case ',':
      value.type = Type::real;
      good = good && read_number(text, value.real);
      break;
    case '#':
      value.type = Type::boolean;
      value.integer = text == "t" ? 1 : 0;
      good = good && (text == "t" || text == "f");
      break;
    case '_':
      good = good && text.empty();
      break;
    default:
      good = false;
  }
  if (good) return value;
  fail("not a value");
  return {};
}

/// A length, or none for -1 (version 2's nil). Streamed lengths (`?`) are never sent by Redis.
bool RespParser::take_length(std::string_view text, std::size_t limit,
                             std::optional<std::size_t>& length) {
  if (text == "-1") return true;
  std::size_t number = 0;
  if (!read_number(text, number)) {
    fail("not a length");
    return false;
  }
  if (number > limit) {
    fail("a length is beyond the limit");
    return false;
  }
  length = number;
  return true;
}

bool RespParser::take_memory(std::size_t bytes) {
  memory_ += bytes;
  if (memory_ <= limits_.answer) return true;
  fail("an answer is too long");
  return false;
}

std::optional<Value> RespParser::begin_bulk(char type, std::string_view text) {
  std::optional<std::size_t> length;
  if (!take_length(text, limits_.bulk, length)) return {};
  if (!length) return Value();
  if (!take_memory(*length)) return {};
  bulk_type_ = type;
  bulk_left_ = *length;
  bulk_.clear();
  state_ = *length == 0 ? State::bulk_end : State::bulk;
  bulk_left_ = *length == 0 ? 2 : *length;
  return {};
}

void RespParser::take_bulk(std::string_view& bytes) {
  const std::string_view piece = bytes.substr(0, bulk_left_);
  bulk_.append(piece);
  bytes.remove_prefix(piece.size());
  bulk_left_ -= piece.size();
  if (bulk_left_ > 0) return;
  state_ = State::bulk_end;
  bulk_left_ = 2;
}

bool RespParser::take_bulk_end(std::string_view& bytes) {
  while (bulk_left_ > 0 && !bytes.empty()) {
    if (bytes.front() != (bulk_left_ == 2 ? '\r' : '\n')) {
      fail("a string is longer than it says");
      return false;
    }
    bytes.remove_prefix(1);
    --bulk_left_;
  }
  return bulk_left_ == 0;
}

Value RespParser::end_bulk() {
  state_ = State::line;
  if (bulk_type_ == '!') return Value::of_error(std::exchange(bulk_, {}));
  // Verbatim strings begin with what they are: `txt:` or `mkd:`.
  if (bulk_type_ == '=' && bulk_.size() >= 4 && bulk_[3] == ':') bulk_.erase(0, 4);
  return Value::of_text(std::exchange(bulk_, {}));
}

std::optional<Value> RespParser::begin_container(char type, std::string_view text) {
  const bool pairs = type == '%' || type == '|';
  std::optional<std::size_t> length;
  if (!take_length(text, limits_.items / (pairs ? 2 : 1), length)) return {};
  if (!length) return Value();
  const std::size_t count = pairs ? *length * 2 : *length;
  items_ += count;
  if (items_ > limits_.items || open_.size() >= limits_.depth) {
    fail("an answer has too many parts");
    return {};
  }
  if (type == '>' && !open_.empty()) {
    fail("a push inside an answer");
    return {};
  }
  Open opened;
  opened.value.type = type == '>' ? Type::push : type == '%' ? Type::map : Type::array;
  opened.left = count;
  opened.attribute = type == '|';
  if (count == 0) {
    if (opened.attribute) return {};
    return std::move(opened.value);
  }
  opened.value.items.reserve(std::min(count, reserve_at_most));
  open_.push_back(std::move(opened));
  return {};
}

std::optional<Value> RespParser::place(Value value) {
  while (!open_.empty()) {
    Open& into = open_.back();
    into.value.items.push_back(std::move(value));
    if (--into.left > 0) return {};
    const bool attribute = into.attribute;
    value = std::move(into.value);
    open_.pop_back();
    if (attribute) return {};  // what it says something about comes next
  }
  return value;
}

void append_bulk(std::string& wire, std::string_view text) {
  char whole[96];
  if (text.size() > 64) {
    append_head(wire, '$', text.size());
    wire.append(text).append("\r\n", 2);
    return;
  }
  // Short ones, which nearly all are, in one piece.
  char* end = write_head(whole, '$', text.size());
  end = std::ranges::copy(text, end).out;
  *end++ = '\r';
  *end++ = '\n';
  wire.append(whole, end);
}

void append_array(std::string& wire, std::size_t size) {
  append_head(wire, '*', size);
}

}  // namespace madang::redis
