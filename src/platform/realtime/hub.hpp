// Who listens, by account, and what is sent to them. Publishing never blocks on a reader: it puts
// the message into each listener's mailbox and wakes it.
//
//   hub.wake(account, id);                 // a stored message is in SQL: read it there
//   hub.publish(account, Stored{...});     // the same, and here it is already
//   hub.hint(followers, "feed.new");
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/realtime/mailbox.hpp"
#include "platform/realtime/relay.hpp"

namespace madang::realtime {

struct HubOptions {
  std::size_t per_account = 10;  // listeners of one account; beyond: `too_many_streams` (429)
  std::size_t total = 10'000;    // listeners; beyond: `too_many_streams` (503)
  MailboxLimits mailbox{};
};

class Hub;

/// A place among the listeners; gives it back when destroyed. Not to outlive the hub.
class Subscription {
 public:
  Subscription(Subscription&& other) noexcept;
  Subscription& operator=(Subscription&&) = delete;
  ~Subscription();
  Mailbox& mailbox() const { return *mailbox_; }

 private:
  friend class Hub;
  Subscription(Hub& hub, Id account, std::shared_ptr<Mailbox> mailbox)
      : hub_(&hub), account_(account), mailbox_(std::move(mailbox)) {}

  Hub* hub_;
  Id account_;
  std::shared_ptr<Mailbox> mailbox_;
};

/// Thread-safe. No lock is held while a listener is woken.
class Hub {
 public:
  Hub(HubOptions options, metrics::Registry& registry);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// From here on, everything published for `account` reaches the mailbox. Subscribe first, read
  /// SQL after: then nothing falls between. Errors: too_many_streams, shutting_down.
  Result<Subscription> subscribe(Id account, std::shared_ptr<Signal> signal);

  /// Through which listeners of other nodes are reached; null: this is the only node. Not while
  /// anything is published. The relay outlives that.
  void relay_through(Relay* relay) { relay_.store(relay); }

  // All of these after the commit of what they tell of.

  /// Other nodes are woken and read it.
  void publish(Id account, Stored message);
  /// To listeners of this node alone.
  void publish(Id account, const Snapshot& snapshot);
  /// Stored messages of the account up to `newest` can be read.
  void wake(Id account, Id newest, Reach reach = Reach::everywhere);
  /// The same whatever is there to be read, and a hint of each type: some may have been missed.
  /// Here.
  void look_again(std::span<const Id> accounts, std::span<const std::string> hint_types);
  void hint(Id account, std::string_view type, Reach reach = Reach::everywhere);
  /// The same for many: with few of them listening it costs a few nanoseconds an account.
  void hint(std::span<const Id> accounts, std::string_view type, Reach reach = Reach::everywhere);

  /// Whether anybody listens for the account. Mostly answered without a lock.
  bool connected(Id account) const;
  /// Everybody who listens now.
  std::vector<Id> accounts() const;
  std::size_t listeners() const { return total_.load(std::memory_order_relaxed); }
  /// Sends everybody away and refuses newcomers: the server stops.
  void close_all();

 private:
  friend class Subscription;
  using Mailboxes = std::vector<std::shared_ptr<Mailbox>>;
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<Id, Mailboxes> accounts;
  };
  static constexpr std::size_t shard_count = 32;
  static constexpr std::size_t slots = 16 * 1024;

  static std::size_t mix(Id account);
  Shard& shard_of(Id account) const { return shards_[mix(account) % shard_count]; }
  bool maybe_connected(Id account) const;
  Mailboxes mailboxes_of(Id account) const;
  std::optional<Problem> refusal(std::size_t of_account);
  void unsubscribe(Id account, const Mailbox* mailbox);

  const HubOptions options_;
  metrics::Gauge& streams_;
  metrics::Counter& stored_;
  metrics::Counter& snapshots_;
  metrics::Counter& hints_;
  metrics::Counter& overflows_;
  metrics::Counter& refused_;
  std::atomic<std::size_t> total_{0};
  std::atomic<bool> closed_{false};
  std::atomic<Relay*> relay_{nullptr};
  mutable std::array<Shard, shard_count> shards_;
  // How many listeners hash to each slot: an account whose slot is empty is not there, which is
  // nearly always the case when 10,000 followers are hinted at and a few of them listen.
  std::array<std::atomic<std::uint32_t>, slots> presence_{};
};

}  // namespace madang::realtime
