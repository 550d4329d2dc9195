// Publishers, clients that come and go, and everything at once: no message is lost, doubled or out
// of order. Meant for the thread sanitizer too.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "base/random.hpp"
#include "platform/realtime/realtime_fixture.hpp"
#include "platform/runtime/io_pool.hpp"

namespace madang::realtime::test {
namespace {

constexpr int accounts = 3;
constexpr int messages_each = 600;

class RaceTest : public testing::Test {
 protected:
  /// Reads streams of one account until it has the last message; leaves now and then and comes
  /// back.
  Task<> client(asio::any_io_executor executor, Id account, std::uint64_t seed,
                std::vector<Id>& seen) {
    SeededRandom random(seed);
    ResumeFrom from{true, 0};
    while (seen.empty() || seen.back() < last_id(account)) {
      auto signal = std::make_shared<Signal>(executor);
      auto subscription = hub_.subscribe(account, signal);
      if (!subscription) throw std::runtime_error("refused");
      SseStream stream(context_, std::move(*subscription), signal, {account, 1, false}, from);
      for (auto left = random.below(40) + 2; left > 0; --left) {
        if (!seen.empty() && seen.back() >= last_id(account)) break;
        const std::optional<std::string> piece = co_await stream.next();
        if (!piece) break;
        for (const Id id : stored_ids(*piece)) seen.push_back(id);
      }
      if (!seen.empty()) from.after = seen.back();
    }
  }

  static Id id_of(Id account, int index) { return account + Id(index + 1) * 8; }
  static Id last_id(Id account) { return id_of(account, messages_each - 1); }

  /// Commits in order, publishes in any: by itself, late from another thread, as a wake, or not.
  void publish_all(Id account, std::uint64_t seed) {
    SeededRandom random(seed);
    std::vector<Stored> late;
    for (int i = 0; i < messages_each; ++i) {
      Stored next = message(id_of(account, i), i == 0 ? 0 : id_of(account, i - 1));
      replay_.commit(account, next);
      const auto dice = random.below(10);
      const bool last = i == messages_each - 1;
      if (dice < 5 || last)
        hub_.publish(account, next);
      else if (dice < 7)
        hub_.wake(account, next.id);
      else if (dice < 9)
        late.push_back(next);
      if (random.below(20) == 0 && !late.empty()) {
        hub_.publish(account, late.back());
        late.pop_back();
      }
      if (random.below(50) == 0) std::this_thread::yield();
      hub_.hint(account, "feed.new");
    }
    for (const Stored& message : late) hub_.publish(account, message);
  }

  metrics::Registry registry_;
  SystemClock clock_;
  MemoryReplay replay_;
  SseOptions options_{.page = 17};
  Hub hub_{{.per_account = 10, .total = 100, .mailbox = {.messages = 32, .bytes = 64 * 1024}},
           registry_};
  std::atomic<int> closed_{0};
  SseContext context_{.replay = replay_,
                      .session_holds = {},
                      .clock = clock_,
                      .options = options_,
                      .gaps = registry_.counter("gaps", "test"),
                      .count_closed = [this](Closed) { ++closed_; }};
};

TEST_F(RaceTest, EveryClientGetsEveryMessageOnceAndInOrder) {
  constexpr int clients_each = 3;
  std::vector<std::vector<Id>> seen(accounts * clients_each);
  std::atomic<int> running{accounts * clients_each};
  runtime::IoPool pool(2);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const auto executor = pool.any();
    asio::co_spawn(executor, client(executor, static_cast<Id>(i) % accounts + 1, 100 + i, seen[i]),
                   [&running](std::exception_ptr error) {
                     EXPECT_FALSE(error);
                     --running;
                     running.notify_all();
                   });
  }
  {
    std::vector<std::jthread> publishers;
    for (Id account = 1; account <= accounts; ++account)
      publishers.emplace_back([this, account] { publish_all(account, std::uint64_t(account)); });
  }
  for (int left = running.load(); left > 0; left = running.load()) running.wait(left);
  pool.stop();
  for (std::size_t i = 0; i < seen.size(); ++i) {
    ASSERT_EQ(seen[i].size(), messages_each) << "client " << i;
    for (int n = 0; n < messages_each; ++n)
      ASSERT_EQ(seen[i][static_cast<std::size_t>(n)], id_of(static_cast<Id>(i) % accounts + 1, n));
  }
  EXPECT_EQ(hub_.listeners(), 0);
}

}  // namespace
}  // namespace madang::realtime::test
