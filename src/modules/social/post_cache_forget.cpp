// How the shared cache of posts forgets.
#include <pthread.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <limits>
#include <utility>

#include "modules/social/post_cache_metrics.hpp"
#include "modules/social/post_cache_redis.hpp"
#include "modules/social/storage.hpp"
#include "platform/log/log.hpp"

namespace madang::social {

namespace {

constexpr std::size_t keys_of_one_command = 256;
constexpr std::size_t pay_at_once = 4'096;
constexpr std::int64_t listed_at_once = 1'000;
constexpr std::chrono::milliseconds first_pause{20};

}  // namespace

/// To delete keys: again and again until it is done or it has been tried for long enough.
struct RedisPostCache::Attempt {
  Keys left{};  // sorted
  Steady::time_point until = Steady::time_point::min();
  std::chrono::milliseconds pause = first_pause;

  /// Whether to try again after a pause.
  bool goes_on(Steady::time_point now) const { return !left.empty() && now + pause < until; }
};

RedisPostCache::Keys RedisPostCache::keys_of(const Forgotten& what) {
  Keys keys;
  for (const Id post : what.posts) keys.push_back(SharedKey::of_post(post));
  for (const Id viewer : what.viewers) keys.push_back(SharedKey::of_viewer(viewer));
  return keys;
}

RedisPostCache::Keys RedisPostCache::everything() {
  Keys keys;
  for (std::size_t i = 0; i < SharedKey::buckets; ++i) keys.push_back(SharedKey::of_era(i));
  return keys;
}

/// Appends some more, below the last; false: that was all, or more than are to be listed.
bool RedisPostCache::list_some(db::Transaction& tx, Id author, Keys& keys) const {
  const Id below = keys.empty() ? std::numeric_limits<Id>::max() : keys.back().id;
  const std::vector<Id> posts = posts_of(tx, author, below, listed_at_once);
  for (const Id post : posts) keys.push_back(SharedKey::of_post(post));
  return posts.size() == listed_at_once && keys.size() <= options_.max_listed;
}

/// Or everything, when they are too many or cannot be listed. What the author writes meanwhile
/// needs not be there: whoever loads it sees the change too.
Task<RedisPostCache::Keys> RedisPostCache::posts_of_author(Id author) {
  Keys keys;
  bool more = true;
  const Deadline deadline = Deadline::after(2 * options_.forget_within);
  while (more) {
    Keys some;
    const auto body = [&](db::Transaction& tx) -> Result<bool> {
      some = keys;
      return list_some(tx, author, some);
    };
    try {
      Result<bool> listed = co_await db_.read_latest(deadline, body);
      if (!listed) co_return everything();
      more = *listed;
    } catch (const db::SqlError&) {
      co_return everything();
    }
    keys = std::move(some);
  }
  if (keys.size() > options_.max_listed) co_return everything();
  co_return keys;
}

RedisPostCache::Keys RedisPostCache::posts_of_author_blocking(Id author) {
  Keys keys;
  const auto body = [&](db::Transaction& tx) -> Result<void> {
    keys.clear();
    while (list_some(tx, author, keys)) {
    }
    return {};
  };
  try {
    if (!db_.read_blocking(body) || keys.size() > options_.max_listed) return everything();
  } catch (const db::SqlError&) {
    return everything();
  }
  return keys;
}

/// Of sorted keys: those of one bucket go together.
std::vector<redis::Command> RedisPostCache::deletions(const Keys& keys) const {
  std::vector<redis::Command> commands;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i == 0 || keys[i].bucket != keys[i - 1].bucket || taken == keys_of_one_command) {
      commands.push_back(redis::Command::write("DEL"));
      taken = 0;
    }
    commands.back().add_key(name(keys[i]));
    ++taken;
  }
  return commands;
}

