// One post into 10,000 warm home feeds in a Redis Cluster (three masters, a replica each, on
// loopback): RedisFeedStore::push() against the SNS seed's way, one ZADD of
// `postId:timestamp:viewed` a follower, as a bare pipeline to the three masters. Both encode in the
// measured time; they take turns in the same run, on the same servers, with other followers for
// each post.
//
//   redis_feed_bench PEOPLE ENTRIES FOLLOWERS POSTS
//
// Prints one JSON object of arrays of microseconds, one element a post: wall time (`push`, `bare`)
// and CPU of this process and of the servers, replicas included (`push_own`, `push_servers`, ...).
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <fstream>

#include "../tests/support/run_task.hpp"
#include "bare_pipeline.hpp"
#include "base/random.hpp"
#include "measuring.hpp"
#include "modules/social/feed_store_redis.hpp"
#include "platform/redis/client.hpp"

namespace madang::bench {

namespace {

using namespace std::chrono_literals;
using redis::append_array;
using redis::append_bulk;

double seconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// CPU of the servers, which are this process's children: microseconds.
class Servers {
 public:
  Servers() {
    std::ifstream children("/proc/thread-self/children");
    for (pid_t pid = 0; children >> pid;) {
      clockid_t clock{};
      if (::clock_getcpuclockid(pid, &clock) == 0) clocks_.push_back(clock);
    }
    if (clocks_.size() != 6) throw std::runtime_error("the servers' CPU is not to be seen");
  }
  double micros() const {
    double sum = 0;
    for (const clockid_t clock : clocks_) sum += seconds_of(clock);
    return sum * 1e6;
  }

 private:
  std::vector<clockid_t> clocks_;
};

/// What each post took.
struct Samples {
  std::vector<double> wall, own, servers;

  template <class Work>
  void measure(const Servers& of, Work work) {
    const double servers_before = of.micros();
    const double own_before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    const auto start = Steady::now();
    work();
    wall.push_back(micros_between(start, Steady::now()));
    own.push_back((seconds_of(CLOCK_PROCESS_CPUTIME_ID) - own_before) * 1e6);
    std::this_thread::sleep_for(20ms);  // the replicas have followed
    servers.push_back(of.micros() - servers_before);
  }
};

Task<bool> warm(social::RedisFeedStore& store, Id viewer, social::FeedSnapshot snapshot) {
  const Deadline deadline = Deadline::after(30s);
  const auto ticket = co_await store.begin_build(deadline, viewer);
  if (!ticket) co_return false;
  const auto outcome = co_await store.finish_build(deadline, *ticket, std::move(snapshot));
  co_return outcome == social::BuildOutcome::warm;
}

constexpr std::size_t builds_at_once = 100;

void fill(social::RedisFeedStore& store, std::size_t people, const social::FeedSnapshot& snapshot) {
  asio::io_context io;
  for (std::size_t begin = 0; begin < people; begin += builds_at_once) {
    std::vector<std::future<bool>> building;
    for (std::size_t i = begin; i < std::min(people, begin + builds_at_once); ++i)
      building.push_back(asio::co_spawn(
          io, warm(store, first_person + static_cast<Id>(i), snapshot), asio::use_future));
    io.restart();
    io.run();
    for (std::future<bool>& one : building)
      if (!one.get()) throw std::runtime_error("a feed could not be filled");
  }
}

std::string seed_key(Id person) {
  return "feed:userId:" + std::to_string(person);
}

std::string seed_member(Id post) {
  return std::to_string(post) + ":2026112200:false";
}

void fill(redis::BarePipeline& bare, std::size_t people, const social::FeedSnapshot& snapshot) {
  constexpr std::size_t at_once = 1'000;
  for (std::size_t begin = 0; begin < people; begin += at_once) {
    bare.send(
        std::min(people - begin, at_once),
        [&](std::size_t i) { return seed_key(first_person + static_cast<Id>(begin + i)); },
        [&](std::string& wire, const std::string& key, std::size_t) {
          append_array(wire, 2 + 2 * snapshot.items.size());
          append_bulk(wire, "ZADD");
          append_bulk(wire, key);
          for (const social::FeedItem& item : snapshot.items) {
            append_bulk(wire, std::to_string(item.post));
            append_bulk(wire, seed_member(item.post));
          }
        });
  }
}

void push(redis::BarePipeline& bare, Id post, const std::vector<social::FeedFollower>& followers) {
  const std::string score = std::to_string(post);
  const std::string member = seed_member(post);
  bare.send(
      followers.size(), [&](std::size_t i) { return seed_key(followers[i].user); },
      [&](std::string& wire, const std::string& key, std::size_t) {
        append_array(wire, 4);
        append_bulk(wire, "ZADD");
        append_bulk(wire, key);
        append_bulk(wire, score);
        append_bulk(wire, member);
      });
}

int run(std::size_t people, std::size_t entries, std::size_t count, std::size_t posts) {
  redis::RedisCluster cluster(30s);  // nobody is replaced because the machine is busy
  for (std::size_t i = 0; i < cluster.size(); ++i)
    cluster[i].ask({"CONFIG", "SET", "maxmemory", "4gb"});
  const Servers servers;
  SystemRandom random;
  const SystemClock clock;
  metrics::Registry registry;
  redis::Client client({.seeds = cluster.seeds()}, random, registry);
  if (const auto ready = client.ready(Deadline::after(10s)); !ready)
    throw std::runtime_error(ready.error().detail);
  social::RedisFeedStore store(
      {.read_patience = 10s, .push_patience = 10s, .max_builds = 2 * builds_at_once, .young = 0ms},
      client, clock);
  redis::BarePipeline bare(cluster);
  const Time now = clock.now();
  const social::FeedSnapshot snapshot = feed_of(entries, now);
  store.sweep(now, 1);
  fill(store, people, snapshot);
  fill(bare, people, snapshot);

  Picker picker(people);
  std::vector<social::FeedFollower> followers;
  Samples ours;
  Samples theirs;
  for (std::size_t i = 0; i < posts; ++i) {
    const Time made = now + std::chrono::milliseconds(i);
    const social::FeedPost post{first_id_at(made), author, made};
    const auto push_ours = [&] {
      const social::PushReport report = store.push(post, followers, i + 1);
      if (report.inserted != count) throw std::runtime_error("not every feed has the post");
    };
    picker.pick(followers, count, now - std::chrono::hours(24 * 30));
    if (i % 2 == 0) ours.measure(servers, push_ours);
    theirs.measure(servers, [&] { push(bare, post.id, followers); });
    if (i % 2 == 1) ours.measure(servers, push_ours);
  }
  std::fputs("{", stdout);
  print("push", ours.wall);
  print("push_own", ours.own);
  print("push_servers", ours.servers);
  print("bare", theirs.wall);
  print("bare_own", theirs.own);
  print("bare_servers", theirs.servers, true);
  std::puts("}");
  return 0;
}

}  // namespace

}  // namespace madang::bench

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: redis_feed_bench PEOPLE ENTRIES FOLLOWERS POSTS\n", stderr);
    return 2;
  }
  const auto number = [&](int at) { return static_cast<std::size_t>(std::atoll(argv[at])); };
  try {
    return madang::bench::run(number(1), number(2), number(3), number(4));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "redis_feed_bench: %s\n", error.what());
    return 1;
  }
}
