#include "platform/realtime/relay_redis.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "platform/log/log.hpp"
#include "platform/realtime/relay_message.hpp"
#include "platform/redis/pubsub.hpp"

namespace madang::realtime {

using Steady = std::chrono::steady_clock;
using Kind = RelayMessage::Kind;

namespace {

/// What waits for one channel; beyond it the other nodes look for themselves.
constexpr std::size_t waiting_at_most = 32'768;

std::uint64_t spread(Id account) {
  return static_cast<std::uint64_t>(account) * 0x9E3779B97F4A7C15ULL >> 32U;
}

}  // namespace

class RedisRelay::Core : public std::enable_shared_from_this<Core>,
                         public redis::ShardedPubSub::Listener {
 public:
  Core(RedisRelayOptions options, redis::Client& client, Hub& hub, metrics::Registry& registry)
      : options_(std::move(options)),
        hub_(hub),
        sent_(counter(registry, "sent")),
        heard_(counter(registry, "heard")),
        unread_(counter(registry, "unreadable")),
        missed_(counter(registry, "missed")),
        looks_(registry.counter("madang_relay_looks_total",
                                "Times that all listeners were told to look again")),
        channels_(std::max<std::size_t>(options_.channels, 1)),
        bus_(client, *this) {
    for (std::size_t i = 0; i < channels_.size(); ++i) bus_.subscribe(name_of(i));
  }

  void start() {
    keeper_ = std::jthread([this] { keep(); });
  }
  void close();
  bool listening() { return bus_.settled(); }
  void wake(Id account, Id newest);
  void hint(std::span<const Id> accounts, std::string_view type);

 private:
  struct Channel {
    std::mutex mutex;
    std::map<Id, Id> wakes;  // by account: the newest
    std::map<std::string, std::vector<Id>, std::less<>> hints;
    std::size_t waiting = 0;  // of both
    bool flying = false;
    bool owed = false;  // something was not sent
  };

  static metrics::Counter& counter(metrics::Registry& registry, const char* what) {
    return registry.counter("madang_relay_messages_total", "Messages between nodes",
                            {{"what", what}});
  }
  std::string name_of(std::size_t channel) const {
    return options_.prefix + ":{" + std::to_string(channel) + '}';
  }
  std::size_t channel_of(Id account) const { return spread(account) % channels_.size(); }

  static bool has_room(Channel& channel, std::size_t items);
  static RelayMessage take_message(Channel& channel);
  void flush(std::size_t index);
  void landed(std::size_t index, bool good);

  // ShardedPubSub::Listener, on the client's thread
  void on_message(std::string_view channel, std::string_view bytes) override;
  void on_gap() override { look_again(); }

  void look_again();
  void keep();
  void tell_all();

  const RedisRelayOptions options_;
  Hub& hub_;
  metrics::Counter& sent_;
  metrics::Counter& heard_;
  metrics::Counter& unread_;
  metrics::Counter& missed_;
  metrics::Counter& looks_;
  std::deque<Channel> channels_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool look_ = false;
  bool closed_ = false;
  redis::ShardedPubSub bus_;
  std::jthread keeper_;
};

void RedisRelay::Core::close() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
  }
  wake_.notify_all();
  if (keeper_.joinable()) keeper_.join();
  bus_.close();
}

/// Under the channel's lock. What does not fit is owed.
bool RedisRelay::Core::has_room(Channel& channel, std::size_t items) {
  if (!channel.owed && channel.waiting + items <= waiting_at_most) return true;
  channel.owed = true;
  return false;
}

void RedisRelay::Core::wake(Id account, Id newest) {
  const std::size_t index = channel_of(account);
  Channel& channel = channels_[index];
  {
    const std::lock_guard lock(channel.mutex);
    if (!has_room(channel, 1)) return;
    const auto [at, fresh] = channel.wakes.try_emplace(account, newest);
    if (fresh) ++channel.waiting;
    at->second = std::max(at->second, newest);
  }
  flush(index);
}

void RedisRelay::Core::hint(std::span<const Id> accounts, std::string_view type) {
  std::vector<std::vector<Id>> shares(channels_.size());
  for (const Id account : accounts) shares[channel_of(account)].push_back(account);
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].empty()) continue;
    Channel& channel = channels_[i];
    {
      const std::lock_guard lock(channel.mutex);
      if (!has_room(channel, shares[i].size())) continue;
      auto& waiting = channel.hints[std::string(type)];
      waiting.insert(waiting.end(), shares[i].begin(), shares[i].end());
      channel.waiting += shares[i].size();
    }
    flush(i);
  }
}

