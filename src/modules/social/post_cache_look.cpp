// How the shared cache of posts is read: what is there, then by scripts what is missing.
#include <algorithm>
#include <utility>

#include "modules/social/post_cache_codec.hpp"
#include "modules/social/post_cache_metrics.hpp"
#include "modules/social/post_cache_redis.hpp"

namespace madang::social {

using redis::Command;
using redis::Value;

/// The posts of one bucket.
struct RedisPostCache::Looked {
  std::size_t bucket = 0;
  std::vector<Id> ids{};
  std::vector<std::size_t> at{};  // their places on the page
};

/// What is still to be found.
struct RedisPostCache::Asked {
  Id viewer = 0;  // 0: nobody, or found
  std::span<const Id> posts;
  std::vector<Looked> parts{};
};

/// Those that may be asked for; the viewer's bucket is among them, with or without posts.
std::vector<RedisPostCache::Looked> RedisPostCache::grouped(std::span<const Id> posts,
                                                            Id viewer) const {
  std::vector<Looked> out;
  std::array<std::size_t, SharedKey::buckets> place{};  // + 1
  const auto part = [&](std::size_t bucket) -> Looked& {
    std::size_t& at = place[bucket];
    if (at == 0 || out[at - 1].ids.size() == max_keys_at_once) {
      out.push_back({.bucket = bucket});
      at = out.size();
    }
    return out[at - 1];
  };
  if (viewer != 0) part(SharedKey::bucket_of(viewer));
  for (std::size_t i = 0; i < posts.size(); ++i) {
    const SharedKey key = SharedKey::of_post(posts[i]);
    if (owed_.owes(key)) continue;
    Looked& to = part(key.bucket);
    to.ids.push_back(posts[i]);
    to.at.push_back(i);
  }
  return out;
}

void RedisPostCache::add_times(Command& command, Lease lease) const {
  command.add(lease_text(lease)).add_number(options_.life.count());
  command.add_number(options_.lease.count()).add_number(options_.grace.count());
}

Command RedisPostCache::look_command(const Looked& looked, Lease lease) const {
  Command command = script(look_posts_, looked.bucket, looked.ids.size());
  for (const Id id : looked.ids) command.add_key(name(SharedKey::of_post(id)));
  add_times(command, lease);
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

Command RedisPostCache::read_command(const Looked& looked) const {
  Command command = Command::read("MGET").key(name(SharedKey::of_era(looked.bucket))).with_reign();
  for (const Id id : looked.ids) command.add_key(name(SharedKey::of_post(id)));
  return command;
}

Command RedisPostCache::read_viewer_command(Id viewer, std::span<const Id> posts) const {
  Command command = Command::read("HMGET").key(name(SharedKey::of_viewer(viewer))).with_reign();
  for (const char* field : {"s", "n", "b", "m"}) command.add(field);
  for (const Id id : posts) command.add_number(id);
  return command;
}

Task<PostCacheStore::Page> RedisPostCache::look(Deadline deadline, Id viewer,
                                                std::span<const Id> posts) {
  Page page;
  page.posts.resize(posts.size());
  page.leases.resize(posts.size());
  const bool asks_viewer = viewer != 0 && !owed_.owes(SharedKey::of_viewer(viewer));
  Asked asked{.viewer = asks_viewer ? viewer : 0, .posts = posts};
  asked.parts = grouped(posts, asked.viewer);
  std::size_t count = 0;
  for (const Looked& part : asked.parts) count += part.ids.size();
  bool complete = count == posts.size() && asks_viewer == (viewer != 0);
  const Deadline soon(std::min(deadline.at(), Steady::now() + options_.patience));
  if (!co_await read(soon, asked, page)) complete = false;
  if (!co_await look_again(soon, asked, page)) complete = false;
  if (!complete) metrics_->bypassed.Increment();
  metrics_->count(page, viewer != 0);
  co_return page;
}

/// What is there, and needs no lease. Leaves in `asked` what a script must be asked for. Whether
/// everybody answered.
Task<bool> RedisPostCache::read(Deadline deadline, Asked& asked, Page& page) {
  const std::vector<Looked> parts = std::exchange(asked.parts, {});
  if (parts.empty()) co_return true;
  std::vector<Command> commands;
  commands.reserve(parts.size() + 1);
  for (const Looked& part : parts) commands.push_back(read_command(part));
  if (asked.viewer != 0) commands.push_back(read_viewer_command(asked.viewer, asked.posts));
  const redis::Results results = co_await client_.execute_all(std::move(commands), deadline);
  std::string_view viewers_stamp;  // the viewer's bucket is the first
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!results[i]) continue;
    const Value& answer = results[i]->items[0];
    const std::string_view stamp =
        open_stamp(parts[i].bucket, answer.items.at(0), results[i]->items[1].text);
    if (i == 0) viewers_stamp = stamp;
    Looked missing = take_read(parts[i], stamp, answer, page);
    if (stamp.empty() || !missing.ids.empty()) asked.parts.push_back(std::move(missing));
  }
  if (asked.viewer != 0) {
    const Result<Value>& found = results.back();
    // The two were read one after the other: both of one reign.
    const bool one_reign =
        found && results.front() && found->items[1].text == results.front()->items[1].text;
    const bool known =
        one_reign && take_viewer_read(viewers_stamp, asked.posts, found->items[0], page);
    if (known || !found || !results.front()) asked.viewer = 0;
  }
  co_return std::ranges::all_of(results, [](const auto& result) { return result.has_value(); });
}

