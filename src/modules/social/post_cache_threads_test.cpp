// Many who write and read at once, on two instances with one cache: nobody who begins to read after
// a write was answered sees what was before it; also while a master is killed and comes back.
#include <atomic>
#include <thread>

#include "modules/social/post_cache_fixture.hpp"
#include "modules/social/post_cache_redis.hpp"
#include "platform/redis/redis_fixture.hpp"

namespace madang::social {
namespace {

constexpr std::size_t many = 24;
constexpr int instances = 2;

/// Values of its own era that a server has: those without are from before it was master.
constexpr const char* count_values = R"lua(
local reign = string.match(redis.call('INFO', 'replication'), 'master_replid:('..('%x'):rep(16)..')')
local count = 0
for _, key in ipairs(redis.call('KEYS', '*:p:*')) do
  local era = redis.call('GET', string.match(key, '^(.-):p:') .. ':era')
  local stamp = era and string.sub(era, 1, 16) == reign and string.sub(era, 17)
  local value = redis.call('GET', key)
  if string.sub(value, 1, 16) == stamp and string.sub(value, 17, 17) == '=' then count = count + 1 end
end
return count
)lua";

struct Program {
  Program(PostTown& town, const redis::RedisCluster& cluster)
      : client({.seeds = cluster.seeds()}, random, registry),
        cache(town.db(), std::make_unique<RedisPostCache>(RedisPostCacheOptions{}, client,
                                                          town.db(), random, registry)) {}
  double hits() {
    const std::string name = "\nmadang_cache_hits_total{cache=\"posts\"} ";
    const std::string all = registry.scrape();
    const auto at = all.find(name);
    return at == all.npos ? 0 : std::stod(all.substr(at + name.size()));
  }

  SystemRandom random;
  metrics::Registry registry;
  redis::Client client;
  PostCache cache;
};

class PostCacheThreads : public testing::Test {
 protected:
  PostCacheThreads() {
    for (auto& program : programs_) program = std::make_unique<Program>(town_, cluster_);
    for (auto& program : programs_)
      if (!program->client.ready(Deadline::after(10s))) throw std::runtime_error("no cluster");
  }

  /// Texts count up; the last one that was answered is in `answered_`.
  void write_texts(int me) {
    PostVisitor visitor(town_, programs_[static_cast<std::size_t>(me)]->cache);
    for (std::size_t i = static_cast<std::size_t>(me); !over_; i = (i + instances) % many) {
      const int next = answered_[i] + 1;
      town_.set_text(posts_[i], std::to_string(next));
      visitor.forget({.posts = {posts_[i]}});
      answered_[i] = next;
      ++writes_;
    }
  }
  /// The reader likes the first post when `begun_` is odd.
  void write_likes() {
    PostVisitor visitor(town_, programs_[0]->cache);
    while (!over_) {
      const int next = ++begun_;
      town_.set_like(posts_[0], next % 2 == 1);
      visitor.forget({.posts = {posts_[0]}, .viewers = {PostTown::reader}});
      done_ = next;
      std::this_thread::sleep_for(50ms);
    }
  }
  void read(int me) {
    PostVisitor visitor(town_, programs_[static_cast<std::size_t>(me % instances)]->cache);
    while (!over_) {
      std::array<int, many> least;
      for (std::size_t i = 0; i < many; ++i) least[i] = answered_[i];
      const int likes = done_;
      const boost::json::array shown = visitor.show(posts_);
      ASSERT_EQ(shown.size(), many);
      for (std::size_t i = 0; i < many; ++i) {
        const int text = std::stoi(std::string(shown[i].at("text").as_string()));
        if (text < least[i]) ++stale_;
      }
      if (begun_ == likes) {
        ++likes_compared_;
        if (shown[0].at("liked").as_bool() != (likes % 2 == 1)) ++stale_;
      }
      ++reads_;
    }
  }

  redis::RedisCluster cluster_;
  PostTown town_;
  const std::vector<Id> posts_ = town_.add_posts(many);
  std::array<std::unique_ptr<Program>, instances> programs_;
  std::array<std::atomic<int>, many> answered_{};
  std::atomic<int> begun_{0};
  std::atomic<int> done_{0};
  std::atomic<bool> over_{false};
  std::atomic<int> stale_{0};
  std::atomic<int> reads_{0};
  std::atomic<int> writes_{0};
  std::atomic<int> likes_compared_{0};
};

TEST_F(PostCacheThreads, ShowNothingOlderThanWhatWasAnswered) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < instances; ++i) threads.emplace_back([this, i] { write_texts(i); });
  threads.emplace_back([this] { write_likes(); });
  for (int i = 0; i < 4; ++i) threads.emplace_back([this, i] { read(i); });
  EXPECT_TRUE(redis::eventually([this] { return programs_[0]->hits() > 1'000; }));
  const redis::RedisServer& heir = cluster_.replica_of(cluster_[0]);
  cluster_[0].kill();
  EXPECT_TRUE(redis::eventually([&] { return heir.ask({"ROLE"}).starts_with("master"); }));
  const auto values = [&] { return heir.ask({"EVAL", count_values, "0"}); };
  EXPECT_TRUE(redis::eventually([&] { return values() != "0"; })) << "its eras have opened";
  cluster_[0].restart();
  EXPECT_TRUE(redis::eventually([this] { return cluster_.healthy(); }));
  const int writes = writes_;
  const double hits = programs_[0]->hits();
  EXPECT_TRUE(redis::eventually([&] { return writes_ > writes + 200; }));
  EXPECT_TRUE(redis::eventually([&] { return programs_[0]->hits() > hits + 1'000; }));
  over_ = true;
  threads.clear();
  EXPECT_EQ(stale_, 0);
  EXPECT_GT(likes_compared_, 0);
  RecordProperty("reads", reads_);
  RecordProperty("writes", writes_);
}

}  // namespace
}  // namespace madang::social
