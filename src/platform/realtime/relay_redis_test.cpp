// Two nodes' hubs joined through a real Redis: what one publishes wakes the other's listeners, and
// what was lost on the way makes them look.
#include "platform/realtime/relay_redis.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <limits>

#include "platform/realtime/relay_message.hpp"
#include "platform/redis/pubsub.hpp"
#include "platform/redis/redis_fixture.hpp"

namespace madang::realtime {

using namespace std::chrono_literals;
using redis::eventually;

namespace {

redis::ClientOptions client_options(std::vector<redis::Address> seeds) {
  redis::ClientOptions out;
  out.seeds = std::move(seeds);
  return out;
}

RedisRelayOptions relay_options(std::uint64_t node) {
  RedisRelayOptions out;
  out.node = node;
  out.again_after = 50ms;
  out.look_interval = 50ms;
  return out;
}

/// One node: its hub, its client, its relay.
struct NodeOfTest {
  NodeOfTest(std::uint64_t node, const std::vector<redis::Address>& seeds)
      : client(client_options(seeds), random, registry),
        relay(relay_options(node), client, hub, registry) {
    hub.relay_through(&relay);
  }
  ~NodeOfTest() { hub.relay_through(nullptr); }

  Subscription listen(Id account) {
    return std::move(*hub.subscribe(account, std::make_shared<Signal>(io.get_executor())));
  }

  asio::io_context io;
  SystemRandom random;
  metrics::Registry registry;
  Hub hub{{}, registry};
  redis::Client client;
  RedisRelay relay;
};

bool woken(const Subscription& listener, Id newest) {
  return listener.mailbox().take().newest == newest;
}

/// Waits until nobody is told to look any more: what came with the first subscriptions is over.
void settle(NodeOfTest& node) {
  const auto looks = [&node] {
    const std::string all = node.registry.scrape();
    const auto at = all.find("\nmadang_relay_looks_total ");
    return at == all.npos ? std::string() : all.substr(at, all.find('\n', at + 1) - at);
  };
  std::string last;
  auto since = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] {
    const auto now = std::chrono::steady_clock::now();
    if (const std::string counted = looks(); counted != last) {
      last = counted;
      since = now;
    }
    return node.relay.listening() && now - since > 200ms;
  }));
}

constexpr Id anything = std::numeric_limits<Id>::max();

}  // namespace

TEST(RelayMessage, IsReadAsItWasWritten) {
  RelayMessage wakes;
  wakes.kind = RelayMessage::Kind::wakes;
  wakes.origin = 0xFEDCBA9876543210;
  wakes.wakes = {{.account = 1, .newest = 2}, {.account = anything, .newest = 0}};
  const auto read = decode_relay_message(encode(wakes));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->origin, wakes.origin);
  ASSERT_EQ(read->wakes.size(), 2U);
  EXPECT_EQ(read->wakes[1].account, anything);
  RelayMessage hints;
  hints.kind = RelayMessage::Kind::hints;
  hints.type = "feed.new";
  hints.accounts = {7, 8, 9};
  EXPECT_EQ(decode_relay_message(encode(hints))->accounts, hints.accounts);
  EXPECT_EQ(decode_relay_message(encode(RelayMessage()))->kind, RelayMessage::Kind::missed);
}

TEST(RelayMessage, IsNotReadWhenAnythingIsWrong) {
  RelayMessage hints;
  hints.kind = RelayMessage::Kind::hints;
  hints.type = "feed.new";
  hints.accounts = {7, 8, 9};
  const std::string good = encode(hints);
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto read = decode_relay_message(std::string_view(good).substr(0, size));
    EXPECT_TRUE(!read || read->accounts.size() < 3) << size;
  }
  std::string other = good;
  other[0] = 2;
  EXPECT_FALSE(decode_relay_message(other));
  other = good;
  other[1] = 'x';
  EXPECT_FALSE(decode_relay_message(other));
  hints.type = "feed\nnew";
  EXPECT_FALSE(decode_relay_message(encode(hints)));
  hints.type = "feed.new";
  hints.accounts.resize(RelayMessage::max_items + 1);
  EXPECT_FALSE(decode_relay_message(encode(hints)));
}

