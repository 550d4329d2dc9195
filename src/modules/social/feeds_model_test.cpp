// The home feed with all its real parts (SQLite, outbox, dispatcher, fan-out, store in memory,
// cache of posts, background builds) through random histories: every page that is read is held
// against what plain SQL says at that moment. The seed fixes what happens; how threads interleave
// is open.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>

#include "base/random.hpp"
#include "modules/social/fan_out.hpp"
#include "modules/social/feed_store_memory.hpp"
#include "modules/social/feeds.hpp"
#include "platform/db/sqlite.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
extern const ModuleSchema media_schema;
extern const ModuleSchema social_schema;
}  // namespace madang::db

namespace madang::social {
namespace {

using namespace std::chrono_literals;

constexpr Id people = 7;
constexpr FeedLimits small{.max_live = 12, .slack = 4};
constexpr FeedPolicyOptions eager{.min_followers = 2};
constexpr std::size_t everything = 1'000'000;

/// How often what happened: a test that compares nothing must not pass.
struct Tally {
  std::size_t pages = 0, rows = 0, live = 0, archived = 0, seen = 0, liked = 0, filtered = 0;
  std::size_t followed_cursors = 0, refused_cursors = 0, floors = 0, behind = 0;
  std::size_t hidden = 0, restored = 0, wipes = 0, turned_back = 0, ids_refused = 0;
  std::size_t from_memory = 0, from_sql = 0, below_coverage = 0, pulled = 0, evictions = 0;
  std::size_t builds = 0, builds_void = 0, disturbed = 0, hints = 0;
};

/// One line of a feed, as it is shown and as it should be.
struct Line {
  Id post = 0;
  std::string source;
  bool seen = false;
  bool liked = false;
  std::int64_t like_count = 0;
  std::string text;
  bool operator==(const Line&) const = default;
  friend void PrintTo(const Line& line, std::ostream* out) {
    *out << line.post << ' ' << line.source << (line.seen ? " seen" : "")
         << (line.liked ? " liked of " : " of ") << line.like_count << " '" << line.text << '\'';
  }
};

/// A post as the tables have it and as one viewer may see it.
struct PlainPost {
  Id author = 0;
  std::string text;
  std::int64_t like_count = 0;
  bool shown = false;
  bool liked = false;
};

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "madang-feeds-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path file() const { return path_ / "test.sqlite"; }

 private:
  std::filesystem::path path_;
};

class Yard {
 public:
  Yard(std::uint64_t seed, const MemoryFeedOptions& options, std::size_t cached, Tally& tally)
      : random_(seed), tally_(tally), cache_(*db_, cached * 4, cached, registry_), store_(options) {
    const db::ModuleSchema* const modules[] = {&db::http_schema, &db::events_schema,
                                               &db::identity_schema, &db::media_schema,
                                               &db::social_schema};
    db::migrate(*db_, modules);
    ids_.extend(clock_.now() + std::chrono::days(3000));
    for (Id id = 1; id <= people; ++id) add_account(id, "person" + std::to_string(id));
    for (int i = 0; i < 25; ++i) follow(person(), person(), true);
    dispatcher_.add(fan_out_);
    dispatcher_.start();
  }
  Yard(const Yard&) = delete;
  Yard& operator=(const Yard&) = delete;
  ~Yard() {
    finish_builds();
    dispatcher_.stop();
    db_->close();
  }

  void step();
  void finish() {
    const FeedStats stats = store_.stats();
    tally_.from_memory += stats.reads - stats.cold_reads - stats.below_coverage_reads;
    tally_.from_sql += stats.cold_reads;
    tally_.below_coverage += stats.below_coverage_reads;
    tally_.evictions += stats.evictions;
    tally_.builds += stats.builds;
    tally_.builds_void += stats.builds_void;
    tally_.hints += hints_;
  }

 private:
  struct Open {  // a list that was begun and can be gone on with
    Id viewer = 0;
    std::string cursor;
  };

  bool chance(unsigned percent) { return random_.below(100) < percent; }
  Id person() { return static_cast<Id>(random_.below(people)) + 1; }

  template <class Body>
  bool sql(Body body) {
    const auto done =
        db_->write_blocking([&](db::Transaction& tx) -> Result<bool> { return body(tx); });
    EXPECT_TRUE(done.has_value());
    return done.value_or(false);
  }
  template <class Body>
  auto query(Body body) {
    using T = std::invoke_result_t<Body&, db::Transaction&>;
    return db_->read_blocking([&](db::Transaction& tx) -> Result<T> { return body(tx); }).value();
  }

