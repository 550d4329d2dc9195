// One post into 10,000 followers' home feeds, as the server does it.
//
//   fan_out_bench store PEOPLE ENTRIES FOLLOWERS POSTS            the feed store alone
//   fan_out_bench commit FOLDER PEOPLE ENTRIES FOLLOWERS POSTS    from the commit of the post to
//       the last follower: outbox, dispatcher, the followers read from SQLite, the feed store
//
// Prints one JSON object of arrays of microseconds, one element a post, for script/bench.
#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <semaphore>
#include <string>

#include "measuring.hpp"
#include "modules/social/fan_out.hpp"
#include "modules/social/feed_store_memory.hpp"
#include "platform/db/migrations.hpp"
#include "platform/db/sqlite.hpp"

namespace madang::db {
extern const ModuleSchema events_schema;
extern const ModuleSchema identity_schema;
extern const ModuleSchema media_schema;
extern const ModuleSchema social_schema;
}  // namespace madang::db

namespace madang::social {

namespace {

using namespace bench;
constexpr Id others = 2'000'000'000;  // whom everybody follows

/// Warm feeds of `entries` posts each, a third of them seen.
void fill(MemoryFeedStore& store, std::size_t people, std::size_t entries, Time now) {
  const FeedSnapshot snapshot = feed_of(entries, now);
  for (std::size_t i = 0; i < people; ++i) {
    const auto ticket = store.begin_build(first_person + static_cast<Id>(i));
    if (!ticket || store.finish_build(*ticket, snapshot) != BuildOutcome::warm)
      throw std::runtime_error("a feed could not be filled");
  }
}

/// The limit of entries never plays a part here.
MemoryFeedOptions store_options(std::size_t people, std::size_t entries, std::size_t posts) {
  return {.max_entries = people * (entries + posts + MemoryFeedStore::feed_weight) * 2};
}

int bench_store(std::size_t people, std::size_t entries, std::size_t count, std::size_t posts) {
  MemoryFeedStore store(store_options(people, entries, posts));
  const Time now = SystemClock().now();
  fill(store, people, entries, now);
  Picker picker(people);
  std::vector<FeedFollower> followers;
  std::vector<double> pushes;
  for (std::size_t i = 0; i < posts; ++i) {
    picker.pick(followers, count, now - std::chrono::hours(24 * 30));
    const FeedPost post{first_id_at(now + std::chrono::milliseconds(i)), author, now};
    const auto start = Steady::now();
    const PushReport report = store.push(post, followers, 1);
    pushes.push_back(micros_between(start, Steady::now()));
    if (report.inserted != count) throw std::runtime_error("not every feed has the post");
  }
  const FeedStats stats = store.stats();
  fmt::print("{{\"bytes\":{},\"entries\":{},", stats.bytes, stats.entries);
  print("push", pushes, true);
  std::puts("}");
  return 0;
}

/// A post's way, moment by moment.
struct Moments {
  Steady::time_point commit, handled, pushing, pushed;
  PushReport report;
};

/// Takes the time of push(); everything else is the store's.
class TimedStore final : public FeedStore {
 public:
  TimedStore(MemoryFeedStore& store, Moments& moments) : store_(store), moments_(moments) {}

  PushReport push(const FeedPost& post, std::span<const FeedFollower> followers,
                  std::uint64_t read_seq) override {
    moments_.pushing = Steady::now();
    moments_.report = store_.push(post, followers, read_seq);
    moments_.pushed = Steady::now();
    return moments_.report;
  }

  FeedLimits limits() const override { return store_.limits(); }
  Task<FeedPage> read(Deadline deadline, Id viewer, FeedQuery query) override {
    return store_.read(deadline, viewer, query);
  }
  Task<> add_own(Deadline deadline, FeedPost post) override {
    return store_.add_own(deadline, post);
  }
  Task<> erase(Deadline deadline, Id viewer, Id post) override {
    return store_.erase(deadline, viewer, post);
  }
  Task<> invalidate(Deadline deadline, Id viewer) override {
    return store_.invalidate(deadline, viewer);
  }
  Task<> mark_seen(Deadline deadline, Id viewer, std::vector<Id> posts, Time now) override {
    return store_.mark_seen(deadline, viewer, std::move(posts), now);
  }
  Task<std::vector<FeedMark>> pending_marks(Deadline deadline, Id viewer) override {
    return store_.pending_marks(deadline, viewer);
  }
  Task<std::expected<BuildTicket, BuildRefusal>> begin_build(Deadline deadline,
                                                             Id viewer) override {
    return store_.begin_build(deadline, viewer);
  }
  Task<BuildOutcome> finish_build(Deadline deadline, BuildTicket ticket,
                                  FeedSnapshot snapshot) override {
    return store_.finish_build(deadline, ticket, std::move(snapshot));
  }
  Task<> abandon_build(Deadline deadline, BuildTicket ticket) override {
    return store_.abandon_build(deadline, ticket);
  }
  std::size_t remove(const FeedPost& post, std::span<const FeedFollower> followers) override {
    return store_.remove(post, followers);
  }
  FanOut policy(Id of) const override { return store_.policy(of); }
  bool pull(const FeedPost& post, Time now) override { return store_.pull(post, now); }
  bool begin_pull(Id of) override { return store_.begin_pull(of); }
  void complete_pull(Id of, std::span<const FeedFollower> followers) override {
    store_.complete_pull(of, followers);
  }
  void begin_push(Id of) override { store_.begin_push(of); }
  void invalidate(std::span<const Id> viewers) override { store_.invalidate(viewers); }
  void invalidate_all() override { store_.invalidate_all(); }
  std::vector<UnsavedMarks> take_unsaved_marks(std::size_t most, Time now) override {
    return store_.take_unsaved_marks(most, now);
  }
  void marks_saved(std::span<const Id> viewers) override { store_.marks_saved(viewers); }
  void marks_failed(std::span<const Id> viewers) override { store_.marks_failed(viewers); }
  std::size_t sweep(Time now, std::size_t budget) override { return store_.sweep(now, budget); }
  FeedStats stats() const override { return store_.stats(); }

