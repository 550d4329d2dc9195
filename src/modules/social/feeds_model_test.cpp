// The home feed with all its real parts through random histories (feeds_model.hpp): what is read,
// and what it is held against.
#include "modules/social/feeds_model.hpp"

#include <cstdio>

namespace madang::social::feeds_model {

namespace {

std::optional<FeedCursor> decoded(const std::string& cursor) {
  if (cursor.empty()) return {};
  const auto n = decode_cursor(CursorKind::feed, std::string_view(cursor), 4).value();
  const bool from_sql = n[0] == 2;
  const FeedPart part = from_sql ? FeedPart::live : static_cast<FeedPart>(n[0]);
  return FeedCursor{part, n[1], from_micros(n[2]), n[3], from_sql};
}

std::vector<Line> parsed(const Feeds::Page& page) {
  std::vector<Line> lines;
  for (const auto& value : boost::json::parse("[" + page.items + "]").as_array()) {
    const auto& post = value.at("post");
    lines.push_back({post.at("id").to_number<Id>(), std::string(value.at("source").as_string()),
                     value.at("seen").as_bool(), post.at("liked").as_bool(),
                     post.at("like_count").to_number<std::int64_t>(),
                     std::string(post.at("text").as_string())});
  }
  return lines;
}

}  // namespace

void Yard::read(bool caught_up) {
  Open from{person(), ""};
  if (!open_.empty() && chance(55)) {
    const std::size_t which = random_.below(open_.size());
    from = open_[which];
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(which));
  }
  if (caught_up) catch_up();
  tally_.pulled += feed_stores_.front()->stats().pulled_authors;
  const auto at = decoded(from.cursor);
  const std::size_t limit = 1 + random_.below(9);
  const bool mark_seen = chance(80);
  const std::vector<FeedMark> pending = pending_marks(from.viewer);
  std::optional<std::string> cursor;
  if (at) cursor = from.cursor;
  const Result<Feeds::Page> page =
      run(feeds().read_page(Deadline::after(30s), from.viewer, cursor, limit, mark_seen));
  const bool refused =
      at && (at->begun < clock_.now() - Feeds::cursor_life || at->begun > clock_.now() + 2s);
  ASSERT_EQ(page.has_value(), !refused) << (page ? "" : page.error().detail);
  if (refused) {
    ++tally_.refused_cursors;
    return;
  }
  SCOPED_TRACE("viewer " + std::to_string(from.viewer) + (caught_up ? "" : ", fan-out behind") +
               (at ? ", list begun " + to_rfc3339(at->begun) : ", a new list") + ", now " +
               to_rfc3339(clock_.now()));
  tally_.followed_cursors += at ? 1 : 0;
  const std::vector<Line> lines = parsed(*page);
  check_lines(from.viewer, lines);
  if (caught_up)
    check_list(from.viewer, at, limit, *page, pending);
  else
    ++tally_.behind;
  if (page->next_cursor && open_.size() < 8) open_.push_back({from.viewer, *page->next_cursor});
}

