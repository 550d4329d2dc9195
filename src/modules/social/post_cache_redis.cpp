#include "modules/social/post_cache_redis.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "modules/social/post_cache_metrics.hpp"
#include "modules/social/post_cache_scripts.hpp"

namespace madang::social {

using redis::Command;
using redis::Script;
using redis::Value;

namespace {

constexpr std::size_t lease_size = 16;
constexpr std::size_t max_keys_at_once = 256;  // posts of one script

std::string to_text(std::uint64_t lease) {
  std::string text(lease_size, '0');
  std::array<char, lease_size> digits{};
  const char* end = std::to_chars(digits.data(), digits.data() + lease_size, lease, 16).ptr;
  const auto size = static_cast<std::size_t>(end - digits.data());
  std::memcpy(text.data() + lease_size - size, digits.data(), size);
  return text;
}

std::optional<std::uint64_t> to_lease(std::string_view text) {
  std::uint64_t lease = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, lease, 16);
  if (text.size() != lease_size || error != std::errc{} || stop != end) return {};
  return lease;
}

// Numbers in values are little-endian, as every machine is that this runs on.
static_assert(std::endian::native == std::endian::little);

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, sizeof number> bytes;
  std::memcpy(bytes.data(), &number, sizeof number);
  out.append(bytes.data(), bytes.size());
}

template <class Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

constexpr std::size_t post_head_size = sizeof(Id) + sizeof(std::uint32_t);

std::string encode(const CachedPost& post) {
  std::string out;
  out.reserve(post_head_size + post.head.size() + post.tail.size());
  append_number(out, post.post.author);
  append_number(out, static_cast<std::uint32_t>(post.head.size()));
  return out.append(post.head).append(post.tail);
}

std::shared_ptr<const CachedPost> decode_post(Id id, std::string_view bytes) {
  if (bytes.size() < post_head_size) return nullptr;
  const auto author = number_at<Id>(bytes, 0);
  const auto head = number_at<std::uint32_t>(bytes, sizeof(Id));
  bytes.remove_prefix(post_head_size);
  if (head > bytes.size()) return nullptr;
  auto post = std::make_shared<CachedPost>();
  post->post = {id, author};
  post->head = bytes.substr(0, head);
  post->tail = bytes.substr(head);
  return post;
}

std::string encode(const std::vector<Id>& ids) {
  std::string out;
  out.reserve(ids.size() * sizeof(Id));
  for (const Id id : ids) append_number(out, id);
  return out;
}

std::vector<Id> decode_ids(std::string_view bytes) {
  std::vector<Id> ids;
  ids.reserve(bytes.size() / sizeof(Id));
  for (std::size_t at = 0; at + sizeof(Id) <= bytes.size(); at += sizeof(Id))
    ids.push_back(number_at<Id>(bytes, at));
  return ids;
}

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

/// The posts of one bucket.
struct RedisPostCache::Looked {
  std::size_t bucket = 0;
  Lease lease = 0;
  std::vector<Id> ids;
  std::vector<std::size_t> at;  // their places on the page
};

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

/// Those that may be asked for.
std::vector<RedisPostCache::Looked> RedisPostCache::grouped(std::span<const Id> posts,
                                                            Lease& next) const {
  std::vector<Looked> out;
  std::array<std::size_t, SharedKey::buckets> place{};  // + 1
  for (std::size_t i = 0; i < posts.size(); ++i) {
    const SharedKey key = SharedKey::of_post(posts[i]);
    if (owed_.owes(key)) continue;
    std::size_t& at = place[key.bucket];
    if (at == 0 || out[at - 1].ids.size() == max_keys_at_once) {
      out.push_back({key.bucket, next++, {}, {}});
      at = out.size();
    }
    out[at - 1].ids.push_back(posts[i]);
    out[at - 1].at.push_back(i);
  }
  return out;
}

void RedisPostCache::add_times(Command& command, Lease lease) const {
  command.add(to_text(lease)).add_number(options_.life.count());
  command.add_number(options_.lease.count()).add_number(options_.grace.count());
}

