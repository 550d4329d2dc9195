// Opaque page cursors: a kind, a version and numbers, as [A-Za-z0-9_-]. Whoever forges one only
// chooses where a list goes on; nothing is trusted that the query does not check again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace madang {

/// The kind keeps a cursor of one list from being used with another.
enum class CursorKind : std::uint8_t {
  posts = 1,
  comments,
  follows,
  feed,
  ranking,
  likes,
  people,
  notifications,
  reports,
  parked_events,
  suspensions,
  audit
};

/// At most 8 numbers, each 0 to 2^63-1.
std::string encode_cursor(CursorKind kind, std::initializer_list<std::int64_t> numbers);

/// Errors: validation_failed on the field `cursor` when it is malformed, of another kind, or does
/// not hold exactly `count` numbers.
Result<std::vector<std::int64_t>> decode_cursor(CursorKind kind, std::string_view text,
                                                std::size_t count);

/// An absent cursor: the list's beginning.
inline Result<std::optional<std::vector<std::int64_t>>> decode_cursor(
    CursorKind kind, const std::optional<std::string>& text, std::size_t count) {
  if (!text) return std::optional<std::vector<std::int64_t>>();
  auto numbers = decode_cursor(kind, std::string_view(*text), count);
  if (!numbers) return std::unexpected(std::move(numbers.error()));
  return std::optional(std::move(*numbers));
}

}  // namespace madang
