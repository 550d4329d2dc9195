#include "base/cursor.hpp"

#include "base/encoding.hpp"

namespace madang {

namespace {

constexpr std::byte version{1};
constexpr std::size_t max_numbers = 8;
constexpr std::size_t max_text = 128;

auto bad_cursor() {
  return invalid_field("cursor", "bad_cursor", "is not a cursor of this list; begin without one");
}

/// LEB128 of a number below 2^63; nothing when truncated, overlong or too large.
std::optional<std::int64_t> take_varint(std::span<const std::byte>& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (bytes.empty()) return {};
    const auto byte = std::to_integer<std::uint64_t>(bytes.front());
    bytes = bytes.subspan(1);
    value |= (byte & 0x7F) << shift;
    if ((byte & 0x80) != 0) continue;
    if (byte == 0 && shift != 0) return {};
    return static_cast<std::int64_t>(value);
  }
  return {};
}

}  // namespace

std::string encode_cursor(CursorKind kind, std::initializer_list<std::int64_t> numbers) {
  std::vector<std::byte> bytes{static_cast<std::byte>(kind), version};
  for (const std::int64_t number : numbers) {
    auto rest = static_cast<std::uint64_t>(number);
    for (; rest >= 0x80; rest >>= 7U)
      bytes.push_back(static_cast<std::byte>((rest & 0x7FU) | 0x80U));
    bytes.push_back(static_cast<std::byte>(rest));
  }
  return to_base64url(bytes);
}

Result<std::vector<std::int64_t>> decode_cursor(CursorKind kind, std::string_view text,
                                                std::size_t count) {
  if (text.size() > max_text || count > max_numbers) return bad_cursor();
  const auto bytes = from_base64url(text);
  if (!bytes || bytes->size() < 2 || (*bytes)[0] != static_cast<std::byte>(kind) ||
      (*bytes)[1] != version)
    return bad_cursor();
  std::span<const std::byte> rest(*bytes);
  rest = rest.subspan(2);
  std::vector<std::int64_t> numbers;
  while (!rest.empty() && numbers.size() <= count) {
    const auto number = take_varint(rest);
    if (!number) return bad_cursor();
    numbers.push_back(*number);
  }
  if (numbers.size() != count || !rest.empty()) return bad_cursor();
  return numbers;
}

}  // namespace madang