/// By scripts, which make what is missing. Whether everybody answered.
Task<bool> RedisPostCache::look_again(Deadline deadline, const Asked& asked, Page& page) {
  if (asked.parts.empty() && asked.viewer == 0) co_return true;
  // Each script has a number of its own: one that makes an era or a marker must never bring back
  // one that was deleted.
  Lease next = new_lease();
  std::vector<Command> commands;
  commands.reserve(asked.parts.size() + 1);
  for (const Looked& part : asked.parts) commands.push_back(look_command(part, next++));
  if (asked.viewer != 0) commands.push_back(viewer_command(asked.viewer, asked.posts, next));
  const redis::Results results = co_await client_.execute_all(std::move(commands), deadline);
  for (std::size_t i = 0; i < asked.parts.size(); ++i) {
    if (results[i]) take_posts(asked.parts[i], *results[i], page);
  }
  if (asked.viewer != 0 && results.back()) take_viewer(asked.posts, *results.back(), page);
  co_return std::ranges::all_of(results, [](const auto& result) { return result.has_value(); });
}

/// Empty: not to be taken for open.
std::string_view RedisPostCache::open_stamp(std::size_t bucket, const Value& era,
                                            std::string_view reign) const {
  const std::string_view text = era.text;
  const OpenEra& open = open_[bucket];
  if (reign.empty() || !text.starts_with(reign) ||
      Steady::now().time_since_epoch().count() >= open.until.load(std::memory_order_relaxed))
    return {};
  const std::string_view stamp = text.substr(reign.size());
  return parse_lease(stamp) == open.stamp.load(std::memory_order_relaxed) ? stamp
                                                                          : std::string_view();
}

/// What is not there.
RedisPostCache::Looked RedisPostCache::take_read(Looked looked, std::string_view stamp,
                                                 const Value& answer, Page& page) const {
  if (stamp.empty() || answer.items.size() != 1 + looked.ids.size()) return looked;
  Looked missing{.bucket = looked.bucket};
  for (std::size_t i = 0; i < looked.ids.size(); ++i) {
    std::string_view text = answer.items[1 + i].text;
    if (text.starts_with(stamp))
      text.remove_prefix(stamp.size());
    else
      text = {};
    if (text.starts_with('=')) {
      page.posts[looked.at[i]] = decode_post(looked.ids[i], text.substr(1));
    } else {
      missing.ids.push_back(looked.ids[i]);
      missing.at.push_back(looked.at[i]);
    }
  }
  return missing;
}

void RedisPostCache::take_posts(const Looked& looked, const Value& answer, Page& page) {
  if (answer.items.size() != looked.ids.size() + 1) return;
  if (const auto stamp = parse_lease(answer.items.back().text)) {
    OpenEra& open = open_[looked.bucket];
    open.stamp.store(*stamp, std::memory_order_relaxed);
    // The scripts keep an era that is in use from ending.
    const auto until = Steady::now() + options_.life / 2;
    open.until.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  }
  for (std::size_t i = 0; i < looked.ids.size(); ++i) {
    const std::string_view text = answer.items[i].text;
    const std::size_t at = looked.at[i];
    if (text.starts_with('=')) page.posts[at] = decode_post(looked.ids[i], text.substr(1));
    if (text.starts_with('?')) page.leases[at] = parse_lease(text.substr(1));
  }
}

namespace {

std::shared_ptr<CachedViewer> decode_viewer(std::string_view blocked, std::string_view muted) {
  auto viewer = std::make_shared<CachedViewer>();
  viewer->blocked = decode_ids(blocked);
  viewer->muted = decode_ids(muted);
  return viewer;
}

}  // namespace

/// False: of no era, or of another.
bool RedisPostCache::take_viewer_read(std::string_view stamp, std::span<const Id> posts,
                                      const Value& answer, Page& page) {
  const std::vector<Value>& found = answer.items;
  if (stamp.empty() || found.size() != 4 + posts.size() || found[0].text != stamp) return false;
  page.viewer_lease = parse_lease(found[1].text);
  if (found[2].is_nil()) return true;  // another is about to put it
  auto viewer = decode_viewer(found[2].text, found[3].text);
  for (std::size_t i = 0; i < posts.size(); ++i) {
    const std::string& known = found[4 + i].text;
    if (!known.empty()) viewer->likes.emplace(posts[i], known == "1");
  }
  page.viewer = std::move(viewer);
  return true;
}

void RedisPostCache::take_viewer(std::span<const Id> posts, const Value& answer, Page& page) {
  if (answer.items.empty()) return;
  page.viewer_lease = parse_lease(answer.items[0].text);
  if (answer.items.size() != 4 || answer.items[3].text.size() != posts.size()) return;
  auto viewer = decode_viewer(answer.items[1].text, answer.items[2].text);
  for (std::size_t i = 0; i < posts.size(); ++i) {
    const char known = answer.items[3].text[i];
    if (known != '?') viewer->likes.emplace(posts[i], known == '1');
  }
  page.viewer = std::move(viewer);
}

}  // namespace madang::social
