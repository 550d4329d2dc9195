// The shared cache of posts when Redis is away, hangs, loses something or brings something back.
#include "modules/social/post_cache_redis.hpp"

#include "modules/social/post_cache_fixture.hpp"
#include "platform/redis/redis_fixture.hpp"

namespace madang::social {
namespace {

using redis::eventually;
using Steady = Deadline::Steady;

/// One program of several.
struct Instance {
  Instance(PostTown& town, redis::ClientOptions client_options, RedisPostCacheOptions options)
      : client(std::move(client_options), random, registry),
        store(new RedisPostCache(options, client, town.db(), random, registry)),
        cache(town.db(), std::unique_ptr<PostCacheStore>(store)),
        visitor(town, cache) {
    if (!client.ready(Deadline::after(10s))) throw std::runtime_error("no Redis");
  }

  double metric(const std::string& name) {
    const std::string all = registry.scrape();
    const auto at = all.find('\n' + name + ' ');
    return at == all.npos ? 0 : std::stod(all.substr(at + name.size() + 2));
  }
  double hits() { return metric("madang_cache_hits_total{cache=\"posts\"}"); }
  /// Once it is: shows it until it comes from the cache.
  bool cached(Id post) {
    return eventually([&] {
      const double before = hits();
      visitor.show(post);
      return hits() > before;
    });
  }

  SystemRandom random;
  metrics::Registry registry;
  redis::Client client;
  RedisPostCache* store;
  PostCache cache;
  PostVisitor visitor;
};

RedisPostCacheOptions patient() {
  RedisPostCacheOptions options;
  options.patience = options.put_within = 5s;
  options.grace = 100ms;
  return options;
}

/// Over one server that is no cluster: nothing takes its place.
class PostCacheOneServer : public testing::Test {
 protected:
  Instance make(RedisPostCacheOptions options = patient()) {
    return {town_, {.seeds = {server_.address()}}, options};
  }
  void may_delete(bool may) {
    ASSERT_EQ(server_.ask({"ACL", "SETUSER", "default", may ? "+del" : "-del"}), "OK");
  }
  std::size_t keys_of(Id post) {
    const std::string found = server_.ask({"KEYS", "*:p:" + std::to_string(post)});
    return static_cast<std::size_t>(std::ranges::count(found, '\n'));
  }

  redis::TemporaryFolder folder_;
  redis::RedisServer server_{folder_.path(), {}};
  PostTown town_;
  Id post_ = town_.add_posts(1)[0];
};

class PostCacheCluster : public testing::Test {
 protected:
  Instance make(RedisPostCacheOptions options = patient()) {
    return {town_, {.seeds = cluster_.seeds()}, options};
  }