TEST(RedisRelay, WakesTheListenersOfOtherNodes) {
  redis::RedisCluster cluster;
  NodeOfTest here(1, cluster.seeds());
  NodeOfTest there(2, cluster.seeds());
  const Subscription mine = here.listen(7);
  const Subscription other = there.listen(7);
  const Subscription stranger = there.listen(8);
  settle(here);
  settle(there);
  for (const Subscription* listener : {&mine, &other, &stranger}) listener->mailbox().take();

  here.hub.wake(7, 41);
  EXPECT_TRUE(eventually([&] { return woken(other, 41); }));
  EXPECT_TRUE(woken(mine, 41));
  here.hub.publish(7, Stored{.id = 42, .previous = 41, .type = "notification", .data = "{}"});
  EXPECT_TRUE(eventually([&] { return woken(other, 42); }));
  EXPECT_EQ(mine.mailbox().take().stored.size(), 1U) << "once, not from the relay again";

  std::vector<Id> followers;
  for (Id id = 1; id <= 10'000; ++id) followers.push_back(id);
  here.hub.hint(followers, "feed.new");
  EXPECT_TRUE(eventually([&] { return !stranger.mailbox().take().hints.empty(); }));
  here.hub.hint(followers, "notifications.changed", Reach::here);
  here.hub.wake(7, 43);
  EXPECT_TRUE(eventually([&] { return woken(other, 43); }));
  EXPECT_TRUE(stranger.mailbox().take().hints.empty()) << "it was to stay on its node";
}

TEST(RedisRelay, BringsEveryWakeOfManyThreadsToTheOtherNode) {
  const redis::TemporaryFolder folder;
  const redis::RedisServer server(folder.path(), {});
  NodeOfTest here(1, {server.address()});
  NodeOfTest there(2, {server.address()});
  std::vector<Subscription> listeners;
  for (Id account = 1; account <= 100; ++account) listeners.push_back(there.listen(account));
  settle(here);
  settle(there);
  for (const Subscription& listener : listeners) listener.mailbox().take();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&here, t] {
        for (Id round = 1; round <= 200; ++round) {
          for (Id account = 1 + t; account <= 100; account += 4) here.hub.wake(account, round);
        }
      });
    }
  }
  for (const Subscription& listener : listeners) {
    Id newest = 0;
    EXPECT_TRUE(eventually([&] {
      newest = std::max(newest, listener.mailbox().take().newest);
      return newest == 200;
    })) << newest;
  }
}

TEST(RedisRelay, TellsEverybodyToLookWhenSomethingWasLost) {
  const redis::TemporaryFolder folder;
  redis::RedisServer server(folder.path(), {});
  NodeOfTest here(1, {server.address()});
  NodeOfTest there(2, {server.address()});
  const Subscription other = there.listen(7);
  const Subscription mine = here.listen(9);
  settle(here);
  settle(there);
  other.mailbox().take();
  mine.mailbox().take();
  server.kill();
  ASSERT_TRUE(eventually([&] { return !here.relay.listening() && !there.relay.listening(); }));
  here.hub.wake(7, 50);  // nobody carries it
  here.hub.wake(9, 51);
  EXPECT_TRUE(woken(mine, 51)) << "this node needs no Redis";
  server.restart();
  const auto looks = [](const Subscription& listener) {
    const Mailbox::Contents contents = listener.mailbox().take();
    return contents.newest == anything && contents.hints == std::vector<std::string>{"feed.new"};
  };
  EXPECT_TRUE(eventually([&] { return looks(other); }));
  EXPECT_TRUE(eventually([&] { return looks(mine); }));
  EXPECT_TRUE(eventually([&] { return here.relay.listening() && there.relay.listening(); }));
  EXPECT_TRUE(eventually([&] {
    here.hub.wake(7, 52);
    return woken(other, 52);
  }));
}

TEST(RedisRelay, TellsTheOthersWhenOnlyThePublisherWasCutOff) {
  const redis::TemporaryFolder folder;
  const redis::RedisServer server(folder.path(), {});
  NodeOfTest here(1, {server.address()});
  NodeOfTest there(2, {server.address()});
  const Subscription other = there.listen(7);
  settle(here);
  settle(there);
  other.mailbox().take();
  // The server takes no SPUBLISH for a while; the subscriptions stay.
  ASSERT_EQ(server.ask({"ACL", "SETUSER", "default", "-spublish"}), "OK");
  here.hub.wake(7, 60);
  EXPECT_TRUE(eventually([&] { return here.registry.scrape().contains("what=\"missed\"} 1"); }));
  EXPECT_EQ(other.mailbox().take().newest, 0);
  ASSERT_EQ(server.ask({"ACL", "SETUSER", "default", "+spublish"}), "OK");
  EXPECT_TRUE(eventually([&] { return woken(other, anything); }));
}

TEST(RedisRelay, DropsWhatItCannotRead) {
  const redis::TemporaryFolder folder;
  const redis::RedisServer server(folder.path(), {});
  NodeOfTest node(1, {server.address()});
  ASSERT_TRUE(eventually([&] { return node.relay.listening(); }));
  server.ask({"SPUBLISH", "hub:{3}", "nonsense"});
  server.ask({"SPUBLISH", "hub:{3}", ""});
  EXPECT_TRUE(
      eventually([&] { return node.registry.scrape().contains("what=\"unreadable\"} 2"); }));
}

}  // namespace madang::realtime
