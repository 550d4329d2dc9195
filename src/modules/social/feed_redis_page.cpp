// From what lies in Redis to a page, by the rules of feed_store.hpp.
#include <algorithm>

#include "modules/social/feed_redis_scripts.hpp"

namespace madang::social {

namespace {

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

namespace {

FeedHead decode_head(std::string_view bytes) {
  FeedHead head{.warm = bytes.front() == 'w'};
  bytes.remove_prefix(1);
  head.build = take(bytes, 8);
  head.seq = take(bytes, 8);
  head.covers_from = static_cast<Id>(take(bytes, 8));
  head.cleared = static_cast<FeedSeconds>(take(bytes, 4));
  head.read = static_cast<FeedSeconds>(take(bytes, 4));
  head.taken = static_cast<FeedSeconds>(take(bytes, 4));
  return head;
}

/// What comes later is newer, nearly always.
template <class T, class Less>
void newest_first(std::vector<T>& of, Less less) {
  std::ranges::reverse(of);
  if (!std::ranges::is_sorted(of, less)) std::ranges::sort(of, less);
}

/// Each entry once, and the earliest view of each.
void put_together(std::vector<FeedItem>& items, std::vector<FeedMark>& views) {
  newest_first(items, [](const FeedItem& a, const FeedItem& b) {
    return a.post != b.post ? a.post > b.post : a.inserted > b.inserted;
  });
  const auto doubled = std::ranges::unique(items, {}, &FeedItem::post);
  items.erase(doubled.begin(), doubled.end());
  newest_first(views, [](const FeedMark& a, const FeedMark& b) {
    return a.post != b.post ? a.post > b.post : a.first_seen < b.first_seen;
  });
  auto view = views.begin();
  for (FeedItem& item : items) {
    while (view != views.end() && view->post > item.post) ++view;
    if (view != views.end() && view->post == item.post) item.first_seen = view->first_seen;
  }
}

}  // namespace

std::string encode_feed_record(char kind, Id post, FeedSeconds at) {
  std::string out(1, kind);
  put(out, static_cast<std::uint64_t>(post), 8);
  put(out, at, 4);
  return out;
}

std::optional<FeedScan> FeedScan::decode(std::string_view feed, std::string_view reign,
                                         FeedSeconds as_of) {
  if (feed.size() < FeedHead::stored_size ||
      feed.substr(FeedHead::size, FeedHead::stored_size - FeedHead::size) != reign)
    return {};
  FeedScan scan{.head = decode_head(feed), .items = {}};
  if (!scan.head.warm) return {};
  feed.remove_prefix(FeedHead::stored_size);
  scan.items.reserve(feed.size() / feed_record_size);
  std::vector<FeedMark> views;
  while (feed.size() >= feed_record_size) {
    const char kind = feed.front();
    feed.remove_prefix(1);
    const auto post = static_cast<Id>(take(feed, 8));
    const auto at = static_cast<FeedSeconds>(take(feed, 4));
    if (kind == 'v') {
      if (!FeedLife::forgotten(at, as_of)) views.push_back({post, at});
    } else if (kind == 'p' && post >= scan.head.covers_from) {
      scan.items.push_back({post, at, 0});
    }
  }
  put_together(scan.items, views);
  return scan;
}

namespace {

FeedPage first_page(const FeedScan& scan, const FeedQuery& query, std::size_t max_live) {
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
  // Some of what would count lies below what is here.
  if (scan.head.covers_from != 0) return FeedPage{.answer = FeedAnswer::below_coverage};
  return page;
}

FeedPage next_page(const FeedScan& scan, const FeedQuery& query) {
  const FeedSeconds as_of = FeedLife::seconds(query.begun);
  FeedPage page{.answer = FeedAnswer::page, .floor = query.floor};
  const auto below = std::ranges::partition_point(
      scan.items, [&](const FeedItem& item) { return item.post >= query.below; });
  for (auto item = below; item != scan.items.end() && item->post >= query.floor; ++item) {
    if (!FeedLife::live(item->inserted, item->first_seen, as_of)) continue;
    if (page.items.size() == query.limit) {
      page.more_live = true;
      return page;
    }
    page.items.push_back(*item);
  }
  if (scan.head.covers_from > query.floor) return FeedPage{.answer = FeedAnswer::below_coverage};
  return page;
}

}  // namespace

FeedPage page_of(const FeedScan& scan, const FeedQuery& query, std::size_t max_live) {
  return query.below == 0 ? first_page(scan, query, max_live) : next_page(scan, query);
}

}  // namespace madang::social