/// Keeps what has not been deleted, and says how long that is to be tried.
void RedisPostCache::settle(Attempt& attempt, const redis::Results& results) {
  const auto now = Steady::now();
  Keys left;
  std::size_t command = 0;
  std::size_t taken = 0;
  attempt.until = Steady::time_point::min();
  for (std::size_t i = 0; i < attempt.left.size(); ++i) {
    const SharedKey& key = attempt.left[i];
    const bool same = i > 0 && key.bucket == attempt.left[i - 1].bucket;
    if (i > 0 && (!same || taken == keys_of_one_command)) {
      ++command;
      taken = 0;
    }
    ++taken;
    const redis::Results::value_type& result = results[command];
    if (result) {
      if (!same) trouble_.clear(key.bucket);
      continue;
    }
    left.push_back(key);
    // An answer that time does not change: the client was closed.
    if (result.error().code == "redis_closed") continue;
    if (!same || attempt.until == Steady::time_point::min())
      attempt.until =
          std::max(attempt.until, trouble_.note(key.bucket, now) + options_.forget_within);
  }
  attempt.left = std::move(left);
}

Task<> RedisPostCache::forget(Forgotten what) {
  Attempt attempt{.left = keys_of(what)};
  if (what.author != 0) {
    const Keys more = co_await posts_of_author(what.author);
    attempt.left.insert(attempt.left.end(), more.begin(), more.end());
  }
  std::ranges::sort(attempt.left);
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (!attempt.left.empty()) {
    std::vector<redis::Command> commands = deletions(attempt.left);
    const Deadline deadline = Deadline::after(options_.forget_attempt);
    const redis::Results results = co_await client_.execute_all(std::move(commands), deadline);
    settle(attempt, results);
    if (!attempt.goes_on(Steady::now())) break;
    timer.expires_after(attempt.pause);
    co_await timer.async_wait(in_tuple);
    attempt.pause *= 2;
  }
  owe(attempt.left);
}

void RedisPostCache::forget_blocking(const Forgotten& what) {
  Attempt attempt{.left = keys_of(what)};
  if (what.author != 0) {
    const Keys more = posts_of_author_blocking(what.author);
    attempt.left.insert(attempt.left.end(), more.begin(), more.end());
  }
  std::ranges::sort(attempt.left);
  while (!attempt.left.empty()) {
    settle(attempt, client_.execute_all_blocking(deletions(attempt.left),
                                                 Deadline::after(options_.forget_attempt)));
    if (!attempt.goes_on(Steady::now())) break;
    std::this_thread::sleep_for(attempt.pause);
    attempt.pause *= 2;
  }
  owe(attempt.left);
}

void RedisPostCache::owe(const Keys& keys) {
  if (keys.empty()) return;
  if (!owed_.any()) log::warn("cache", "keys_owed", {{"cache", "posts"}, {"keys", keys.size()}});
  metrics_->late.Increment(static_cast<double>(keys.size()));
  owed_.add(keys, Steady::now());
  metrics_->owed.Set(static_cast<double>(owed_.size()));
  {
    const std::lock_guard lock(mutex_);
  }
  wake_.notify_one();
}

/// On a thread of its own.
void RedisPostCache::pay(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "post-cache");
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, stop, [this] { return owed_.any(); });
    if (stop.stop_requested()) return;  // what is owed then ends with its life
    lock.unlock();
    pay_some();
    lock.lock();
    wake_.wait_for(lock, stop, options_.pay_interval, [] { return false; });
  }
}

void RedisPostCache::pay_some() {
  const std::vector<OwedKeys::Owed> owed = owed_.some(pay_at_once, Steady::now());
  Attempt attempt;
  for (const OwedKeys::Owed& one : owed) attempt.left.push_back(one.key);
  if (!attempt.left.empty()) {
    settle(attempt, client_.execute_all_blocking(deletions(attempt.left),
                                                 Deadline::after(options_.forget_attempt)));
  }
  for (const OwedKeys::Owed& one : owed) {
    if (!std::ranges::binary_search(attempt.left, one.key)) owed_.paid(one);
  }
  metrics_->owed.Set(static_cast<double>(owed_.size()));
}

}  // namespace madang::social
