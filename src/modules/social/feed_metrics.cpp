#include "modules/social/feed_metrics.hpp"

#include <utility>
#include <vector>

namespace madang::social {

namespace {

struct Figure {
  const char* name;
  const char* help;
  double (*value)(const FeedStats&);
};

constexpr Figure figures[] = {
    {"madang_feed_warm", "Feeds in memory", [](const FeedStats& s) { return double(s.warm); }},
    {"madang_feed_building", "Feeds being built",
     [](const FeedStats& s) { return double(s.building); }},
    {"madang_feed_entries", "Entries in memory",
     [](const FeedStats& s) { return double(s.entries); }},
    {"madang_feed_bytes", "Bytes of the feed store, overhead included",
     [](const FeedStats& s) { return double(s.bytes); }},
    {"madang_feed_pulled_authors", "Authors whose posts are pulled at read",
     [](const FeedStats& s) { return double(s.pulled_authors); }},
    {"madang_feed_unsaved_marks", "Views that are not saved yet",
     [](const FeedStats& s) { return double(s.unsaved_marks); }},
    {"madang_feed_owed", "Feeds whose change the store has not taken yet",
     [](const FeedStats& s) { return double(s.owed); }},
    {"madang_feed_unreachable", "Feed reads that the store did not answer, since the start",
     [](const FeedStats& s) { return double(s.unreachable_reads); }},
    {"madang_feed_evictions", "Feeds dropped at the bound of entries, since the start",
     [](const FeedStats& s) { return double(s.evictions); }},
    {"madang_feed_builds", "Feeds built, since the start",
     [](const FeedStats& s) { return double(s.builds); }},
    {"madang_feed_builds_void", "Builds that had to be begun again, since the start",
     [](const FeedStats& s) { return double(s.builds_void); }},
    {"madang_feed_builds_refused", "Builds refused at their bound, since the start",
     [](const FeedStats& s) { return double(s.builds_refused); }},
    {"madang_feed_marks_dropped", "Views forgotten at their bound, since the start",
     [](const FeedStats& s) { return double(s.marks_dropped); }},
    {"madang_feed_push_nanoseconds", "Measured cost of one follower of a push",
     [](const FeedStats& s) { return s.costs.push_ns_per_follower; }},
    {"madang_feed_pull_nanoseconds", "Measured cost of one pulled author in a page",
     [](const FeedStats& s) { return s.costs.pull_ns_per_author; }},
};

}  // namespace

void export_feed_stats(const FeedStore& store, metrics::Registry& registry) {
  std::vector<std::pair<metrics::Gauge*, const Figure*>> gauges;
  for (const Figure& figure : figures)
    gauges.emplace_back(&registry.gauge(figure.name, figure.help), &figure);
  registry.on_scrape([&store, gauges = std::move(gauges)] {
    const FeedStats stats = store.stats();
    for (const auto& [gauge, figure] : gauges) gauge->Set(figure->value(stats));
  });
}

}  // namespace madang::social
