// The feed store in memory with a million warm feeds of 40 entries: one JSON line a measurement.
// Not part of the library. MADANG_BENCH_FEEDS sets another number of feeds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "base/random.hpp"
#include "modules/social/feed_store_memory.hpp"

namespace {

using namespace madang;
using namespace madang::social;

constexpr Id per_feed = 40;
constexpr std::size_t fan = 10'000;
const Time start = *parse_rfc3339("2026-11-21T12:00:00Z");

struct Spread {
  double median, p99;
};

/// Nanoseconds of each run.
Spread measure(int runs, const std::function<void(int)>& run) {
  std::vector<double> took;
  for (int i = 0; i < runs; ++i) {
    const auto from = std::chrono::steady_clock::now();
    run(i);
    took.push_back(
        std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - from).count());
  }
  std::ranges::sort(took);
  return {took[took.size() / 2], took[took.size() * 99 / 100]};
}

void fill(MemoryFeedStore& store, Id feeds) {
  FeedSnapshot snapshot;
  for (Id i = 0; i < per_feed; ++i) {
    const Time at = start - std::chrono::minutes(per_feed - i);
    snapshot.items.push_back({first_id_at(at), FeedLife::seconds(at), 0});
  }
  snapshot.seq = 1;
  snapshot.taken_at = start;
  const auto from = std::chrono::steady_clock::now();
  for (Id user = 1; user <= feeds; ++user)
    store.finish_build(store.begin_build(user).value(), snapshot);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - from;
  const FeedStats stats = store.stats();
  std::printf(
      "{\"bench\":\"feed_build\",\"feeds\":%zu,\"entries\":%zu,\"us_each\":%.2f,\"bytes\":%zu,"
      "\"bytes_an_entry\":%.1f,\"bytes_a_feed\":%.0f}\n",
      stats.warm, stats.entries, took.count() * 1e6 / static_cast<double>(feeds), stats.bytes,
      static_cast<double>(stats.bytes) / static_cast<double>(stats.entries),
      static_cast<double>(stats.bytes) / static_cast<double>(stats.warm));
}

void report(const char* what, const Spread& spread, double each) {
  std::printf("{\"bench\":\"%s\",\"median_us\":%.2f,\"p99_us\":%.2f,\"ns_each\":%.1f}\n", what,
              spread.median / 1e3, spread.p99 / 1e3, spread.median / each);
}

void fan_out(MemoryFeedStore& store, Id feeds) {
  SeededRandom random(1);
  constexpr int rounds = 300;
  std::vector<std::vector<FeedFollower>> followers(rounds);
  for (auto& all : followers)
    for (std::size_t i = 0; i < fan; ++i)
      all.push_back({static_cast<Id>(random.below(static_cast<std::uint64_t>(feeds))) + 1, start});
  const auto post = [](int i) {
    const Time at = start + std::chrono::seconds(i + 1);
    return FeedPost{first_id_at(at), 7, at};
  };
  report("feed_fan_out_10000",
         measure(rounds - 100,
                 [&](int i) { store.push(post(i), followers[static_cast<std::size_t>(i)], 2); }),
         fan);
  report("feed_fan_out_10000_one_by_one",
         measure(100,
                 [&](int i) {
                   const auto& all = followers[static_cast<std::size_t>(rounds - 100 + i)];
                   for (const FeedFollower& one : all) store.push(post(1'000 + i), {&one, 1}, 2);
                 }),
         fan);
}

void read(MemoryFeedStore& store, Id feeds) {
  SeededRandom random(2);
  constexpr int batch = 1'000;
  const Time now = start + std::chrono::hours(1);
  const auto viewer = [&] {
    return static_cast<Id>(random.below(static_cast<std::uint64_t>(feeds))) + 1;
  };
  std::size_t sum = 0;
  report("feed_read_top_20",
         measure(500,
                 [&](int) {
                   for (int i = 0; i < batch; ++i)
                     sum += store.read(viewer(), {.begun = now, .limit = 20}).items.size();
                 }),
         batch);
  report("feed_read_top_20_hot",
         measure(500,
                 [&](int) {
                   for (int i = 0; i < batch; ++i)
                     sum += store.read(1 + i % 100, {.begun = now, .limit = 20}).items.size();
                 }),
         batch);
  report("feed_mark_20_seen",
         measure(200,
                 [&](int) {
                   const Id user = viewer();
                   std::vector<Id> posts;
                   for (const FeedItem& item : store.read(user, {.begun = now, .limit = 20}).items)
                     posts.push_back(item.post);
                   store.mark_seen(user, posts, now);
                 }),
         1);
  if (sum == 0) std::abort();
}

void upkeep(MemoryFeedStore& store) {
  report("feed_sweep_10000", measure(100, [&](int) { store.sweep(start, 10'000); }), 10'000);
  report("feed_stats", measure(20, [&](int) { store.stats(); }), 1);
}

}  // namespace

int main() {
  const char* const text = std::getenv("MADANG_BENCH_FEEDS");
  const Id feeds = text == nullptr ? 1'000'000 : std::atoll(text);
  MemoryFeedOptions options;
  options.max_entries = static_cast<std::size_t>(feeds) * 200;
  MemoryFeedStore store(options);
  fill(store, feeds);
  fan_out(store, feeds);
  read(store, feeds);
  upkeep(store);
}
