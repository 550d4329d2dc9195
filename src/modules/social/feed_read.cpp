#include <optional>

#include "modules/social/feed_shard.hpp"

namespace madang::social {

namespace {
constexpr std::uint64_t measure_every = 32;  // reading the clock costs as much as a small page
}

FeedPage MemoryFeedStore::read(Id viewer, const FeedQuery& query) {
  const std::uint64_t hash = FeedTable::hash(viewer);
  Shard& in = shard(hash);
  const Guard guard(*this, in);
  const std::uint64_t turn = in.counts.reads++;
  FeedRecord* const record = in.table.find(viewer, hash);
  if (record == nullptr || !record->warm()) {
    if (record != nullptr && record->building() && query.below == 0)
      record->side->build->last_cold = FeedLife::seconds(query.begun);
    ++in.counts.cold_reads;
    return {.answer = FeedAnswer::cold};
  }
  record->referenced = true;
  if (query.below == 0) record->last_read = FeedLife::seconds(query.begun);

  std::optional<RingsView> rings;
  if (record->pulls() && rings_.any()) rings.emplace(rings_);
  const RingsView* const view = rings ? &*rings : nullptr;
  const bool measure = view != nullptr && turn % measure_every == 0;
  const auto since = measure ? std::chrono::steady_clock::now() : decltype(rated_at_){};
  const bool stale = view != nullptr && view->stale(*record);

  FeedPage page{.answer = FeedAnswer::below_coverage};
  if (!stale && readable(*record, query))
    page = query.below == 0 ? first_page(*record, view, query) : next_page(*record, view, query);
  if (measure) measure_pull(since, record->side->pulled.size());
  if (page.answer == FeedAnswer::page) return page;

  ++in.counts.below_coverage_reads;
  rings.reset();
  if (!stale && query.below != 0) return page;
  forget(in, *record);  // of no use to anyone any more: let it be built anew
  return {.answer = FeedAnswer::cold};
}

bool MemoryFeedStore::readable(const FeedRecord& record, const FeedQuery& query) const {
  const FeedSeconds begun = FeedLife::seconds(query.begun);
  const std::uint64_t kept_from = std::uint64_t(begun) + FeedLife::grace;
  if (kept_from < record.cleared) return false;
  if (record.side && query.below != 0 && begun >= record.side->doubt_from &&
      begun <= record.side->doubt_until)
    return false;
  return !record.pulls() ||
         kept_from >= now_.load(std::memory_order_relaxed);  // rings are swept too
}

FeedPage MemoryFeedStore::first_page(const FeedRecord& record, const RingsView* rings,
                                     const FeedQuery& query) const {
  const FeedSeconds as_of = FeedLife::seconds(query.begun);
  const std::size_t max_live = options_.limits.max_live;
  FeedWalk walk(record, rings, 0);
  const bool count_all = record.covers_from != 0 || walk.at_most() >= max_live;
  FeedPage page{.answer = FeedAnswer::page};
  page.items.reserve(std::min(query.limit, walk.at_most()));
  std::size_t live = 0;
  FeedItem item;
  while (walk.next(item)) {
    if (!FeedLife::live(item.inserted, item.first_seen, as_of)) continue;
    ++live;
    if (page.items.size() < query.limit) {
      page.items.push_back(item);
    } else {
      page.more_live = true;
      if (!count_all) break;
    }
    if (live == max_live) {
      page.floor = item.post;
      break;
    }
  }
  // Some of what would count lies below what the record holds.
  if (live < max_live && record.covers_from != 0) return {.answer = FeedAnswer::below_coverage};
  return page;
}

FeedPage MemoryFeedStore::next_page(const FeedRecord& record, const RingsView* rings,
                                    const FeedQuery& query) {
  const FeedSeconds as_of = FeedLife::seconds(query.begun);
  FeedWalk walk(record, rings, query.below);
  FeedPage page{.answer = FeedAnswer::page, .floor = query.floor};
  page.items.reserve(std::min(query.limit, walk.at_most()));
  FeedItem item;
  while (walk.next(item)) {
    if (item.post < query.floor) return page;
    if (!FeedLife::live(item.inserted, item.first_seen, as_of)) continue;
    if (page.items.size() == query.limit) {
      page.more_live = true;
      return page;
    }
    page.items.push_back(item);
  }
  if (record.covers_from > query.floor) return {.answer = FeedAnswer::below_coverage};
  return page;
}

void MemoryFeedStore::measure_pull(std::chrono::steady_clock::time_point since,
                                   std::size_t authors) {
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - since;
  smooth(pull_ns_, took.count() / static_cast<double>(authors), 0.05);
}

}  // namespace madang::social
