// The home feed with all its real parts (SQL, outbox, dispatcher, fan-out, store, cache of posts,
// background builds) through random histories: every page that is read is held against what plain
// SQL says at that moment. The seed fixes what happens; how threads interleave is open.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <deque>
#include <filesystem>

#include "../../../tests/support/run_task.hpp"
#include "../../../tests/support/test_database.hpp"
#include "base/random.hpp"
#include "modules/social/fan_out.hpp"
#include "modules/social/feed_store_memory.hpp"
#include "modules/social/feeds.hpp"
#include "platform/events/sequencer.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
extern const ModuleSchema media_schema;
extern const ModuleSchema social_schema;
}  // namespace madang::db

namespace madang::social::feeds_model {

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
  std::size_t faults = 0, unreachable = 0;
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

/// The stores of a yard, and what may go wrong with them.
class Stores {
 public:
  virtual ~Stores() = default;
  /// One for each instance that shares the feeds.
  virtual std::vector<std::unique_ptr<FeedStore>> make(const Clock& clock) = 0;
  /// Events are handled once for all instances; faults happen.
  virtual bool shared() const { return false; }
  /// Something breaks now, and is mended by what it answers.
  virtual std::function<void()> fault(SeededRandom& /*random*/) { return {}; }
};

class InMemory final : public Stores {
 public:
  explicit InMemory(const MemoryFeedOptions& options) : options_(options) {}
  std::vector<std::unique_ptr<FeedStore>> make(const Clock& /*clock*/) override {
    std::vector<std::unique_ptr<FeedStore>> one;
    one.push_back(std::make_unique<MemoryFeedStore>(options_));
    return one;
  }

 private:
  const MemoryFeedOptions options_;
};

Tally histories(Stores& stores, std::size_t cached, std::uint64_t first, std::uint64_t last,
                int steps);

class Yard {
 public:
  Yard(std::uint64_t seed, Stores& stores, std::size_t cached, Tally& tally)
      : random_(seed), tally_(tally), stores_(stores), cache_(*db_, cached * 4, cached, registry_) {
    for (const auto& store : feed_stores_) feeds_.emplace_back(context_, *store, tasks_, registry_);
    const db::ModuleSchema* const modules[] = {&db::http_schema, &db::events_schema,
                                               &db::identity_schema, &db::media_schema,
                                               &db::social_schema};
    db::migrate(*db_, modules);
    ids_.extend(clock_.now() + std::chrono::days(3000));
    for (Id id = 1; id <= people; ++id) add_account(id, "person" + std::to_string(id));
    for (int i = 0; i < 25; ++i) follow(person(), person(), true);
    if (stores.shared())
      dispatcher_.add(shared_fan_out_);
    else
      dispatcher_.add(fan_out_);
    dispatcher_.start();
    sequencer_.start();
  }
  Yard(const Yard&) = delete;
  Yard& operator=(const Yard&) = delete;
  ~Yard() {
    finish_builds();
    dispatcher_.stop();
    sequencer_.stop();
    db_->close();
  }

  void step();
  void finish() {
    for (const auto& store : feed_stores_) {
      const FeedStats stats = store->stats();
      tally_.from_memory += stats.reads - stats.cold_reads - stats.below_coverage_reads;
      tally_.from_sql += stats.cold_reads;
      tally_.below_coverage += stats.below_coverage_reads;
      tally_.unreachable += stats.unreachable_reads;
      tally_.evictions += stats.evictions;
      tally_.builds += stats.builds;
      tally_.builds_void += stats.builds_void;
    }
    tally_.hints += hints_;
  }

 private:
  struct Open {  // a list that was begun and can be gone on with
    Id viewer = 0;
    std::string cursor;
  };

  bool chance(unsigned percent) { return random_.below(100) < percent; }
  /// Any of the instances: whoever the request comes to.
  FeedStore& store() { return *feed_stores_[random_.below(feed_stores_.size())]; }
  Feeds& feeds() { return feeds_[random_.below(feeds_.size())]; }
  static Deadline soon() { return Deadline::after(1s); }
  std::vector<FeedMark> pending_marks(Id viewer);
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
  void fault();
  void settle();
  void catch_up();
  bool behind();
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
    return test::run_task(io_, std::move(task));
  }
  void finish_builds() {
    while (tasks_.running() > 0) io_.run_one_for(10ms);
  }

  SeededRandom random_;
  Tally& tally_;
  Stores& stores_;
  std::vector<Id> posts_;
  std::vector<Id> hidden_;
  std::vector<Open> open_;
  std::atomic<std::size_t> hints_{0};

  Folder folder_;
  metrics::Registry registry_;
  ManualClock clock_{id_epoch + std::chrono::days(40)};
  asio::io_context& io_ = test::lasting_io();
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<db::Database> db_ = db::open_test_database(folder_.file(), registry_);
  IdGenerator ids_{clock_, 1, clock_.now()};
  events::Outbox outbox_{clock_};
  PostCache cache_;
  Context context_{*db_, ids_, clock_, outbox_, cache_};
  std::vector<std::unique_ptr<FeedStore>> feed_stores_ = stores_.make(clock_);
  runtime::TaskGroup tasks_{"feeds", registry_};
  std::deque<Feeds> feeds_;
  FanOutSubscriber fan_out_{context_, *feed_stores_.front(), eager,
                            FeedHints{[this](std::span<const Id> who) { hints_ += who.size(); },
                                      [] { return std::vector<Id>{1, 2, 3}; }},
                            registry_};
  SharedFanOut shared_fan_out_{fan_out_};
  events::Dispatcher dispatcher_{*db_, clock_, {}, "test", registry_};
  events::Sequencer sequencer_{*db_, {.tick = std::chrono::milliseconds(1)}, "test", registry_};
};

}  // namespace madang::social::feeds_model
