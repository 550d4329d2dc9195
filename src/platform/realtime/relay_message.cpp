#include "platform/realtime/relay_message.hpp"

#include <algorithm>
#include <cstring>

namespace madang::realtime {

namespace {

constexpr char version = '\1';
constexpr std::size_t number_size = 8;

void append(std::string& out, std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8)
    out += static_cast<char>(number >> shift & 0xFFU);
}

std::uint64_t take(std::string_view& bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < number_size; ++i) {
    number |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  bytes.remove_prefix(number_size);
  return number;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
  });
}

/// Whether what is left is a whole number of items, and not too many.
bool divides(std::string_view bytes, std::size_t item) {
  return !bytes.empty() && bytes.size() % item == 0 &&
         bytes.size() / item <= RelayMessage::max_items;
}

bool take_wakes(std::string_view bytes, RelayMessage& message) {
  if (!divides(bytes, 2 * number_size)) return false;
  while (!bytes.empty()) {
    RelayMessage::Wake& wake = message.wakes.emplace_back();
    wake.account = static_cast<Id>(take(bytes));
    wake.newest = static_cast<Id>(take(bytes));
  }
  return true;
}

bool take_hints(std::string_view bytes, RelayMessage& message) {
  if (bytes.empty()) return false;
  const auto length = static_cast<unsigned char>(bytes.front());
  bytes.remove_prefix(1);
  if (bytes.size() < length) return false;
  message.type = bytes.substr(0, length);
  bytes.remove_prefix(length);
  if (!is_word(message.type) || !divides(bytes, number_size)) return false;
  while (!bytes.empty()) message.accounts.push_back(static_cast<Id>(take(bytes)));
  return true;
}

}  // namespace

std::string encode(const RelayMessage& message) {
  std::string out{version, static_cast<char>(message.kind)};
  append(out, message.origin);
  if (message.kind == RelayMessage::Kind::hints) {
    const std::string_view type = std::string_view(message.type).substr(0, 255);
    out += static_cast<char>(type.size());
    out += type;
  }
  for (const auto& [account, newest] : message.wakes) {
    append(out, static_cast<std::uint64_t>(account));
    append(out, static_cast<std::uint64_t>(newest));
  }
  for (const Id account : message.accounts) append(out, static_cast<std::uint64_t>(account));
  return out;
}

std::optional<RelayMessage> decode_relay_message(std::string_view bytes) {
  if (bytes.size() < 2 + number_size || bytes[0] != version) return {};
  RelayMessage message;
  message.kind = static_cast<RelayMessage::Kind>(bytes[1]);
  bytes.remove_prefix(2);
  message.origin = take(bytes);
  bool good = false;
  switch (message.kind) {
    case RelayMessage::Kind::wakes:
      good = take_wakes(bytes, message);
      break;
    case RelayMessage::Kind::hints:
      good = take_hints(bytes, message);
      break;
    case RelayMessage::Kind::missed:
      good = bytes.empty();
      break;
  }
  if (!good) return {};
  return message;
}

}  // namespace madang::realtime