/// Under the channel's lock.
RelayMessage RedisRelay::Core::take_message(Channel& channel) {
  RelayMessage message;
  if (channel.owed) {  // whoever looks for themselves needs nothing of what waits
    channel.wakes.clear();
    channel.hints.clear();
    channel.waiting = 0;
    channel.owed = false;
    return message;
  }
  if (!channel.wakes.empty()) {
    message.kind = Kind::wakes;
    while (!channel.wakes.empty() && message.wakes.size() < RelayMessage::max_items) {
      const auto first = channel.wakes.begin();
      message.wakes.push_back({.account = first->first, .newest = first->second});
      channel.wakes.erase(first);
    }
    channel.waiting -= message.wakes.size();
    return message;
  }
  message.kind = Kind::hints;
  const auto first = channel.hints.begin();
  std::vector<Id>& waiting = first->second;
  const std::size_t count = std::min(waiting.size(), RelayMessage::max_items);
  message.type = first->first;
  message.accounts.assign(waiting.end() - static_cast<std::ptrdiff_t>(count), waiting.end());
  waiting.resize(waiting.size() - count);
  if (waiting.empty()) channel.hints.erase(first);
  channel.waiting -= count;
  return message;
}

/// Sends what waits for the channel, unless something of it is on its way already.
void RedisRelay::Core::flush(std::size_t index) {
  Channel& channel = channels_[index];
  RelayMessage message;
  {
    const std::lock_guard lock(channel.mutex);
    if (channel.flying || (channel.waiting == 0 && !channel.owed)) return;
    message = take_message(channel);
    channel.flying = true;
  }
  message.origin = options_.node;
  bus_.publish(name_of(index), encode(message), Deadline::after(options_.patience),
               [core = shared_from_this(), index](bool good) { core->landed(index, good); });
}

void RedisRelay::Core::landed(std::size_t index, bool good) {
  Channel& channel = channels_[index];
  {
    const std::lock_guard lock(channel.mutex);
    channel.flying = false;
    if (!good) channel.owed = true;
  }
  (good ? sent_ : missed_).Increment();
  // What failed waits for keep(): Redis away is not asked in a circle.
  if (good) flush(index);
}

void RedisRelay::Core::on_message(std::string_view /*channel*/, std::string_view bytes) {
  const auto message = decode_relay_message(bytes);
  if (!message) return unread_.Increment();
  if (message->origin == options_.node) return;
  heard_.Increment();
  switch (message->kind) {
    case Kind::wakes:
      for (const auto& [account, newest] : message->wakes) {
        hub_.wake(account, newest, Reach::here);
      }
      return;
    case Kind::hints:
      return hub_.hint(message->accounts, message->type, Reach::here);
    case Kind::missed:
      return look_again();
  }
}

void RedisRelay::Core::look_again() {
  const std::lock_guard lock(mutex_);
  look_ = true;
  wake_.notify_all();
}

/// What needs time: makes good what was not sent, and tells all listeners to look again.
void RedisRelay::Core::keep() {
  auto told = Steady::time_point{};
  std::unique_lock lock(mutex_);
  while (!closed_) {
    wake_.wait_for(lock, options_.again_after, [this] { return closed_ || look_; });
    if (closed_) return;
    const bool look = look_;
    lock.unlock();
    for (std::size_t i = 0; i < channels_.size(); ++i) flush(i);
    lock.lock();
    if (!look) continue;
    wake_.wait_until(lock, told + options_.look_interval, [this] { return closed_; });
    if (closed_) return;
    look_ = false;
    lock.unlock();
    tell_all();
    told = Steady::now();
    lock.lock();
  }
}

void RedisRelay::Core::tell_all() {
  looks_.Increment();
  const std::vector<Id> accounts = hub_.accounts();
  for (std::size_t at = 0; at < accounts.size(); at += options_.slice) {
    const std::size_t count = std::min(options_.slice, accounts.size() - at);
    hub_.look_again(std::span(accounts).subspan(at, count), options_.gap_hints);
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, options_.slice_pause, [this] { return closed_; })) return;
  }
}

RedisRelay::RedisRelay(RedisRelayOptions options, redis::Client& client, Hub& hub,
                       metrics::Registry& registry)
    : core_(std::make_shared<Core>(std::move(options), client, hub, registry)) {
  core_->start();
}

RedisRelay::~RedisRelay() {
  close();
}

void RedisRelay::wake(Id account, Id newest) {
  core_->wake(account, newest);
}

void RedisRelay::hint(std::span<const Id> accounts, std::string_view type) {
  core_->hint(accounts, type);
}

bool RedisRelay::listening() {
  return core_->listening();
}

void RedisRelay::close() {
  core_->close();
}

}  // namespace madang::realtime