  redis::RedisCluster cluster_;
  PostTown town_;
};

Task<Result<int>> fails_after(bool* done) {
  *done = true;
  throw std::runtime_error("the connection was lost during the commit");
  co_return 1;
}

}  // namespace

TEST_F(PostCacheOneServer, SharesWhatOneReadAndForgetsWhatOneForgot) {
  Instance one = make();
  Instance two = make();
  ASSERT_TRUE(one.cached(post_));
  town_.set_text(post_, "1");
  EXPECT_EQ(two.visitor.text_of(post_), "0") << "what the other one read";
  one.visitor.forget({.posts = {post_}});
  EXPECT_EQ(two.visitor.text_of(post_), "1");
  EXPECT_EQ(one.visitor.text_of(post_), "1");
  EXPECT_EQ(one.metric("madang_cache_bypassed_total{cache=\"posts\"}"), 0);
}

TEST_F(PostCacheOneServer, LetsEveryKeyEnd) {
  Instance one = make();
  const std::vector<Id> posts = town_.add_posts(40);
  one.visitor.show(posts);
  for (const Id post : posts) ASSERT_TRUE(one.cached(post));
  std::istringstream keys(server_.ask({"KEYS", "*"}));
  int all = 0;
  for (std::string key; std::getline(keys, key); ++all) {
    const int left = std::stoi(server_.ask({"PTTL", key}));
    EXPECT_GT(left, 0) << key;
    EXPECT_LE(left, key.ends_with(":era") ? 1'200'000 : 603'000) << key;
  }
  EXPECT_GE(all, 40 + 1 + 8) << "posts, a viewer, eras";
}

TEST_F(PostCacheOneServer, UsesNothingThatARestartBroughtBack) {
  Instance one = make();
  ASSERT_TRUE(one.cached(post_));
  ASSERT_EQ(server_.ask({"SAVE"}), "OK");
  town_.set_text(post_, "1");
  one.visitor.forget({.posts = {post_}});
  EXPECT_EQ(keys_of(post_), 0U);
  server_.kill();
  server_.restart();
  ASSERT_EQ(keys_of(post_), 1U) << "the old state is back";
  EXPECT_EQ(one.visitor.text_of(post_), "1");
  ASSERT_TRUE(eventually([&] { return one.client.ready(Deadline::after(0s)).has_value(); }));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one.visitor.text_of(post_), "1");
  EXPECT_TRUE(one.cached(post_)) << "and it is kept again";
  EXPECT_EQ(one.visitor.text_of(post_), "1");
}

TEST_F(PostCacheOneServer, IsClosedAtTheBeginningOfAnEra) {
  RedisPostCacheOptions options = patient();
  options.grace = 300ms;
  Instance one = make(options);
  const auto began = Steady::now();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(one.visitor.text_of(post_), "0");
  EXPECT_EQ(keys_of(post_), 0U);
  ASSERT_TRUE(one.cached(post_));
  EXPECT_GT(Steady::now() - began, 290ms);
  EXPECT_EQ(one.metric("madang_cache_bypassed_total{cache=\"posts\"}"), 0);
}

TEST_F(PostCacheOneServer, LosesEverythingWithoutHarm) {
  Instance one = make();
  ASSERT_TRUE(one.cached(post_));
  one.visitor.forget({.posts = {post_}});
  const auto early = one.visitor.run(
      one.store->look(Deadline::after(20s), PostTown::reader, std::span(&post_, 1)));
  ASSERT_EQ(server_.ask({"FLUSHALL"}), "OK");
  ASSERT_TRUE(early.leases[0]);
  auto old = std::make_shared<CachedPost>();
  old->post.id = post_;
  one.store->put({{old, *early.leases[0]}}, {});
  EXPECT_EQ(one.visitor.text_of(post_), "0");
  ASSERT_TRUE(one.cached(post_));
  ASSERT_EQ(server_.ask({"FLUSHALL"}), "OK");
  town_.set_text(post_, "1");
  EXPECT_EQ(one.visitor.text_of(post_), "1");
}

TEST_F(PostCacheOneServer, ServesFromSqlWhileItIsAway) {
  Instance one = make();
  ASSERT_TRUE(one.cached(post_));
  server_.kill();
  town_.set_text(post_, "1");
  const auto began = Steady::now();
  one.visitor.forget({.posts = {post_}, .viewers = {PostTown::reader}});
  EXPECT_LT(Steady::now() - began, 5s);
  EXPECT_EQ(one.store->owed(), 2U);
  const auto later = Steady::now();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(one.visitor.text_of(post_), "1");
    one.visitor.forget({.posts = {post_}});
  }
  EXPECT_LT(Steady::now() - later, 10s) << "an outage is waited for once";
  EXPECT_GE(one.metric("madang_cache_bypassed_total{cache=\"posts\"}"), 20);
  server_.restart();
  EXPECT_TRUE(eventually([&] { return one.store->owed() == 0; }));
  EXPECT_TRUE(one.cached(post_));
  EXPECT_EQ(one.visitor.text_of(post_), "1");
}

TEST_F(PostCacheOneServer, EndsWhileItOwes) {
  {
    Instance one = make();
    server_.kill();
    one.cache.forget_account_blocking(PostTown::author, std::span(&post_, 1));
    EXPECT_GE(one.store->owed(), 2U);
    one.client.close();
    one.visitor.forget({.posts = {post_}});
    EXPECT_EQ(one.visitor.text_of(post_), "0");
  }
  server_.restart();
  Instance two = make();
  EXPECT_TRUE(two.cached(post_));
}