Command RedisPostCache::look_command(const Looked& looked) const {
  Command command = script(look_posts_, looked.bucket, looked.ids.size());
  for (const Id id : looked.ids) command.add_key(name(SharedKey::of_post(id)));
  add_times(command, looked.lease);
  return command;
}

Command RedisPostCache::viewer_command(Id viewer, std::span<const Id> posts, Lease lease) const {
  const SharedKey key = SharedKey::of_viewer(viewer);
  Command command = script(look_viewer_, key.bucket, 1);
  command.add_key(name(key));
  add_times(command, lease);
  for (const Id id : posts) command.add_number(id);
  return command;
}

Task<PostCacheStore::Page> RedisPostCache::look(Deadline deadline, Id viewer,
                                                std::span<const Id> posts) {
  Page page;
  page.posts.resize(posts.size());
  page.leases.resize(posts.size());
  // Each script has a number of its own: one that makes an era or a marker must never bring back
  // one that was deleted.
  Lease next = new_lease();
  const std::vector<Looked> looked = grouped(posts, next);
  const bool asks_viewer = viewer != 0 && !owed_.owes(SharedKey::of_viewer(viewer));
  std::vector<Command> commands;
  commands.reserve(looked.size() + 1);
  for (const Looked& part : looked) commands.push_back(look_command(part));
  if (asks_viewer) commands.push_back(viewer_command(viewer, posts, next));
  std::size_t asked = 0;
  for (const Looked& part : looked) asked += part.ids.size();
  bool complete = asked == posts.size() && asks_viewer == (viewer != 0);
  if (!commands.empty()) {
    const Deadline soon(std::min(deadline.at(), Steady::now() + options_.patience));
    const redis::Results results = co_await client_.execute_all(std::move(commands), soon);
    for (std::size_t i = 0; i < looked.size(); ++i) {
      if (results[i]) take_posts(looked[i], *results[i], page);
    }
    if (asks_viewer && results.back()) take_viewer(posts, *results.back(), page);
    complete =
        complete && std::ranges::all_of(results, [](const auto& r) { return r.has_value(); });
  }
  if (!complete) metrics_->bypassed.Increment();
  metrics_->count(page, viewer != 0);
  co_return page;
}

void RedisPostCache::take_posts(const Looked& looked, const Value& answer, Page& page) const {
  if (answer.items.size() != looked.ids.size()) return;
  for (std::size_t i = 0; i < looked.ids.size(); ++i) {
    const std::string_view text = answer.items[i].text;
    const std::size_t at = looked.at[i];
    if (text.starts_with('=')) page.posts[at] = decode_post(looked.ids[i], text.substr(1));
    if (text.starts_with('?')) page.leases[at] = to_lease(text.substr(1));
  }
}

void RedisPostCache::take_viewer(std::span<const Id> posts, const Value& answer, Page& page) const {
  if (answer.items.empty()) return;
  page.viewer_lease = to_lease(answer.items[0].text);
  if (answer.items.size() != 4 || answer.items[3].text.size() != posts.size()) return;
  auto viewer = std::make_shared<CachedViewer>();
  viewer->blocked = decode_ids(answer.items[1].text);
  viewer->muted = decode_ids(answer.items[2].text);
  for (std::size_t i = 0; i < posts.size(); ++i) {
    const char known = answer.items[3].text[i];
    if (known != '?') viewer->likes.emplace(posts[i], known == '1');
  }
  page.viewer = std::move(viewer);
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
      command.add(to_text(added->lease)).add(encode(*added->post));
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
  command.add_key(name(key)).add_number(options_.life.count()).add(to_text(viewer.lease));
  command.add_number(static_cast<std::int64_t>(options_.max_likes));
  command.add(encode(viewer.known->blocked)).add(encode(viewer.known->muted));
  for (const Id id : viewer.likes)
    command.add_number(id).add_number(viewer.known->likes.at(id) ? 1 : 0);
  return command;
}

}  // namespace madang::social
