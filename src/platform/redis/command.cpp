#include "platform/redis/command.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

#include "base/encoding.hpp"
#include "platform/redis/resp.hpp"

namespace madang::redis {

namespace {

// CRC-16/XMODEM, as the cluster specification has it.
constexpr auto crc_table = [] {
  std::array<std::uint16_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) {
    auto crc = static_cast<std::uint16_t>(i << 8U);
    for (int bit = 0; bit < 8; ++bit) {
      const bool high = (crc & 0x8000U) != 0;
      crc = static_cast<std::uint16_t>(crc << 1U);
      if (high) crc ^= 0x1021U;
    }
    table[i] = crc;
  }
  return table;
}();

/// The name of a script, not a matter of security.
std::string sha1_hex(std::string_view text) {
  std::array<std::byte, SHA_DIGEST_LENGTH> digest{};
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             EVP_sha1(), nullptr);
  return to_hex(digest);
}

}  // namespace

std::uint16_t slot_of(std::string_view key) {
  if (const auto open = key.find('{'); open != key.npos) {
    const auto close = key.find('}', open + 1);
    if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  std::uint16_t crc = 0;
  for (const char c : key) {
    const auto index = (crc >> 8U ^ static_cast<unsigned char>(c)) & 0xFFU;
    crc = static_cast<std::uint16_t>(crc << 8U ^ crc_table[index]);
  }
  return crc % slot_count;
}

Script::Script(std::string source) {
  std::string sha = sha1_hex(source);
  text_ = std::make_shared<const Text>(Text{std::move(source), std::move(sha)});
}

Command::Command(std::string_view name, Effect effect) : effect_(effect) {
  body_.reserve(96);
  add(name);
}

Command Command::script(const Script& script, std::size_t keys, Effect effect) {
  Command command("EVALSHA", effect);
  command.script_ = script.text_;
  command.add(script.sha()).add_number(static_cast<std::int64_t>(keys));
  return command;
}

Command&& Command::key(std::string_view key) && {
  return std::move(add_key(key));
}

Command& Command::add(std::string_view text) {
  append_bulk(body_, text);
  ++parts_;
  return *this;
}

Command& Command::add_key(std::string_view key) {
  const std::uint16_t slot = slot_of(key);
  if (slot_ == slot_count) slot_ = slot;
  if (slot_ != slot) crosses_slots_ = true;
  return add(key);
}

Command& Command::add_number(std::int64_t number) {
  std::array<char, 24> digits{};
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return add(std::string_view(digits.data(), end));
}

void Command::append_to(std::string& wire) const {
  append_array(wire, parts_);
  wire.append(body_);
}

}  // namespace madang::redis