TEST_F(PostCacheOneServer, DoesNotWaitForOneThatHangs) {
  RedisPostCacheOptions options = patient();
  options.patience = 100ms;
  Instance one = make(options);
  Instance two = make();
  ASSERT_TRUE(one.cached(post_));
  server_.stop();
  town_.set_text(post_, "1");
  const auto began = Steady::now();
  one.visitor.forget({.posts = {post_}});
  EXPECT_LT(Steady::now() - began, 5s);
  const auto later = Steady::now();
  for (int i = 0; i < 30; ++i) EXPECT_EQ(one.visitor.text_of(post_), "1");
  EXPECT_LT(Steady::now() - later, 10s);
  server_.go_on();
  EXPECT_TRUE(eventually([&] { return one.store->owed() == 0; }));
  EXPECT_EQ(two.visitor.text_of(post_), "1");
}

TEST_F(PostCacheOneServer, PassesOverWhatItCouldNotDelete) {
  Instance one = make();
  Instance two = make();
  const std::vector<Id> posts = town_.add_posts(20);
  for (const Id post : posts) ASSERT_TRUE(one.cached(post));
  may_delete(false);
  for (const Id post : posts) town_.set_text(post, "1");
  one.visitor.forget({.posts = posts});
  EXPECT_EQ(one.store->owed(), 20U);
  for (const Id post : posts) EXPECT_EQ(one.visitor.text_of(post), "1");
  // The limit of the promise, and proof that they were there.
  EXPECT_EQ(two.visitor.text_of(posts[7]), "0");
  may_delete(true);
  EXPECT_TRUE(eventually([&] { return one.store->owed() == 0; }));
  for (const Id post : posts) EXPECT_EQ(two.visitor.text_of(post), "1");
  EXPECT_EQ(one.metric("madang_cache_late_total{cache=\"posts\"}"), 20);
}

TEST_F(PostCacheOneServer, ForgetsWholeBucketsWhenItOwesTooMuch) {
  RedisPostCacheOptions options = patient();
  options.max_owed = 2 * SharedKey::buckets;
  Instance one = make(options);
  Instance two = make();
  const std::vector<Id> posts = town_.add_posts(300);
  one.visitor.show(posts);
  for (const Id post : posts) ASSERT_TRUE(one.cached(post));
  may_delete(false);
  town_.write([&](db::Transaction& tx) { tx.execute("update posts set body = '1'"); });
  one.visitor.forget({.posts = {posts.begin(), posts.end() - 1}});
  EXPECT_LE(one.store->owed(), 2 * SharedKey::buckets);
  for (const Id post : posts) EXPECT_EQ(one.visitor.text_of(post), "1");
  may_delete(true);
  EXPECT_TRUE(eventually([&] { return one.store->owed() == 0; }));
  for (const Id post : posts) EXPECT_EQ(two.visitor.text_of(post), "1");
}

TEST_F(PostCacheOneServer, ForgetsEverythingOfAnAuthorWithTooManyPosts) {
  RedisPostCacheOptions options = patient();
  options.max_listed = 1'500;
  Instance one = make(options);
  const std::vector<Id> posts = town_.add_posts(1'600);
  for (const Id post : {posts.front(), posts.back(), post_}) ASSERT_TRUE(one.cached(post));
  town_.write([&](db::Transaction& tx) { tx.execute("update accounts set name = 'Renamed'"); });
  one.visitor.forget({.author = PostTown::author});
  for (const Id post : {posts.front(), posts.back(), post_})
    EXPECT_EQ(one.visitor.show(post).at("author").at("name").as_string(), "Renamed");
}

TEST_F(PostCacheOneServer, ForgetsAlsoWhatAWriteOfUnknownOutcomeMayHaveChanged) {
  Instance one = make();
  ASSERT_TRUE(one.cached(post_));
  town_.set_text(post_, "1");
  bool done = false;
  const Forgotten what{.posts = {post_}};
  EXPECT_THROW(one.visitor.run(write_and_forget(fails_after(&done), one.cache, what)),
               std::runtime_error);
  EXPECT_TRUE(done);
  EXPECT_EQ(one.visitor.text_of(post_), "1");
}

TEST_F(PostCacheCluster, UsesNothingFromBeforeAMasterWasReplaced) {
  Instance one = make();
  const std::vector<Id> posts = town_.add_posts(60);
  one.visitor.show(posts);
  for (const Id post : posts) ASSERT_TRUE(one.cached(post));
  std::vector<redis::RedisServer*> replicas;
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(eventually([&] { return cluster_[i].ask({"WAIT", "1", "1000"}) == "1"; }));
    replicas.push_back(&cluster_.replica_of(cluster_[i]));
  }
  // As if every deletion had been lost.
  town_.write([&](db::Transaction& tx) { tx.execute("update posts set body = '1'"); });
  for (std::size_t i = 0; i < 3; ++i) {
    cluster_[i].kill();
    ASSERT_TRUE(eventually([&] { return replicas[i]->ask({"ROLE"}).starts_with("master"); }));
    EXPECT_GT(std::stoi(replicas[i]->ask({"DBSIZE"})), 10) << "the old values are there";
  }
  for (const Id post : posts) EXPECT_EQ(one.visitor.text_of(post), "1");
  ASSERT_TRUE(eventually([&] { return one.client.ready(Deadline::after(0s)).has_value(); }));
  for (const Id post : posts) EXPECT_EQ(one.visitor.text_of(post), "1");
  for (const Id post : posts) EXPECT_TRUE(one.cached(post));
  // Those that were killed come back, and get their slots again.
  for (std::size_t i = 0; i < 3; ++i) cluster_[i].restart();
  ASSERT_TRUE(eventually([&] { return cluster_.healthy(); }));
  for (const Id post : posts) EXPECT_EQ(one.visitor.text_of(post), "1");
}

