// The Redis serialization protocol, versions 2 and 3: what servers answer and what they are sent.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace madang::redis {

/// One answer. Which member holds it depends on the type; the others are empty.
struct Value {
  enum class Type : std::uint8_t {
    nil,
    text,   // `text`: simple and bulk strings, verbatim strings (without their `txt:`), big numbers
    error,  // `text`: `WRONGTYPE Operation against ...`
    integer,  // `integer`
    real,     // `real`
    boolean,  // `integer`: 0 or 1
    array,    // `items`; sets too
    map,      // `items`: key, value, key, value, ...
    push,     // `items`; not an answer: the first says what it is
  };

  Type type = Type::nil;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;
  std::vector<Value> items;

  bool is_nil() const { return type == Type::nil; }
  bool is_error() const { return type == Type::error; }
  /// Whether it is an error whose first word is `code`.
  bool is_error(std::string_view code) const;
  /// The first word of an error (`MOVED`, `ERR`, ...); empty for what is none.
  std::string_view error_code() const;

  static Value of_text(std::string text);
  static Value of_error(std::string text);
  static Value of_integer(std::int64_t integer);
};

struct RespLimits {
  std::size_t depth = 32;                    // arrays in arrays
  std::size_t items = 1'000'000;             // of one answer, at all depths
  std::size_t bulk = 64 << 20;               // bytes of one string
  std::size_t answer = 128 << 20;            // bytes of one answer's strings
  std::size_t line = std::size_t{64} << 10;  // bytes of a line: errors, simple strings, numbers
};

/// Reads answers from a stream however it is cut. Takes no more memory than has come and one line.
class RespParser {
 public:
  explicit RespParser(RespLimits limits = {}) : limits_(limits) {}

  /// Takes bytes from the front of `bytes`, up to the end of one answer at most. Nothing: all of
  /// them were taken and the answer goes on. Attributes are read and dropped. Errors:
  /// redis_protocol (the stream is lost: every later call says the same until reset()).
  Result<std::optional<Value>> next(std::string_view& bytes);
  /// For a new stream.
  void reset();

 private:
  struct Open {  // a container whose elements are still coming
    Value value;
    std::size_t left = 0;
    bool attribute = false;
  };
  enum class State : std::uint8_t { line, bulk, bulk_end, failed };

  void fail(std::string why);
  std::optional<std::string_view> take_line(std::string_view& bytes);
  void take_bulk(std::string_view& bytes);
  bool take_bulk_end(std::string_view& bytes);
  /// What a line begins; a whole value, or nothing yet (see state_).
  std::optional<Value> begin(std::string_view line);
  std::optional<Value> begin_scalar(char type, std::string_view text);
  std::optional<Value> begin_bulk(char type, std::string_view text);
  std::optional<Value> begin_container(char type, std::string_view text);
  Value end_bulk();
  /// Puts a whole value where it belongs; the answer, when that is whole with it.
  std::optional<Value> place(Value value);
  bool take_length(std::string_view text, std::size_t limit, std::optional<std::size_t>& length);
  bool take_memory(std::size_t bytes);

  const RespLimits limits_;
  State state_ = State::line;
  std::string why_;         // it failed
  std::string line_;        // the beginning of a line whose end has not come
  std::vector<Open> open_;  // from the outermost in
  std::size_t items_ = 0;   // of the answer so far
  std::size_t memory_ = 0;
  char bulk_type_ = '$';
  std::size_t bulk_left_ = 0;
  std::string bulk_;
};

/// Appends one bulk string: `$3\r\nabc\r\n`.
void append_bulk(std::string& wire, std::string_view text);
/// Appends the head of an array: `*3\r\n`.
void append_array(std::string& wire, std::size_t size);

}  // namespace madang::redis
