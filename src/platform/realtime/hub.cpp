#include "platform/realtime/hub.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace madang::realtime {

namespace {

metrics::Counter& published(metrics::Registry& registry, const char* kind) {
  return registry.counter("madang_realtime_published_total", "Messages put into mailboxes",
                          {{"class", kind}});
}

}  // namespace

Subscription::Subscription(Subscription&& other) noexcept
    : hub_(std::exchange(other.hub_, nullptr)),
      account_(other.account_),
      mailbox_(std::move(other.mailbox_)) {}

Subscription::~Subscription() {
  if (hub_ != nullptr) hub_->unsubscribe(account_, mailbox_.get());
}

Hub::Hub(HubOptions options, metrics::Registry& registry)
    : options_(options),
      streams_(registry.gauge("madang_realtime_listeners", "Listeners connected")),
      stored_(published(registry, "stored")),
      snapshots_(published(registry, "snapshot")),
      hints_(published(registry, "hint")),
      overflows_(registry.counter("madang_realtime_overflows_total",
                                  "Mailboxes that filled faster than they were read")),
      refused_(registry.counter("madang_realtime_refused_total", "Listeners refused: too many")) {}

Hub::~Hub() = default;

/// Ids share their low bits (node, sequence) and their high ones (time): spread them.
std::size_t Hub::mix(Id account) {
  auto bits = static_cast<std::uint64_t>(account) * 0x9E3779B97F4A7C15ULL;
  return static_cast<std::size_t>(bits >> 32U);
}

bool Hub::maybe_connected(Id account) const {
  return presence_[mix(account) / shard_count % slots].load(std::memory_order_seq_cst) != 0;
}

/// Takes a place in the total, or says why not. Under the account's lock, so that close_all()
/// either sees the listener or is seen here.
std::optional<Problem> Hub::refusal(std::size_t of_account) {
  if (closed_.load()) return busy("shutting_down", "The server is stopping.").error();
  Problem problem{.kind = Kind::too_many,
                  .code = "too_many_streams",
                  .detail = "This account has as many event streams open as it may.",
                  .retry_after = std::chrono::seconds(30)};
  if (of_account < options_.per_account) {
    if (total_.fetch_add(1) < options_.total) return {};
    total_.fetch_sub(1);
    problem.kind = Kind::unavailable;
    problem.detail = "The server holds as many event streams as it can.";
  }
  refused_.Increment();
  return problem;
}

Result<Subscription> Hub::subscribe(Id account, std::shared_ptr<Signal> signal) {
  auto mailbox = std::make_shared<Mailbox>(std::move(signal), options_.mailbox);
  Shard& shard = shard_of(account);
  {
    const std::lock_guard lock(shard.mutex);
    Mailboxes& mine = shard.accounts[account];
    mine.reserve(mine.size() + 1);
    if (auto refused = refusal(mine.size())) {
      if (mine.empty()) shard.accounts.erase(account);
      return std::unexpected(std::move(*refused));
    }
    mine.push_back(mailbox);
    presence_[mix(account) / shard_count % slots].fetch_add(1, std::memory_order_seq_cst);
  }
  streams_.Increment();
  return Subscription(*this, account, std::move(mailbox));
}

void Hub::unsubscribe(Id account, const Mailbox* mailbox) {
  std::shared_ptr<Mailbox> last;  // destroyed after the lock
  {
    Shard& shard = shard_of(account);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.accounts.find(account);
    const auto place = std::ranges::find(found->second, mailbox, &std::shared_ptr<Mailbox>::get);
    last = std::move(*place);
    found->second.erase(place);
    if (found->second.empty()) shard.accounts.erase(found);
    presence_[mix(account) / shard_count % slots].fetch_sub(1, std::memory_order_seq_cst);
  }
  total_.fetch_sub(1);
  streams_.Decrement();
}

Hub::Mailboxes Hub::mailboxes_of(Id account) const {
  if (!maybe_connected(account)) return {};
  const Shard& shard = shard_of(account);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.accounts.find(account);
  return found == shard.accounts.end() ? Mailboxes() : found->second;
}

void Hub::publish(Id account, Stored message) {
  if (Relay* relay = relay_.load()) relay->wake(account, message.id);
  const Mailboxes mailboxes = mailboxes_of(account);
  if (mailboxes.empty()) return;
  const auto shared = std::make_shared<const Stored>(std::move(message));
  for (const auto& mailbox : mailboxes)
    if (!mailbox->push(shared)) overflows_.Increment();
  stored_.Increment(static_cast<double>(mailboxes.size()));
}

void Hub::publish(Id account, const Snapshot& snapshot) {
  const Mailboxes mailboxes = mailboxes_of(account);
  for (const auto& mailbox : mailboxes)
    if (!mailbox->push(snapshot)) overflows_.Increment();
  if (!mailboxes.empty()) snapshots_.Increment(static_cast<double>(mailboxes.size()));
}

void Hub::look_again(std::span<const Id> accounts, std::span<const std::string> hint_types) {
  for (const Id account : accounts) wake(account, std::numeric_limits<Id>::max(), Reach::here);
  for (const std::string& type : hint_types) hint(accounts, type, Reach::here);
}

void Hub::wake(Id account, Id newest, Reach reach) {
  Relay* relay = reach == Reach::everywhere ? relay_.load() : nullptr;
  if (relay != nullptr) relay->wake(account, newest);
  const Mailboxes mailboxes = mailboxes_of(account);
  for (const auto& mailbox : mailboxes) mailbox->push_newest(newest);
  if (!mailboxes.empty()) stored_.Increment(static_cast<double>(mailboxes.size()));
}

void Hub::hint(Id account, std::string_view type, Reach reach) {
  hint(std::span(&account, 1), type, reach);
}

void Hub::hint(std::span<const Id> accounts, std::string_view type, Reach reach) {
  Relay* relay = reach == Reach::everywhere ? relay_.load() : nullptr;
  if (relay != nullptr) relay->hint(accounts, type);
  if (total_.load(std::memory_order_seq_cst) == 0) return;
  std::size_t sent = 0;
  for (const Id account : accounts) {
    if (!maybe_connected(account)) continue;
    for (const auto& mailbox : mailboxes_of(account)) {
      if (!mailbox->push_hint(type)) overflows_.Increment();
      ++sent;
    }
  }
  if (sent > 0) hints_.Increment(static_cast<double>(sent));
}

bool Hub::connected(Id account) const {
  return !mailboxes_of(account).empty();
}

void Hub::close_all() {
  closed_.store(true);
  for (Shard& shard : shards_) {
    Mailboxes all;
    {
      const std::lock_guard lock(shard.mutex);
      for (const auto& [account, mailboxes] : shard.accounts)
        all.insert(all.end(), mailboxes.begin(), mailboxes.end());
    }
    for (const auto& mailbox : all) mailbox->close(Closed::shutting_down);
  }
}

std::vector<Id> Hub::accounts() const {
  std::vector<Id> out;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [account, mailboxes] : shard.accounts) out.push_back(account);
  }
  return out;
}

}  // namespace madang::realtime
