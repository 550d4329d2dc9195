// Bytes as text: hex and unpadded base64url (RFC 4648 section 5).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace madang {

std::string to_hex(std::span<const std::byte> bytes);
std::string to_base64url(std::span<const std::byte> bytes);
/// Nothing when the text has another character or an impossible length.
std::optional<std::vector<std::byte>> from_base64url(std::string_view text);

/// SHA-256, 32 bytes.
std::vector<std::byte> sha256(std::string_view data);

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace madang
