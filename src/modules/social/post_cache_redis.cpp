#include "modules/social/post_cache_redis.hpp"

#include <bit>
#include <utility>

#include "modules/social/post_cache_codec.hpp"
#include "modules/social/post_cache_metrics.hpp"
#include "modules/social/post_cache_scripts.hpp"

namespace madang::social {

using redis::Command;
using redis::Script;

namespace {

/// For each part of the slots, one tag whose slot is in it.
std::array<std::string, SharedKey::buckets> even_tags(const std::string& prefix) {
  constexpr std::size_t part = redis::slot_count / SharedKey::buckets;
  std::array<std::string, SharedKey::buckets> tags;
  std::size_t missing = tags.size();
  for (int i = 0; missing > 0; ++i) {
    const std::string tag = prefix + "{" + std::to_string(i) + "}";
    std::string& place = tags[redis::slot_of(tag) / part];
    if (!place.empty()) continue;
    place = tag;
    --missing;
  }
  return tags;
}

Script with_era(std::string_view how, std::string_view what) {
  return Script(std::string(redis::reign_lua).append(how).append(what));
}

}  // namespace

RedisPostCache::RedisPostCache(RedisPostCacheOptions options, redis::Client& client,
                               db::Database& db, Random& random, metrics::Registry& registry)
    : options_(std::move(options)),
      client_(client),
      db_(db),
      random_(random),
      metrics_(std::make_unique<Metrics>(registry)),
      look_posts_(with_era(begin_era_lua, look_posts_lua)),
      look_viewer_(with_era(begin_era_lua, look_viewer_lua)),
      put_posts_(with_era(same_era_lua, put_posts_lua)),
      put_viewer_(with_era(same_era_lua, put_viewer_lua)),
      tags_(even_tags(options_.prefix)),
      // A value is put while its marker stands, which is before the write that it knows nothing of.
      owed_(options_.max_owed / SharedKey::buckets, options_.life + 2 * options_.lease) {
  payer_ = std::jthread([this](const std::stop_token& stop) { pay(stop); });
}

RedisPostCache::~RedisPostCache() {
  payer_.request_stop();
  payer_.join();
}

std::string RedisPostCache::name(const SharedKey& key) const {
  const std::string& tag = tags_[key.bucket];
  switch (key.kind) {
    case SharedKey::Kind::era:
      return tag + ":era";
    case SharedKey::Kind::post:
      return tag + ":p:" + std::to_string(key.id);
    case SharedKey::Kind::viewer:
      return tag + ":v:" + std::to_string(key.id);
  }
  return {};
}

PostCacheStore::Lease RedisPostCache::new_lease() {
  return std::bit_cast<Lease>(random_.bytes<sizeof(Lease)>());
}

/// A script whose first key is the bucket's era. Once: done again after a deletion, it would make
/// the very marker that was deleted, and what was read before that could be put.
Command RedisPostCache::script(const Script& script, std::size_t bucket, std::size_t keys) const {
  Command command = Command::script(script, 1 + keys, Command::Effect::once);
  command.add_key(name(SharedKey::of_era(bucket)));
  return command;
}

void RedisPostCache::put(std::vector<NewPost> posts, std::optional<NewViewer> viewer) {
  std::array<std::vector<const NewPost*>, SharedKey::buckets> by_bucket;
  for (const NewPost& added : posts) {
    auto& bucket = by_bucket[SharedKey::bucket_of(added.post->post.id)];
    if (bucket.size() < max_keys_at_once) bucket.push_back(&added);
  }
  std::vector<Command> commands;
  for (std::size_t i = 0; i < by_bucket.size(); ++i) {
    if (by_bucket[i].empty()) continue;
    Command command = script(put_posts_, i, by_bucket[i].size());
    for (const NewPost* added : by_bucket[i])
      command.add_key(name(SharedKey::of_post(added->post->post.id)));
    command.add_number(options_.life.count());
    for (const NewPost* added : by_bucket[i])
      command.add(lease_text(added->lease)).add(encode_post(*added->post));
    commands.push_back(std::move(command));
  }
  const auto hidden = [](const CachedViewer& known) {
    return known.blocked.size() + known.muted.size();
  };
  if (viewer && hidden(*viewer->known) <= options_.max_hidden)
    commands.push_back(put_command(*viewer));
  // Nobody waits: what does not get in is read again.
  if (!commands.empty()) client_.begin(std::move(commands), Deadline::after(options_.put_within));
}

Command RedisPostCache::put_command(const NewViewer& viewer) const {
  const SharedKey key = SharedKey::of_viewer(viewer.viewer);
  Command command = script(put_viewer_, key.bucket, 1);
  command.add_key(name(key)).add_number(options_.life.count()).add(lease_text(viewer.lease));
  command.add_number(static_cast<std::int64_t>(options_.max_likes));
  command.add(encode_ids(viewer.known->blocked)).add(encode_ids(viewer.known->muted));
  for (const Id id : viewer.likes)
    command.add_number(id).add_number(viewer.known->likes.at(id) ? 1 : 0);
  return command;
}

}  // namespace madang::social
