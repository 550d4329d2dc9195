#include "modules/social/feed_marks.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace madang::social {

namespace {

constexpr std::uint64_t codec_version = 1;

bool by_post(const FeedMark& a, const FeedMark& b) {
  return a.post != b.post ? a.post < b.post : a.first_seen < b.first_seen;
}

void put(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>((value & 0x7f) | 0x80));
  out.push_back(static_cast<char>(value));
}

/// Moves past one number; nothing when it is cut short, too large, or longer than it needs to be.
std::optional<std::uint64_t> take(std::string_view& text) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (text.empty()) return {};
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    value |= std::uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80) return byte == 0 && shift > 0 ? std::nullopt : std::optional(value);
  }
  return {};
}

std::optional<std::vector<FeedMark>> decode(std::string_view text) {
  constexpr std::uint64_t max_seconds = std::numeric_limits<FeedSeconds>::max();
  const auto version = take(text);
  if (!version || *version != codec_version) return {};
  const auto count = take(text);
  const auto base = take(text);
  if (!count || *count > max_feed_marks || !base || *base > max_seconds) return {};
  std::vector<FeedMark> marks;
  marks.reserve(std::min<std::size_t>(*count, text.size()));
  std::uint64_t post = 0;
  std::uint64_t smallest = *count == 0 ? *base : max_seconds;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const auto step = take(text);
    const auto after = take(text);
    if (!step || !after || *step == 0 || *step > static_cast<std::uint64_t>(max_id) - post)
      return {};
    if (*after > max_seconds - *base || *base + *after == 0) return {};
    post += *step;
    smallest = std::min(smallest, *after);
    marks.push_back({static_cast<Id>(post), static_cast<FeedSeconds>(*base + *after)});
  }
  if (smallest != 0 || !text.empty()) return {};
  return marks;
}

void keep_newest_views(std::vector<FeedMark>& marks) {
  if (marks.size() <= max_feed_marks) return;
  const auto newer = [](const FeedMark& a, const FeedMark& b) {
    return a.first_seen != b.first_seen ? a.first_seen > b.first_seen : a.post > b.post;
  };
  std::nth_element(marks.begin(), marks.begin() + max_feed_marks, marks.end(), newer);
  marks.resize(max_feed_marks);
  std::sort(marks.begin(), marks.end(), by_post);
}

}  // namespace

void sort_feed_marks(std::vector<FeedMark>& marks) {
  if (!std::is_sorted(marks.begin(), marks.end(), by_post))
    std::sort(marks.begin(), marks.end(), by_post);
  const auto same = [](const FeedMark& a, const FeedMark& b) { return a.post == b.post; };
  marks.erase(std::unique(marks.begin(), marks.end(), same), marks.end());
}

std::vector<FeedMark> merge_feed_marks(std::span<const FeedMark> stored,
                                       std::span<const FeedMark> fresh, FeedSeconds now) {
  std::vector<FeedMark> all;
  all.reserve(stored.size() + fresh.size());
  for (const auto part : {stored, fresh})
    for (const FeedMark& mark : part)
      if (!FeedLife::forgotten(mark.first_seen, now)) all.push_back(mark);
  sort_feed_marks(all);
  keep_newest_views(all);
  return all;
}

FeedSeconds first_seen(std::span<const FeedMark> marks, Id post) {
  const auto at = std::ranges::lower_bound(marks, post, {}, &FeedMark::post);
  return at != marks.end() && at->post == post ? at->first_seen : 0;
}

std::string encode_feed_marks(std::vector<FeedMark> marks) {
  std::erase_if(marks, [](const FeedMark& mark) {
    return mark.post < 1 || mark.post > max_id || mark.first_seen == 0;
  });
  sort_feed_marks(marks);
  keep_newest_views(marks);
  FeedSeconds base = marks.empty() ? 0 : marks.front().first_seen;
  for (const FeedMark& mark : marks) base = std::min(base, mark.first_seen);
  std::string out;
  out.reserve(8 + marks.size() * 8);
  put(out, codec_version);
  put(out, marks.size());
  put(out, base);
  Id previous = 0;
  for (const FeedMark& mark : marks) {
    put(out, static_cast<std::uint64_t>(mark.post - previous));
    put(out, mark.first_seen - base);
    previous = mark.post;
  }
  return out;
}

Result<std::vector<FeedMark>> decode_feed_marks(std::string_view blob) {
  if (auto marks = decode(blob)) return std::move(*marks);
  return fail(Kind::malformed, "feed_marks_malformed", "The stored feed marks cannot be read.");
}

}  // namespace madang::social