  void add_account(Id id, const std::string& name) {
    sql([&](db::Transaction& tx) {
      tx.execute(
          "insert into accounts (id, email, email_key, handle, handle_key, name, name_key, bio, "
          "password_hash, is_admin, state, created_at, updated_at) "
          "values (?, ?, ?, ?, ?, ?, ?, '', '', 0, 0, 0, 0)",
          id, name, name, name, name, name, name);
      insert_profile(tx, id);
      return true;
    });
  }

  void post();
  void edit();
  void remove();
  void hide_or_restore();
  void follow(Id me, Id other, bool wanted);
  void read_meanwhile();
  void block();
  void mute();
  void like();
  void move_clock();
  void forget();
  void change_policy();
  void upkeep();
  void read(bool caught_up);
  void check_lines(Id viewer, const std::vector<Line>& lines);
  void check_list(Id viewer, const std::optional<FeedCursor>& at, std::size_t limit,
                  const Feeds::Page& page, std::span<const FeedMark> pending);
  std::map<Id, PlainPost> plain_posts(Id viewer);
  std::vector<std::pair<FeedItem, FeedPart>> plain_list(Id viewer,
                                                        const std::optional<FeedCursor>& at,
                                                        std::span<const FeedMark> pending);

  template <class T>
  T run(Task<T> task) {
    std::optional<T> out;
    asio::co_spawn(io_, std::move(task), [&out](const std::exception_ptr& error, T value) {
      if (error) std::rethrow_exception(error);
      out.emplace(std::move(value));
    });
    while (!out) io_.run_one_for(10ms);
    return std::move(*out);
  }
  void finish_builds() {
    while (tasks_.running() > 0) io_.run_one_for(10ms);
  }

  SeededRandom random_;
  Tally& tally_;
  std::vector<Id> posts_;
  std::vector<Id> hidden_;
  std::vector<Open> open_;
  std::atomic<std::size_t> hints_{0};

