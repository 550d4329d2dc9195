// What a cache of posts promises, wherever it keeps them: in process, or in a real Redis Cluster.
#include "modules/social/post_cache.hpp"

#include "modules/social/post_cache_fixture.hpp"
#include "modules/social/post_cache_memory.hpp"
#include "modules/social/post_cache_redis.hpp"
#include "platform/redis/redis_fixture.hpp"

namespace madang::social {
namespace {

struct MemoryPlace {
  std::unique_ptr<PostCacheStore> store(PostTown& town) {
    return std::make_unique<MemoryPostCache>(1'000, 1'000, town.registry);
  }
};

struct RedisPlace {
  /// One for all tests: each has keys of its own.
  static redis::RedisCluster& cluster() {
    static redis::RedisCluster shared;
    return shared;
  }
  std::unique_ptr<PostCacheStore> store(PostTown& town) {
    static int next = 0;
    if (!client) {
      client = std::make_unique<redis::Client>(redis::ClientOptions{.seeds = cluster().seeds()},
                                               random, town.registry);
      if (!client->ready(Deadline::after(10s))) throw std::runtime_error("no cluster");
    }
    RedisPostCacheOptions options;
    options.prefix = "test" + std::to_string(next++);
    // The machine may be busy: nothing here is about time.
    options.grace = 0ms;
    options.patience = options.put_within = options.forget_attempt = 5s;
    return std::make_unique<RedisPostCache>(options, *client, town.db(), random, town.registry);
  }
  SystemRandom random;
  std::unique_ptr<redis::Client> client;
};

template <class Place>
class PostCacheContract : public testing::Test {
 protected:
  PostCacheStore::Page look(std::span<const Id> posts) {
    return visitor_.run(store_.look(Deadline::after(20s), PostTown::reader, posts));
  }
  static auto made(Id id, std::string head) {
    auto post = std::make_shared<CachedPost>();
    post->post = {id, PostTown::author};
    post->head = std::move(head);
    post->tail = "tail";
    return post;
  }
  /// What is put without being waited for is there, once it has come.
  bool there(Id post) {
    return redis::eventually([&] { return look(std::span(&post, 1)).posts[0] != nullptr; }, 5s);
  }
  bool viewer_there(Id post) {
    return redis::eventually(
        [&] {
          const auto page = look(std::span(&post, 1));
          return page.viewer && page.viewer->likes.contains(post);
        },
        5s);
  }

