#include "platform/redis/pubsub.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <utility>

#include "platform/log/log.hpp"
#include "platform/redis/client_thread.hpp"

namespace madang::redis {

namespace {

constexpr std::chrono::milliseconds confirm_within{2'000};

ConnectionOptions for_listening(ConnectionOptions options) {
  options.ping_interval = std::chrono::milliseconds(1'000);
  return options;
}

}  // namespace

/// Lives on the client's thread, but for its makers.
class ShardedPubSub::Core : public std::enable_shared_from_this<Core>, public Connection::Owner {
 public:
  Core(Client::Thread& thread, Listener& listener)
      : thread_(thread),
        listener_(listener),
        timer_(thread.executor()),
        received_(counter("received")),
        published_(counter("published")),
        failed_(counter("not_published")),
        gaps_(thread.registry().counter("madang_redis_pubsub_gaps_total",
                                        "Times that messages may have been missed")),
        unsettled_(thread.registry().gauge("madang_redis_pubsub_unsettled",
                                           "Channels that are not subscribed to as they should")) {}

  void start() {
    asio::post(thread_.executor(), [self = shared_from_this()] {
      self->thread_.tasks().spawn(self->thread_.executor(), "redis_pubsub", keep(self));
    });
  }
  void add(std::string name);
  void remove(const std::string& name);
  bool settled() const {
    return std::ranges::all_of(
        channels_, [](const auto& c) { return c.second.at != nullptr && c.second.confirmed; });
  }
  void close();

  Client::Thread& thread() { return thread_; }
  void count_published(bool good) { (good ? published_ : failed_).Increment(); }

 private:
  struct Channel {
    std::uint32_t id = 0;
    std::uint16_t slot = 0;
    Connection* at = nullptr;  // where it was asked for
    bool confirmed = false;
  };
  // What a command of ours is about is in its index: the channel, and whether it begins or ends.
  static std::uint32_t begins(std::uint32_t id) { return id * 2; }
  static std::uint32_t ends(std::uint32_t id) { return id * 2 + 1; }

  metrics::Counter& counter(const char* kind) {
    return thread_.registry().counter("madang_redis_pubsub_messages_total",
                                      "Messages of sharded channels", {{"kind", kind}});
  }

  static Task<> keep(std::shared_ptr<Core> self);
  bool settle_channels();
  bool settle(const std::string& name, Channel& channel);
  void drop_idle();
  Connection& connection_to(const Address& address);
  bool send(Connection& connection, const char* word, const std::string& name, std::uint32_t tag);
  void lose(Connection& connection);
  void wake() { timer_.cancel(); }

  bool on_message(Connection& connection, const Value& push);
  bool on_subscribed(Connection& connection, const std::string& name);
  bool on_unsubscribed(Connection& connection, const std::string& name);

  // Connection::Owner
  void on_answer(Connection& connection, Call&& call, Value&& value) override;
  void on_failure(Connection& connection, Call&& call, Connection::Failure failure) override;
  bool on_push(Connection& connection, Value value) override;
  void on_state(Connection& connection, Connection::State state, std::string_view why) override;
  void on_heard(Connection& connection) override;

  Client::Thread& thread_;
  Listener& listener_;
  asio::steady_timer timer_;
  metrics::Counter& received_;
  metrics::Counter& published_;
  metrics::Counter& failed_;
  metrics::Counter& gaps_;
  metrics::Gauge& unsettled_;
  std::map<std::string, Channel, std::less<>> channels_;
  std::map<std::string, std::shared_ptr<Connection>> connections_;  // by address
  std::uint32_t next_id_ = 1;
  bool gap_ = false;  // to be told
  bool closed_ = false;
};

void ShardedPubSub::Core::add(std::string name) {
  if (closed_ || channels_.contains(name)) return;
  if (channels_.size() >= max_channels) {
    return log::error("redis", "too_many_channels", {{"channel", name}});
  }
  const std::uint16_t slot = slot_of(name);
  channels_.emplace(std::move(name), Channel{.id = next_id_++, .slot = slot});
  wake();
}

void ShardedPubSub::Core::remove(const std::string& name) {
  const auto found = channels_.find(name);
  if (found == channels_.end()) return;
  if (found->second.at != nullptr) {
    send(*found->second.at, "SUNSUBSCRIBE", name, ends(found->second.id));
  }
  channels_.erase(found);
}

void ShardedPubSub::Core::close() {
  closed_ = true;
  channels_.clear();
  for (const auto& [address, connection] : connections_) connection->close();
  connections_.clear();
  unsettled_.Set(0);
  wake();
}

/// Sees to it that every channel is subscribed to at the node that has its slot now.
Task<> ShardedPubSub::Core::keep(std::shared_ptr<Core> self) {
  constexpr std::chrono::milliseconds soon{100};
  constexpr std::chrono::milliseconds seldom{1'000};
  while (!self->closed_) {
    const bool settled = self->settle_channels();
    self->drop_idle();
    const auto pause = settled ? seldom : soon;
    const double jitter = 0.5 + resilience::uniform(self->thread_.random());
    self->timer_.expires_after(std::chrono::milliseconds(
        static_cast<std::int64_t>(jitter * static_cast<double>(pause.count()))));
    co_await self->timer_.async_wait(in_tuple);
  }
}

bool ShardedPubSub::Core::settle_channels() {
  std::size_t unsettled = 0;
  for (auto& [name, channel] : channels_) {
    if (!settle(name, channel)) ++unsettled;
  }
  unsettled_.Set(static_cast<double>(unsettled));
  if (unsettled > 0) thread_.cluster().want_map();
  return unsettled == 0;
}

bool ShardedPubSub::Core::settle(const std::string& name, Channel& channel) {
  const Node* master = thread_.cluster().master_of(channel.slot);
  if (channel.at != nullptr) {
    // The slot has another master: what was there is left, so that nothing is heard twice for long.
    if (master == nullptr || channel.at->address() == master->address()) return channel.confirmed;
    send(*channel.at, "SUNSUBSCRIBE", name, ends(channel.id));
    channel.at = nullptr;
  }
  channel.confirmed = false;
  if (master == nullptr) return false;
  Connection& connection = connection_to(master->address());
  if (send(connection, "SSUBSCRIBE", name, begins(channel.id))) channel.at = &connection;
  return false;
}

Connection& ShardedPubSub::Core::connection_to(const Address& address) {
  auto& connection = connections_[address.text()];
  if (!connection) {
    Connection::Owner& owner = *this;
    connection = std::make_shared<Connection>(thread_.executor(), address,
                                              for_listening(thread_.options().connection), owner,
                                              thread_.random(), thread_.tasks());
  }
  return *connection;
}

/// Connections without channels are closed.
void ShardedPubSub::Core::drop_idle() {
  std::erase_if(connections_, [this](const auto& entry) {
    const bool used = std::ranges::any_of(
        channels_, [&](const auto& channel) { return channel.second.at == entry.second.get(); });
    const Node* wanted = nullptr;
    for (const auto& [name, channel] : channels_) {
      const Node* master = thread_.cluster().master_of(channel.slot);
      if (master != nullptr && master->name() == entry.first) wanted = master;
    }
    if (used || wanted != nullptr || entry.second->outstanding() > 0) return false;
    entry.second->close();
    return true;
  });
}

bool ShardedPubSub::Core::send(Connection& connection, const char* word, const std::string& name,
                               std::uint32_t tag) {
  const auto now = Steady::now();
  Call call{Command::read(word).key(name), Deadline(now + confirm_within), now, nullptr, tag};
  return connection.send(call) == Connection::Sent::yes;
}

void ShardedPubSub::Core::lose(Connection& connection) {
  for (auto& [name, channel] : channels_) {
    if (channel.at == &connection) {
      channel.at = nullptr;
      channel.confirmed = false;
    }
  }
  thread_.cluster().want_map();
  wake();
}

void ShardedPubSub::Core::on_answer(Connection& connection, Call&& call, Value&& value) {
  if (!value.is_error()) return;
  // A slot that moved, a cluster in trouble: again, soon, where it is then.
  log::debug("redis", "not_subscribed",
             {{"node", connection.address().text()}, {"why", value.text}});
  thread_.cluster().want_map();
  for (auto& [name, channel] : channels_) {
    if (begins(channel.id) == call.index && channel.at == &connection) channel.at = nullptr;
  }
}

void ShardedPubSub::Core::on_failure(Connection& connection, Call&& call,
                                     Connection::Failure /*failure*/) {
  for (auto& [name, channel] : channels_) {
    if (begins(channel.id) == call.index && channel.at == &connection) channel.at = nullptr;
  }
}

bool ShardedPubSub::Core::on_push(Connection& connection, Value value) {
  if (value.items.size() < 2) return false;
  const std::string& kind = value.items[0].text;
  if (kind == "smessage") return on_message(connection, value);
  if (kind == "ssubscribe") return on_subscribed(connection, value.items[1].text);
  if (kind == "sunsubscribe") return on_unsubscribed(connection, value.items[1].text);
  return false;
}

bool ShardedPubSub::Core::on_message(Connection& /*connection*/, const Value& push) {
  received_.Increment();
  const std::string& name = push.items[1].text;
  if (push.items.size() >= 3 && channels_.contains(name)) {
    listener_.on_message(name, push.items[2].text);
  }
  return false;
}

bool ShardedPubSub::Core::on_subscribed(Connection& connection, const std::string& name) {
  const auto found = channels_.find(name);
  if (found != channels_.end() && found->second.at == &connection) {
    found->second.confirmed = true;
    gap_ = true;
  }
  return true;  // only we ask for it, and it comes in the order of asking
}

/// An answer to ours, or the server's own doing: the slot is no longer its.
bool ShardedPubSub::Core::on_unsubscribed(Connection& connection, const std::string& name) {
  const Call* oldest = connection.oldest();
  const auto found = channels_.find(name);
  const bool asked = oldest != nullptr && !oldest->unheard && oldest->index % 2 == 1 &&
                     oldest->command.slot() == slot_of(name);
  if (found != channels_.end() && found->second.at == &connection && found->second.confirmed) {
    found->second.at = nullptr;
    found->second.confirmed = false;
    thread_.cluster().want_map();
    wake();
  }
  return asked;
}

void ShardedPubSub::Core::on_heard(Connection& /*connection*/) {
  if (!std::exchange(gap_, false)) return;
  gaps_.Increment();
  listener_.on_gap();
}

void ShardedPubSub::Core::on_state(Connection& connection, Connection::State state,
                                   std::string_view why) {
  if (state == Connection::State::open) wake();
  if (state != Connection::State::down) return;
  log::warn("redis", "subscription_lost", {{"node", connection.address().text()}, {"why", why}});
  lose(connection);
}

ShardedPubSub::ShardedPubSub(Client& client, Listener& listener)
    : core_(std::make_shared<Core>(*client.thread_, listener)) {
  core_->start();
}

ShardedPubSub::~ShardedPubSub() {
  close();
}

void ShardedPubSub::subscribe(std::string channel) {
  asio::post(core_->thread().executor(),
             [core = core_, name = std::move(channel)]() mutable { core->add(std::move(name)); });
}

void ShardedPubSub::unsubscribe(std::string channel) {
  asio::post(core_->thread().executor(),
             [core = core_, name = std::move(channel)] { core->remove(name); });
}

void ShardedPubSub::publish(std::string_view channel, std::string_view message, Deadline deadline,
                            std::function<void(bool)> told) {
  std::vector<Command> one;
  one.push_back(Command::write("SPUBLISH").key(channel).arg(message));
  auto hear = [core = core_, told = std::move(told)](const Results& results) {
    const bool good = results.front().has_value();
    core->count_published(good);
    if (told) told(good);
  };
  core_->thread().hand_over(std::make_shared<Gathering>(1, std::move(hear)), std::move(one),
                            deadline);
}

bool ShardedPubSub::settled() {
  return core_->thread().ask([core = core_] { return core->settled(); });
}

void ShardedPubSub::close() {
  if (closed_.exchange(true)) return;
  core_->thread().ask([core = core_] { core->close(); });
}

}  // namespace madang::redis