  Folder folder_;
  metrics::Registry registry_;
  ManualClock clock_{id_epoch + std::chrono::days(40)};
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<db::Database> db_ = db::open_sqlite({.path = folder_.file()}, registry_);
  IdGenerator ids_{clock_, 1, clock_.now()};
  events::Outbox outbox_{clock_};
  PostCache cache_;
  Context context_{*db_, ids_, clock_, outbox_, cache_};
  MemoryFeedStore store_;
  runtime::TaskGroup tasks_{"feeds", registry_};
  Feeds feeds_{context_, store_, tasks_, registry_};
  FanOutSubscriber fan_out_{context_, store_, eager,
                            FeedHints{[this](std::span<const Id> who) { hints_ += who.size(); },
                                      [] { return std::vector<Id>{1, 2, 3}; }},
                            registry_};
  events::Dispatcher dispatcher_{*db_, clock_, {}, "test", registry_};
};

void Yard::step() {
  move_clock();
  const auto dice = random_.below(100);
  if (dice < 20) return post();
  if (dice < 23) return edit();
  if (dice < 26) return remove();
  if (dice < 31) return hide_or_restore();
  if (dice < 37) return follow(person(), person(), chance(70));
  if (dice < 38) return block();
  if (dice < 40) return mute();
  if (dice < 46) return like();
  if (dice < 49) return forget();
  if (dice < 50) return change_policy();
  if (dice < 58) return upkeep();
  if (dice < 64) return read(false);
  if (dice < 70) return read_meanwhile();
  read(true);
}

// ---- what people do: the transactions of the routes, and what follows them

void Yard::post() {
  const Result<Id> id = ids_.next();
  if (!id) {
    ++tally_.ids_refused;  // the clock was set back: the house waits for it
    return;
  }
  // Some write much, so that there are authors of both kinds.
  const Id author = std::min(person(), person());
  const Time now = clock_.now();
  sql([&](db::Transaction& tx) {
    insert_post(tx, PostRow{*id, author, "first", 0, 0, now, {}}, {});
    outbox_.append(tx, post_created, *id, PostEvent{1, *id, author, now});
    return true;
  });
  feeds_.add_own(*id, author, now);
  posts_.push_back(*id);
}

void Yard::edit() {
  if (posts_.empty()) return;
  const Id id = posts_[random_.below(posts_.size())];
  sql([&](db::Transaction& tx) {
    const auto post = find_post(tx, id);
    return post && update_post_text(tx, id, post->author, "edited " + std::to_string(random_()),
                                    clock_.now()) == 1;
  });
  cache_.forget_post(id);
}

void Yard::remove() {
  if (posts_.empty()) return;
  const Id id = posts_[random_.below(posts_.size())];
  sql([&](db::Transaction& tx) {
    const auto post = find_post(tx, id);
    if (!post) return false;
    move_post(tx, id, post->author, ContentState::shown, ContentState::deleted);
    outbox_.append(tx, post_deleted, id, PostEvent{1, id, post->author, post->created_at});
    return true;
  });
  cache_.forget_post(id);
}

void Yard::hide_or_restore() {
  if (posts_.empty()) return;
  const bool hide = hidden_.empty() || chance(50);
  const std::size_t recent = std::min<std::size_t>(posts_.size(), 15);
  const Id id = hide ? posts_[posts_.size() - 1 - random_.below(recent)] : hidden_.back();
  if (!hide) hidden_.pop_back();
  const bool moved = sql([&](db::Transaction& tx) {
    const auto place = post_author_and_state(tx, id);
    const ContentState from = hide ? ContentState::shown : ContentState::hidden;
    const ContentState to = hide ? ContentState::hidden : ContentState::shown;
    if (!place || !move_post(tx, id, place->first, from, to)) return false;
    const auto created = tx.value<Time>("select created_at from posts where id = ?", id);
    outbox_.append(tx, hide ? post_deleted : post_restored, id,
                   PostEvent{1, id, place->first, created.value()});
    return true;
  });
  cache_.forget_post(id);
  if (!moved) return;
  ++(hide ? tally_.hidden : tally_.restored);
  if (hide) hidden_.push_back(id);
}

void Yard::follow(Id me, Id other, bool wanted) {
  if (me == other) return;
  sql([&](db::Transaction& tx) {
    if (wanted && blocked_between(tx, me, other)) return false;
    const bool changed =
        wanted ? insert_follow(tx, me, other, clock_.now()) : delete_follow(tx, me, other);
    if (changed)
      outbox_.append(tx, wanted ? account_followed : account_unfollowed, me,
                     FollowEvent{1, me, other});
    return changed;
  });
  feeds_.follows_changed(me);
}

void Yard::block() {
  const Id me = person();
  const Id other = person();
  if (me == other) return;
  const bool wanted = chance(50);
  sql([&](db::Transaction& tx) {
    if (!wanted) return delete_block(tx, me, other);
    insert_block(tx, me, other, clock_.now());
    for (const auto& [follower, followee] : {std::pair(me, other), std::pair(other, me)})
      if (delete_follow(tx, follower, followee))
        outbox_.append(tx, account_unfollowed, follower, FollowEvent{1, follower, followee});
    return true;
  });
  for (const Id account : {me, other}) {
    cache_.forget_viewer(account);
    feeds_.follows_changed(account);
  }
}

void Yard::mute() {
  const Id me = person();
  const Id other = person();
  if (me == other) return;
  const bool wanted = chance(60);
  sql([&](db::Transaction& tx) {
    return wanted ? insert_mute(tx, me, other, clock_.now()) : delete_mute(tx, me, other);
  });
  cache_.forget_viewer(me);
}

void Yard::like() {
  if (posts_.empty()) return;
  const Id me = person();
  const std::size_t recent = std::min<std::size_t>(posts_.size(), 20);
  const Id id = posts_[posts_.size() - 1 - random_.below(recent)];
  const bool wanted = chance(75);
  sql([&](db::Transaction& tx) {
    const auto author = author_for(tx, id, me);
    if (!author) return false;
    const bool changed = wanted ? insert_like(tx, id, me, clock_.now()) : delete_like(tx, id, me);
    if (changed)
      outbox_.append(tx, wanted ? post_liked : post_unliked, id, LikeEvent{1, id, *author, me});
    return changed;
  });
  cache_.forget_post(id);
  cache_.forget_viewer(me);
}

// ---- what happens to the house

void Yard::move_clock() {
  const auto dice = random_.below(1'000);
  if (dice < 12) return clock_.advance(std::chrono::hours(random_.below(chance(70) ? 30 : 24 * 9)));
  if (dice < 20) {
    ++tally_.turned_back;
    return clock_.advance(-std::chrono::minutes(random_.below(chance(50) ? 3 : 200)));
  }
  clock_.advance(Micros(static_cast<std::int64_t>(random_.below(2'400'000'000))));  // 20 minutes
}

/// A first page is asked for while other things happen, also to the build that it starts: its
/// snapshot may miss them. What was answered is not compared, as the moment is unknown.
void Yard::read_meanwhile() {
  const Id viewer = person();
  bool answered = false;
  asio::co_spawn(io_, feeds_.read_page(Deadline::after(30s), viewer, {}, 5, chance(50)),
                 [&answered](const std::exception_ptr& error, const Result<Feeds::Page>& page) {
                   EXPECT_TRUE(!error && page.has_value());
                   answered = true;
                 });
  for (std::uint64_t handlers = 1 + random_.below(4); handlers > 0; --handlers)
    io_.run_one_for(1ms);
  if (tasks_.running() > 0) ++tally_.disturbed;
  if (chance(25)) {
    follow(viewer, person(), chance(70));
  } else if (chance(15)) {
    fan_out_.reset();
  } else if (chance(20)) {
    change_policy();
  } else {
    for (std::uint64_t posts = random_.below(6); posts > 0; --posts) post();
    if (chance(30)) remove();
    if (chance(70)) dispatcher_.drain();
  }
  while (!answered) io_.run_one_for(10ms);
}

void Yard::forget() {
  ++tally_.wipes;
  if (chance(30)) return fan_out_.reset();
  if (chance(30)) return store_.invalidate_all();
  store_.invalidate(person());
}

/// As the policy would after a change of what things cost. The fan-out stands still meanwhile.
void Yard::change_policy() {
  dispatcher_.drain();
  store_.begin_push(person());
}

void Yard::upkeep() {
  switch (random_.below(5)) {
    case 0:
      return feeds_.save_marks();
    case 1:
      return feeds_.sweep();
    case 2:
      return dispatcher_.drain();
    case 3:
      return finish_builds();
    default:
      io_.poll_one();
  }
}

// ---- reading, and what it is held against

std::optional<FeedCursor> decoded(const std::string& cursor) {
  if (cursor.empty()) return {};
  const auto n = decode_cursor(CursorKind::feed, std::string_view(cursor), 4).value();
  return FeedCursor{static_cast<FeedPart>(n[0]), n[1], from_micros(n[2]), n[3]};
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

void Yard::read(bool caught_up) {
  Open from{person(), ""};
  if (!open_.empty() && chance(55)) {
    const std::size_t which = random_.below(open_.size());
    from = open_[which];
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(which));
  }
  if (caught_up) dispatcher_.drain();
  tally_.pulled += store_.stats().pulled_authors;
  const auto at = decoded(from.cursor);
  const std::size_t limit = 1 + random_.below(9);
  const bool mark_seen = chance(80);
  const std::vector<FeedMark> pending = store_.pending_marks(from.viewer);
  std::optional<std::string> cursor;
  if (at) cursor = from.cursor;
  const Result<Feeds::Page> page =
      run(feeds_.read_page(Deadline::after(30s), from.viewer, cursor, limit, mark_seen));
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

Tally histories(const MemoryFeedOptions& options, std::size_t cached, std::uint64_t first,
                std::uint64_t last, int steps) {
  Tally tally;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Yard yard(seed, options, cached, tally);
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
      "%zu restored, %zu wipes, %zu times back, %zu ids refused\n",
      tally.pages, tally.rows, tally.live, tally.archived, tally.seen, tally.liked, tally.filtered,
      tally.followed_cursors, tally.refused_cursors, tally.floors, tally.behind, tally.from_memory,
      tally.from_sql, tally.below_coverage, tally.pulled, tally.evictions, tally.builds,
      tally.builds_void, tally.disturbed, tally.hints, tally.hidden, tally.restored, tally.wipes,
      tally.turned_back, tally.ids_refused);
  return tally;
}

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
  expect_everything_happened(histories({.limits = small}, 200, 1, 6, 400));
}

TEST(FeedsModel, EveryPageIsWhatSqlSaysInLittleMemory) {
  const MemoryFeedOptions little{.limits = small,
                                 .max_entries = 90,
                                 .max_builds = 2,
                                 .max_pending = 2,
                                 .rings = {.authors = 3, .posts = 6}};
  const Tally tally = histories(little, 4, 101, 106, 400);
  expect_everything_happened(tally);
  EXPECT_GT(tally.evictions, 10U);
  EXPECT_GT(tally.floors, 0U);
}

}  // namespace
}  // namespace madang::social