  PostTown town_;
  Place place_;
  std::unique_ptr<PostCacheStore> made_ = place_.store(town_);
  PostCacheStore& store_ = *made_;
  PostCache cache_{town_.db(), std::move(made_)};
  PostVisitor visitor_{town_, cache_};
};

using Places = testing::Types<MemoryPlace, RedisPlace>;
TYPED_TEST_SUITE(PostCacheContract, Places);

TYPED_TEST(PostCacheContract, ShowsWhatItKeepsUntilItIsForgotten) {
  PostTown& town = this->town_;
  PostVisitor& visitor = this->visitor_;
  const std::vector<Id> posts = town.add_posts(40);
  const boost::json::array first = visitor.show(posts);
  ASSERT_EQ(first.size(), 40U);
  for (std::size_t i = 0; i < posts.size(); ++i) {
    EXPECT_EQ(first[i].at("id").to_number<Id>(), posts[i]);
    EXPECT_EQ(first[i].at("author").at("handle").as_string(), "author");
    EXPECT_FALSE(first[i].at("liked").as_bool());
  }
  for (const Id post : posts) ASSERT_TRUE(this->there(post));
  town.write([&](db::Transaction& tx) { tx.execute("update posts set body = 'new'"); });
  EXPECT_EQ(visitor.show(posts), first) << "from the cache, to the letter";
  visitor.forget({.posts = {posts[0], posts[39]}});
  const boost::json::array second = visitor.show(posts);
  for (std::size_t i = 0; i < posts.size(); ++i)
    EXPECT_EQ(second[i].at("text").as_string(), i == 0 || i == 39 ? "new" : "0");
}

TYPED_TEST(PostCacheContract, LeavesOutWhatWasReadBeforeItWasForgotten) {
  const Id post = 77;
  const auto early = this->look(std::span(&post, 1));
  ASSERT_TRUE(early.leases[0]);
  this->visitor_.forget({.posts = {post}});
  const auto late = this->look(std::span(&post, 1));
  ASSERT_TRUE(late.leases[0]);
  this->store_.put({{this->made(post, "old"), *early.leases[0]}}, {});
  this->store_.put({{this->made(post, "new"), *late.leases[0]}}, {});
  ASSERT_TRUE(this->there(post));
  EXPECT_EQ(this->look(std::span(&post, 1)).posts[0]->head, "new");
  this->store_.put({{this->made(post, "old"), *early.leases[0]}}, {});
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(this->look(std::span(&post, 1)).posts[0]->head, "new") << "not afterwards either";
}

TYPED_TEST(PostCacheContract, TakesWhatAnyOfSeveralReadersBrings) {
  const Id post = 78;
  const auto one = this->look(std::span(&post, 1));
  const auto two = this->look(std::span(&post, 1));
  this->store_.put({{this->made(post, "same"), *one.leases[0]}}, {});
  this->store_.put({{this->made(post, "same"), *two.leases[0]}}, {});
  ASSERT_TRUE(this->there(post));
  const auto found = this->look(std::span(&post, 1)).posts[0];
  EXPECT_EQ(found->head, "same");
  EXPECT_EQ(found->tail, "tail");
  EXPECT_EQ(found->post.id, post);
  EXPECT_EQ(found->post.author, PostTown::author);
}

TYPED_TEST(PostCacheContract, KnowsWhatAViewerLikesUntilTheyAreForgotten) {
  PostTown& town = this->town_;
  PostVisitor& visitor = this->visitor_;
  const std::vector<Id> posts = town.add_posts(3);
  town.set_like(posts[1], true);
  visitor.show(std::span(posts).first(2));
  ASSERT_TRUE(this->viewer_there(posts[1]));
  EXPECT_TRUE(visitor.show(posts[1]).at("liked").as_bool());
  town.set_like(posts[1], false);
  town.set_like(posts[2], true);
  visitor.show(posts);  // one more is known of the viewer
  ASSERT_TRUE(this->viewer_there(posts[2]));
  EXPECT_TRUE(visitor.show(posts[1]).at("liked").as_bool()) << "nobody has been told yet";
  EXPECT_TRUE(visitor.show(posts[2]).at("liked").as_bool());
  visitor.forget({.viewers = {PostTown::reader}});
  EXPECT_FALSE(visitor.show(posts[1]).at("liked").as_bool());
  EXPECT_TRUE(visitor.show(posts[2]).at("liked").as_bool());
}

TYPED_TEST(PostCacheContract, LeavesOutLikesThatWereReadBeforeTheViewerWasForgotten) {
  PostTown& town = this->town_;
  PostVisitor& visitor = this->visitor_;
  const std::vector<Id> posts = town.add_posts(2);
  visitor.show(posts[0]);
  ASSERT_TRUE(this->viewer_there(posts[0]));
  const auto page = this->look(posts);
  ASSERT_TRUE(page.viewer && page.viewer_lease);
  EXPECT_FALSE(page.viewer->likes.contains(posts[1]));
  town.set_like(posts[1], true);
  visitor.forget({.posts = {posts[1]}, .viewers = {PostTown::reader}});
  // A reader that had read before: it thinks that nothing is liked.
  auto known = std::make_shared<CachedViewer>(*page.viewer);
  known->likes[posts[1]] = false;
  const PostCacheStore::NewViewer late{PostTown::reader, *page.viewer_lease, known, {posts[1]}};
  this->store_.put({}, late);
  EXPECT_TRUE(visitor.show(posts[1]).at("liked").as_bool());
  this->store_.put({}, late);
  ASSERT_TRUE(this->viewer_there(posts[1]));
  EXPECT_TRUE(visitor.show(posts[1]).at("liked").as_bool());
}

TYPED_TEST(PostCacheContract, HidesBlockedAndMutedAuthors) {
  PostTown& town = this->town_;
  PostVisitor& visitor = this->visitor_;
  const Id mine = town.add_posts(1, PostTown::author)[0];
  const Id theirs = town.add_posts(1, PostTown::other)[0];
  const std::vector<Id> both{mine, theirs};
  EXPECT_EQ(visitor.show(both).size(), 2U);
  town.write([&](db::Transaction& tx) {
    insert_block(tx, PostTown::author, PostTown::reader, Time{});
    insert_mute(tx, PostTown::reader, PostTown::other, Time{});
  });
  visitor.forget({.viewers = {PostTown::reader}});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(visitor.show(both).empty());
    ASSERT_TRUE(this->viewer_there(mine));
  }
  PostVisitor nobody(town, this->cache_, 0);
  EXPECT_EQ(nobody.show(both).size(), 2U);
}

TYPED_TEST(PostCacheContract, ForgetsAllPostsOfAnAuthor) {
  PostTown& town = this->town_;
  PostVisitor& visitor = this->visitor_;
  const std::vector<Id> posts = town.add_posts(50);
  const Id theirs = town.add_posts(1, PostTown::other)[0];
  visitor.show(posts);
  visitor.show(theirs);
  for (const Id post : posts) ASSERT_TRUE(this->there(post));
  ASSERT_TRUE(this->there(theirs));
  const auto rename = [&](const char* name) {
    town.write([&](db::Transaction& tx) {
      tx.execute("update accounts set name = ? where id in (2, 3)", name);
    });
  };
  rename("Renamed");
  visitor.forget({.author = PostTown::author});
  for (const auto& post : visitor.show(posts))
    EXPECT_EQ(post.at("author").at("name").as_string(), "Renamed");
  EXPECT_EQ(visitor.show(theirs).at("author").at("name").as_string(), "other");
  for (const Id post : posts) ASSERT_TRUE(this->there(post));
  rename("Again");
  this->cache_.forget_account_blocking(PostTown::author, std::span(&theirs, 1));
  for (const auto& post : visitor.show(posts))
    EXPECT_EQ(post.at("author").at("name").as_string(), "Again");
  EXPECT_EQ(visitor.show(theirs).at("author").at("name").as_string(), "Again");
}

TYPED_TEST(PostCacheContract, KeepsABoundedNumberOfLikes) {
  PostTown& town = this->town_;
  PostVisitor& visitor = this->visitor_;
  const std::vector<Id> posts = town.add_posts(1'200);
  for (std::size_t i = 0; i < posts.size(); i += 100) {
    const auto some = std::span(posts).subspan(i, 100);
    EXPECT_EQ(visitor.show(some).size(), 100U);
    ASSERT_TRUE(this->viewer_there(some[99]));
  }
  const auto page = this->look(posts);
  ASSERT_TRUE(page.viewer);
  EXPECT_LE(page.viewer->likes.size(), 512U);
  EXPECT_GE(page.viewer->likes.size(), 100U);
}

TYPED_TEST(PostCacheContract, NamesWhatIsDeleted) {
  PostTown& town = this->town_;
  PostVisitor& visitor = this->visitor_;
  const std::vector<Id> posts = town.add_posts(3);
  visitor.show(posts);
  town.write([&](db::Transaction& tx) {
    move_post(tx, posts[1], PostTown::author, ContentState::shown, ContentState::deleted);
    move_post(tx, posts[2], PostTown::author, ContentState::shown, ContentState::hidden);
  });
  visitor.forget({.posts = {posts[1], posts[2]}});
  std::vector<Id> deleted;
  const auto shown = visitor.run(this->cache_.show(Deadline::after(20s), PostTown::reader, posts,
                                                   PostCache::Muted::shown, &deleted));
  EXPECT_EQ(shown->size(), 1U);
  EXPECT_EQ(deleted, std::vector<Id>{posts[1]});
}

}  // namespace
}  // namespace madang::social