TEST_F(PostCacheCluster, SpreadsEvenlyOverTheMasters) {
  Instance one = make();
  const std::vector<Id> posts = town_.add_posts(600);
  for (std::size_t i = 0; i < posts.size(); i += 100)
    one.visitor.show(std::span(posts).subspan(i, 100));
  ASSERT_TRUE(eventually([&] {
    const double before = one.hits();
    for (std::size_t i = 0; i < posts.size(); i += 100)
      one.visitor.show(std::span(posts).subspan(i, 100));
    return one.hits() >= before + 600;
  }));
  for (std::size_t i = 0; i < 3; ++i) {
    const int keys = std::stoi(cluster_[i].ask({"DBSIZE"}));
    EXPECT_GT(keys, 100) << i;
    EXPECT_LT(keys, 320) << i;
  }
}

TEST(OwedKeys, ForgetsWhatWasPaidOrHasEnded) {
  OwedKeys owed(100, 10s);
  const auto now = Steady::now();
  const SharedKey one = SharedKey::of_post(1);
  const SharedKey two = SharedKey::of_viewer(1);
  EXPECT_FALSE(owed.any());
  owed.add(std::vector{one, two}, now);
  EXPECT_TRUE(owed.owes(one) && owed.owes(two));
  EXPECT_FALSE(owed.owes(SharedKey::of_post(2)));
  const auto taken = owed.some(100, now);
  ASSERT_EQ(taken.size(), 2U);
  owed.add(std::vector{one}, now + 5s);
  for (const auto& each : taken) owed.paid(each);
  EXPECT_TRUE(owed.owes(one)) << "owed again since it was taken";
  EXPECT_FALSE(owed.owes(two));
  EXPECT_EQ(owed.some(100, now + 14s).size(), 1U);
  EXPECT_EQ(owed.some(100, now + 15s).size(), 0U);
  EXPECT_FALSE(owed.any());
}

TEST(OwedKeys, OwesTheEraOfABucketThatOwesTooMuch) {
  OwedKeys owed(3, 10s);
  const auto now = Steady::now();
  std::vector<SharedKey> keys;
  for (Id id = 1; keys.size() < 5; ++id) {
    if (SharedKey::bucket_of(id) == 7) keys.push_back(SharedKey::of_post(id));
  }
  owed.add(std::span(keys).first(3), now);
  EXPECT_EQ(owed.size(), 3U);
  EXPECT_FALSE(owed.owes(keys[4]));
  owed.add(std::span(keys).subspan(3, 1), now + 1s);
  EXPECT_EQ(owed.size(), 1U);
  EXPECT_TRUE(owed.owes(keys[4])) << "all of the bucket";
  const auto taken = owed.some(100, now);
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].key, SharedKey::of_era(7));
  owed.add(keys, now + 2s);
  EXPECT_EQ(owed.size(), 1U);
  owed.paid(taken[0]);
  EXPECT_TRUE(owed.owes(keys[0])) << "owed again since";
}

}  // namespace madang::social
