#include "modules/social/post_cache_codec.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

namespace madang::social {

namespace {

constexpr std::size_t lease_size = 16;

// Numbers in values are little-endian, as every machine is that this runs on.
static_assert(std::endian::native == std::endian::little);

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, sizeof number> bytes;
  std::memcpy(bytes.data(), &number, sizeof number);
  out.append(bytes.data(), bytes.size());
}

template <class Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

constexpr std::size_t post_head_size = sizeof(Id) + sizeof(std::uint32_t);

}  // namespace

std::string lease_text(std::uint64_t lease) {
  std::string text(lease_size, '0');
  std::array<char, lease_size> digits{};
  const char* end = std::to_chars(digits.data(), digits.data() + lease_size, lease, 16).ptr;
  const auto size = static_cast<std::size_t>(end - digits.data());
  std::memcpy(text.data() + lease_size - size, digits.data(), size);
  return text;
}

std::optional<std::uint64_t> parse_lease(std::string_view text) {
  std::uint64_t lease = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto [stop, error] = std::from_chars(begin, end, lease, 16);
  if (text.size() != lease_size || error != std::errc{} || stop != end) return {};
  return lease;
}

std::string encode_post(const CachedPost& post) {
  std::string out;
  out.reserve(post_head_size + post.head.size() + post.tail.size());
  append_number(out, post.post.author);
  append_number(out, static_cast<std::uint32_t>(post.head.size()));
  return out.append(post.head).append(post.tail);
}

std::shared_ptr<const CachedPost> decode_post(Id id, std::string_view bytes) {
  if (bytes.size() < post_head_size) return nullptr;
  const auto author = number_at<Id>(bytes, 0);
  const auto head = number_at<std::uint32_t>(bytes, sizeof(Id));
  bytes.remove_prefix(post_head_size);
  if (head > bytes.size()) return nullptr;
  auto post = std::make_shared<CachedPost>();
  post->post = {id, author};
  post->head = bytes.substr(0, head);
  post->tail = bytes.substr(head);
  return post;
}

std::string encode_ids(const std::vector<Id>& ids) {
  std::string out;
  out.reserve(ids.size() * sizeof(Id));
  for (const Id id : ids) append_number(out, id);
  return out;
}

std::vector<Id> decode_ids(std::string_view bytes) {
  std::vector<Id> ids;
  ids.reserve(bytes.size() / sizeof(Id));
  for (std::size_t at = 0; at + sizeof(Id) <= bytes.size(); at += sizeof(Id))
    ids.push_back(number_at<Id>(bytes, at));
  return ids;
}

}  // namespace madang::social
