// One post into 10,000 feeds in a Redis Cluster of three masters on loopback: our client against a
// bare pipeline (the same commands written to three sockets in one go each, answers counted, no
// deadlines, no redirects, no waiting callers). Both encode their commands in the measured time.
//
//   redis_cluster_bench [rounds]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "bare_pipeline.hpp"
#include "platform/redis/client.hpp"

namespace {

using namespace madang;
using namespace madang::redis;
using namespace std::chrono_literals;

constexpr int followers = 10'000;

double since(Steady::time_point start) {
  return std::chrono::duration<double, std::milli>(Steady::now() - start).count();
}

std::string key_of(int follower) {
  return "feed:" + std::to_string(follower);
}

void add_bare(BarePipeline& bare, int post) {
  const std::string score = std::to_string(post);
  bare.send(
      followers, [](std::size_t i) { return key_of(static_cast<int>(i)); },
      [&](std::string& wire, const std::string& key, std::size_t) {
        append_array(wire, 4);
        append_bulk(wire, "ZADD");
        append_bulk(wire, key);
        append_bulk(wire, score);
        append_bulk(wire, score);
      });
}

void add_by_client(Client& client, int post) {
  std::vector<Command> commands;
  commands.reserve(followers);
  for (int i = 0; i < followers; ++i) {
    commands.push_back(Command::write("ZADD").key(key_of(i)).arg(post).arg(post));
  }
  for (const auto& result : client.execute_all_blocking(std::move(commands), Deadline::after(5s))) {
    if (!result || result->integer != 1) {
      std::fprintf(stderr, "not added: %s\n",
                   result ? "it was there" : result.error().detail.c_str());
      std::exit(1);
    }
  }
}

/// Of this process, all threads: milliseconds.
double cpu() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct Times {
  std::vector<double> wall;
  std::vector<double> own;

  template <class F>
  void measure(F work) {
    const auto start = Steady::now();
    const double before = cpu();
    work();
    own.push_back(cpu() - before);
    wall.push_back(since(start));
  }
  void print(const char* what) {
    std::ranges::sort(wall);
    std::ranges::sort(own);
    std::printf("%-16s median %6.2f ms  best %6.2f  worst %6.2f   own CPU median %5.2f ms\n", what,
                wall[wall.size() / 2], wall.front(), wall.back(), own[own.size() / 2]);
  }
};

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 30;
  RedisCluster cluster(30s);  // nobody fails over because the machine is busy
  SystemRandom random;
  metrics::Registry registry;
  ClientOptions options;
  options.seeds = cluster.seeds();
  Client client(options, random, registry);
  if (!client.ready(Deadline::after(5s))) return 1;
  BarePipeline bare(cluster);
  Times ours;
  Times theirs;
  for (int i = 0; i < rounds; ++i) {
    if (i % 20 == 0) {  // the servers' memory is bounded
      for (std::size_t n = 0; n < 3; ++n) cluster[n].ask({"FLUSHALL"});
      add_bare(bare, 0);
    }
    theirs.measure([&] { add_bare(bare, 2 * i + 1); });
    ours.measure([&] { add_by_client(client, 2 * i + 2); });
  }
  theirs.print("bare pipeline");
  ours.print("client");
  return 0;
}
