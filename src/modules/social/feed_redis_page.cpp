// From what lies in Redis to a page, by the rules of feed_store.hpp.
#include <algorithm>

#include "modules/social/feed_redis_scripts.hpp"

namespace madang::social {

namespace {

constexpr std::size_t reign_size = 16;

void put(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(number >> shift & 0xffU));
}

std::uint64_t take(std::string_view& text, std::size_t bytes) {
  std::uint64_t number = 0;
  for (const char c : text.substr(0, bytes)) number = number << 8U | static_cast<unsigned char>(c);
  text.remove_prefix(bytes);
  return number;
}

}  // namespace

std::string FeedHead::encode() const {
  std::string out(1, warm ? 'w' : 'b');
  out.reserve(size);
  put(out, build, 8);
  put(out, seq, 8);
  put(out, static_cast<std::uint64_t>(covers_from), 8);
  put(out, cleared, 4);
  put(out, read, 4);
  put(out, taken, 4);
  return out;
}

std::optional<FeedHead> FeedHead::decode(std::string_view member) {
  if (member.size() != size + reign_size) return {};
  FeedHead head{.warm = member.front() == 'w'};
  member.remove_prefix(1);
  head.build = take(member, 8);
  head.seq = take(member, 8);
  head.covers_from = static_cast<Id>(take(member, 8));
  head.cleared = static_cast<FeedSeconds>(take(member, 4));
  head.read = static_cast<FeedSeconds>(take(member, 4));
  head.taken = static_cast<FeedSeconds>(take(member, 4));
  return head;
}

std::string encode_feed_member(char kind, Id post, FeedSeconds at) {
  std::string out(1, kind);
  put(out, static_cast<std::uint64_t>(post), 8);
  put(out, at, 4);
  return out;
}

std::optional<FeedScan> FeedScan::decode(const redis::Value& answer, FeedSeconds as_of) {
  constexpr std::size_t member_size = 13;
  const std::size_t size = answer.items.size();
  if (size < 2) return {};
  const auto head = FeedHead::decode(answer.items[size - 2].text);
  if (!head) return {};
  FeedScan scan{.head = *head, .items = {}};
  const std::int64_t asked = answer.items[size - 1].integer;
  scan.ended = asked < 0 || size - 2 < static_cast<std::size_t>(asked);
  scan.items.reserve(size - 2);
  // The views of a post come before its entry; several count as the earliest.
  FeedItem item;
  for (std::size_t i = 0; i < size - 2; ++i) {
    std::string_view member = answer.items[i].text;
    if (member.size() != member_size) continue;
    const char kind = member.front();
    member.remove_prefix(1);
    const auto post = static_cast<Id>(take(member, 8));
    const auto at = static_cast<FeedSeconds>(take(member, 4));
    if (post != item.post) item = {.post = post};
    if (kind == 'v' && !FeedLife::forgotten(at, as_of))
      item.first_seen = item.first_seen == 0 ? at : std::min(item.first_seen, at);
    if (kind != 'p' || (!scan.items.empty() && scan.items.back().post == post)) continue;
    item.inserted = at;
    scan.items.push_back(item);
  }
  return scan;
}

namespace {

std::optional<FeedPage> first_page(const FeedScan& scan, const FeedQuery& query,
                                   std::size_t max_live) {
  const FeedSeconds as_of = FeedLife::seconds(query.begun);
  FeedPage page{.answer = FeedAnswer::page};
  std::size_t live = 0;
  for (const FeedItem& item : scan.items) {
    if (!FeedLife::live(item.inserted, item.first_seen, as_of)) continue;
    ++live;
    if (page.items.size() < query.limit)
      page.items.push_back(item);
    else
      page.more_live = true;
    if (live == max_live) {
      page.floor = item.post;
      return page;
    }
  }
  if (!scan.ended) return page.more_live ? std::optional(page) : std::nullopt;
  // Some of what would count lies below what is here.
  if (scan.head.covers_from != 0) return FeedPage{.answer = FeedAnswer::below_coverage};
  return page;
}

std::optional<FeedPage> next_page(const FeedScan& scan, const FeedQuery& query) {
  const FeedSeconds as_of = FeedLife::seconds(query.begun);
  FeedPage page{.answer = FeedAnswer::page, .floor = query.floor};
  for (const FeedItem& item : scan.items) {
    if (!FeedLife::live(item.inserted, item.first_seen, as_of)) continue;
    if (page.items.size() == query.limit) {
      page.more_live = true;
      return page;
    }
    page.items.push_back(item);
  }
  if (!scan.ended) return {};
  if (scan.head.covers_from > query.floor) return FeedPage{.answer = FeedAnswer::below_coverage};
  return page;
}

}  // namespace

std::optional<FeedPage> page_of(const FeedScan& scan, const FeedQuery& query,
                                std::size_t max_live) {
  return query.below == 0 ? first_page(scan, query, max_live) : next_page(scan, query);
}

}  // namespace madang::social