/// Of all instances.
std::vector<FeedMark> Yard::pending_marks(Id viewer) {
  std::vector<FeedMark> all;
  for (const auto& store : feed_stores_) {
    const std::vector<FeedMark> some = run(store->pending_marks(soon(), viewer));
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

/// All posts, by what the tables say and nothing else.
std::map<Id, PlainPost> Yard::plain_posts(Id viewer) {
  return query([&](db::Transaction& tx) {
    std::map<Id, PlainPost> out;
    tx.each<Id, Id, std::string, std::int64_t, bool, bool>(
        "select p.id, p.author_id, p.body, "
        "(select count(*) from post_likes l where l.post_id = p.id), "
        "exists (select 1 from post_likes l where l.post_id = p.id and l.account_id = ?), "
        "p.state = 0 and not exists (select 1 from mutes m where m.muter_id = ? and m.muted_id = "
        "p.author_id) and not exists (select 1 from blocks b where (b.blocker_id = ? and "
        "b.blocked_id = p.author_id) or (b.blocked_id = ? and b.blocker_id = p.author_id)) "
        "from posts p",
        [&](Id id, Id author, std::string text, std::int64_t likes, bool liked, bool shown) {
          out.emplace(id, PlainPost{author, std::move(text), likes, shown, liked});
        },
        viewer, viewer, viewer, viewer);
    return out;
  });
}

/// Everything from there on, whether or not the viewer may see it.
std::vector<std::pair<FeedItem, FeedPart>> Yard::plain_list(Id viewer,
                                                            const std::optional<FeedCursor>& at,
                                                            std::span<const FeedMark> pending) {
  return query([&](db::Transaction& tx) {
    const Time begun = at ? at->begun : clock_.now();
    return feed_page_from_sql(tx, viewer, begun, at, everything, small, pending).items;
  });
}

/// Whether or not the fan-out has caught up: only what may be shown, as it is now, once, in order.
void Yard::check_lines(Id viewer, const std::vector<Line>& lines) {
  const auto posts = plain_posts(viewer);
  const Line* last = nullptr;
  for (const Line& line : lines) {
    const PlainPost& post = posts.at(line.post);
    EXPECT_TRUE(post.shown) << line.post;
    EXPECT_EQ(line.text, post.text) << line.post;
    EXPECT_EQ(line.like_count, post.like_count) << line.post;
    EXPECT_EQ(line.liked, post.liked) << line.post;
    if (last != nullptr && last->source == line.source) EXPECT_GT(last->post, line.post);
    if (last != nullptr && last->source != line.source) EXPECT_EQ(line.source, "archive");
    last = &line;
    tally_.seen += line.seen ? 1 : 0;
    tally_.liked += line.liked ? 1 : 0;
    ++(line.source == "live" ? tally_.live : tally_.archived);
  }
}

/// The page and what its cursor leads to are, together, the list that SQL gives.
void Yard::check_list(Id viewer, const std::optional<FeedCursor>& at, std::size_t limit,
                      const Feeds::Page& page, std::span<const FeedMark> pending) {
  const auto posts = plain_posts(viewer);
  const auto shown = [&](const std::vector<std::pair<FeedItem, FeedPart>>& list) {
    std::vector<Line> out;
    for (const auto& [item, part] : list)
      if (const PlainPost& post = posts.at(item.post); post.shown)
        out.push_back({item.post, part == FeedPart::live ? "live" : "archive", item.first_seen != 0,
                       post.liked, post.like_count, post.text});
    return out;
  };
  const auto whole = plain_list(viewer, at, pending);
  const std::vector<Line> expected = shown(whole);
  std::vector<Line> got = parsed(page);
  ++tally_.pages;
  tally_.rows += got.size();
  tally_.filtered += whole.size() - expected.size();
  ASSERT_LE(got.size(), limit);
  ASSERT_LE(got.size(), expected.size());
  const std::size_t size = got.size();
  if (page.next_cursor) {
    const auto next = decoded(*page.next_cursor);
    tally_.floors += next->floor != 0 ? 1 : 0;
    const auto rest = plain_list(viewer, next, pending);
    for (Line& line : shown(rest)) got.push_back(std::move(line));
    // A page is cut short only when much was passed over that the viewer may not see.
    if (size < limit) EXPECT_GE(whole.size() - rest.size(), 9U);
  }
  ASSERT_EQ(got, expected) << "the page has " << size << " of at most " << limit;
}

Tally histories(Stores& stores, std::size_t cached, std::uint64_t first, std::uint64_t last,
                int steps) {
  Tally tally;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Yard yard(seed, stores, cached, tally);
    for (int step = 0; step < steps; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      yard.step();
      if (testing::Test::HasFailure()) return tally;
    }
    yard.finish();
  }
  std::printf(
      "%zu pages, %zu posts (%zu live, %zu archived, %zu seen, %zu liked), %zu passed over; %zu "
      "cursors, %zu refused, %zu floors; %zu behind; reads: %zu memory, %zu cold, %zu below "
      "coverage; %zu pulled authors, %zu evictions, %zu builds, %zu void, %zu disturbed, %zu "
      "hints; %zu hidden, "
      "%zu restored, %zu wipes, %zu times back, %zu ids refused; %zu faults, %zu unreachable\n",
      tally.pages, tally.rows, tally.live, tally.archived, tally.seen, tally.liked, tally.filtered,
      tally.followed_cursors, tally.refused_cursors, tally.floors, tally.behind, tally.from_memory,
      tally.from_sql, tally.below_coverage, tally.pulled, tally.evictions, tally.builds,
      tally.builds_void, tally.disturbed, tally.hints, tally.hidden, tally.restored, tally.wipes,
      tally.turned_back, tally.ids_refused, tally.faults, tally.unreachable);
  return tally;
}

namespace {

void expect_everything_happened(const Tally& tally) {
  EXPECT_GT(tally.pages, 300U);
  EXPECT_GT(tally.live, 300U);
  EXPECT_GT(tally.archived, 50U);
  EXPECT_GT(tally.seen, 100U);
  EXPECT_GT(tally.liked, 20U);
  EXPECT_GT(tally.filtered, 20U);
  EXPECT_GT(tally.followed_cursors, 50U);
  EXPECT_GT(tally.refused_cursors, 0U);
  EXPECT_GT(tally.behind, 50U);
  EXPECT_GT(tally.from_memory, 100U);
  EXPECT_GT(tally.from_sql, 50U);
  EXPECT_GT(tally.pulled, 0U);
  EXPECT_GT(tally.builds, 50U);
  EXPECT_GT(tally.disturbed, 5U);
  EXPECT_GT(tally.hints, 0U);
  EXPECT_GT(tally.hidden, 5U);
  EXPECT_GT(tally.restored, 5U);
  EXPECT_GT(tally.wipes, 10U);
  EXPECT_GT(tally.turned_back, 0U);
}

TEST(FeedsModel, EveryPageIsWhatSqlSays) {
  InMemory stores({.limits = small});
  expect_everything_happened(histories(stores, 200, 1, 6, 400));
}

TEST(FeedsModel, EveryPageIsWhatSqlSaysInLittleMemory) {
  InMemory little({.limits = small,
                   .max_entries = 90,
                   .max_builds = 2,
                   .max_pending = 2,
                   .rings = {.authors = 3, .posts = 6}});
  const Tally tally = histories(little, 4, 101, 106, 400);
  expect_everything_happened(tally);
  EXPECT_GT(tally.evictions, 10U);
  EXPECT_GT(tally.floors, 0U);
}

}  // namespace
}  // namespace madang::social::feeds_model
