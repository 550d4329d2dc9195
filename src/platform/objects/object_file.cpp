#include "platform/objects/object_file.hpp"

#include <algorithm>
#include <charconv>

namespace madang::objects {

namespace {

constexpr std::string_view magic = "MADANG01";
constexpr std::size_t fixed_part = 4 + magic.size();

/// The text up to the next line feed, which is taken away with it.
std::optional<std::string_view> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == text.npos) return {};
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

bool is_md5(std::string_view text) {
  return text.size() == 32 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

bool valid_key(std::string_view key) {
  if (key.empty() || key.size() > max_key_length) return false;
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '.' || c == '-';
  };
  if (!std::ranges::all_of(key, allowed)) return false;
  for (;;) {
    const std::string_view segment = key.substr(0, key.find('/'));
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (segment.size() == key.size()) return true;
    key.remove_prefix(segment.size() + 1);
  }
}

bool valid_content_type(std::string_view text) {
  return !text.empty() && text.size() <= max_content_type &&
         std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string make_trailer(const ObjectInfo& info) {
  std::string out = info.content_type + "\n" + info.etag + "\n" + std::to_string(info.size) + "\n";
  const auto length = static_cast<std::uint32_t>(out.size());
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(length >> shift & 0xff);
  return out.append(magic);
}

std::optional<ObjectInfo> parse_trailer(std::string_view tail, std::uint64_t file_size) {
  if (tail.size() < fixed_part || !tail.ends_with(magic)) return {};
  tail.remove_suffix(magic.size());
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < 4; ++i)
    length |= static_cast<std::uint32_t>(static_cast<unsigned char>(tail[tail.size() - 4 + i]))
              << (8 * i);
  tail.remove_suffix(4);
  if (length > tail.size()) return {};
  tail = tail.substr(tail.size() - length);
  const auto type = take_line(tail);
  const auto etag = type ? take_line(tail) : std::nullopt;
  const auto size = etag ? take_line(tail) : std::nullopt;
  if (!size || !tail.empty() || !valid_content_type(*type) || !is_md5(*etag)) return {};
  ObjectInfo info{.content_type = std::string(*type), .etag = std::string(*etag), .modified = {}};
  const auto [end, error] = std::from_chars(size->data(), size->data() + size->size(), info.size);
  if (error != std::errc() || end != size->data() + size->size()) return {};
  if (info.size > file_size || file_size - info.size != length + fixed_part) return {};
  return info;
}

}  // namespace madang::objects