 private:
  MemoryFeedStore& store_;
  Moments& moments_;
};

/// Takes the moment at which the dispatcher hands an event over, and tells when it is dealt with.
class TimedSubscriber final : public events::VolatileSubscriber {
 public:
  TimedSubscriber(events::VolatileSubscriber& inner, Moments& moments, std::binary_semaphore& done)
      : inner_(inner), moments_(moments), done_(done) {}
  std::string_view name() const override { return inner_.name(); }
  void handle(const std::vector<events::Event>& events) override {
    moments_.handled = Steady::now();
    inner_.handle(events);
    done_.release();
  }
  void reset() override { inner_.reset(); }

 private:
  events::VolatileSubscriber& inner_;
  Moments& moments_;
  std::binary_semaphore& done_;
};

void insert_followers(db::Database& db, std::size_t people, std::size_t count, Time at) {
  std::vector<FeedFollower> followers;
  Picker(people).pick(followers, count, at);
  const auto done = db.write_blocking([&](db::Transaction& tx) -> Result<void> {
    for (const FeedFollower& follower : followers)
      tx.execute("insert into follows (follower_id, followee_id, created_at) values (?, ?, ?)",
                 follower.user, author, at);
    for (std::size_t i = 0; i < people; ++i)  // others, so that the index is no toy
      tx.execute("insert into follows (follower_id, followee_id, created_at) values (?, ?, ?)",
                 first_person + static_cast<Id>(i), others + static_cast<Id>(i % 500), at);
    tx.execute("insert into social_profiles values (?, 1, 0, ?, 0)", author, count);
    return {};
  });
  if (!done) throw std::runtime_error("the followers could not be written");
}

int bench_commit(const std::filesystem::path& folder, std::size_t people, std::size_t entries,
                 std::size_t count, std::size_t posts) {
  metrics::Registry registry;
  const SystemClock clock;
  const auto db = db::open_sqlite({.path = folder / "fan_out.sqlite"}, registry);
  const db::ModuleSchema* const modules[] = {&db::events_schema, &db::identity_schema,
                                             &db::media_schema, &db::social_schema};
  db::migrate(*db, modules);
  const Time begun = clock.now();
  insert_followers(*db, people, count, begun - std::chrono::hours(24 * 30));

  MemoryFeedStore store(store_options(people, entries, posts));
  fill(store, people, entries, begun);
  IdGenerator ids(clock, 0, begun);
  ids.extend(begun + std::chrono::hours(1));
  events::Outbox outbox(clock);
  PostCache cache(*db, 1000, 1000, registry);
  const Context context{*db, ids, clock, outbox, cache};

  Moments moments;
  std::binary_semaphore done{0};
  TimedStore timed(store, moments);
  // Always pushed: a pulled author's post would reach everybody by one insertion.
  FanOutSubscriber fan_out(context, timed, {.min_followers = 1'000'000'000},
                           {.hint = [](std::span<const Id>) {}, .listening = {}}, registry);
  TimedSubscriber subscriber(fan_out, moments, done);
  events::Dispatcher dispatcher(*db, clock, {}, "bench", registry);
  dispatcher.add(subscriber);
  db->on_commit([&] {
    if (!outbox.take_appended()) return;
    moments.commit = Steady::now();
    dispatcher.wake();
  });
  dispatcher.start();

  std::vector<double> dispatch;
  std::vector<double> read;
  std::vector<double> push;
  std::vector<double> total;
  for (std::size_t i = 0; i < posts; ++i) {
    const Id id = ids.next_or_wait();
    const Time now = clock.now();
    const auto written = db->write_blocking([&](db::Transaction& tx) -> Result<void> {
      insert_post(tx, PostRow{id, author, "a post", 0, 0, now, {}}, {});
      outbox.append(tx, post_created, id, PostEvent{1, id, author, now});
      return {};
    });
    if (!written) throw std::runtime_error("a post could not be written");
    done.acquire();
    // The author's own feed is cold here.
    if (moments.report.inserted != count) throw std::runtime_error("not every feed has the post");
    dispatch.push_back(micros_between(moments.commit, moments.handled));
    read.push_back(micros_between(moments.handled, moments.pushing));
    push.push_back(micros_between(moments.pushing, moments.pushed));
    total.push_back(micros_between(moments.commit, moments.pushed));
  }
  dispatcher.stop();
  db->close();
  std::fputs("{", stdout);
  print("dispatch", dispatch);
  print("read", read);
  print("push", push);
  print("total", total, true);
  std::puts("}");
  return 0;
}

int run(int argc, char** argv) {
  const auto number = [&](int at) { return static_cast<std::size_t>(std::atoll(argv[at])); };
  if (argc == 6 && std::strcmp(argv[1], "store") == 0)
    return bench_store(number(2), number(3), number(4), number(5));
  if (argc == 7 && std::strcmp(argv[1], "commit") == 0)
    return bench_commit(argv[2], number(3), number(4), number(5), number(6));
  std::fputs(
      "usage: fan_out_bench store PEOPLE ENTRIES FOLLOWERS POSTS\n"
      "       fan_out_bench commit FOLDER PEOPLE ENTRIES FOLLOWERS POSTS\n",
      stderr);
  return 2;
}

}  // namespace

}  // namespace madang::social

int main(int argc, char** argv) {
  try {
    return madang::social::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fan_out_bench: %s\n", error.what());
    return 1;
  }
}
