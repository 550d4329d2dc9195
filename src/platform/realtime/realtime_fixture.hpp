// For the tests: stored messages in memory instead of SQL, and a client that reads a stream.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "platform/realtime/sse_stream.hpp"

namespace madang::realtime::test {

using namespace std::chrono_literals;

/// What SQL holds. commit() makes a message readable, as a commit does.
class MemoryReplay final : public Replay {
 public:
  void commit(Id account, Stored message) {
    const std::lock_guard lock(mutex_);
    accounts_[account].push_back(std::move(message));
  }
  /// Messages up to this id are no longer kept.
  void forget(Id account, Id upto) {
    const std::lock_guard lock(mutex_);
    forgotten_[account] = upto;
    std::erase_if(accounts_[account], [upto](const Stored& m) { return m.id <= upto; });
  }
  /// Runs once, inside the next read, after it has seen what it will answer.
  void during_next_read(std::function<void()> run) { during_read_ = std::move(run); }
  void fail_next(int reads) { failures_ = reads; }
  int reads() const { return reads_; }

  Task<Result<ReplayPage>> read(Id account, std::optional<Id> after, std::int64_t limit,
                                Deadline) override {
    ++reads_;
    if (failures_ > 0 && failures_-- > 0) co_return busy("database_busy", "test");
    ReplayPage page = look(account, after, static_cast<std::size_t>(limit));
    if (auto run = std::exchange(during_read_, nullptr)) run();
    // As with SQL, the answer comes a little later than it was true.
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    co_return page;
  }

 private:
  ReplayPage look(Id account, std::optional<Id> after, std::size_t limit) {
    const std::lock_guard lock(mutex_);
    const std::vector<Stored>& all = accounts_[account];
    const Id last = all.empty() ? forgotten_[account] : all.back().id;
    ReplayPage page;
    page.upto = last;
    if (!after) return page;
    page.reset = *after > last || (*after < forgotten_[account]);
    if (page.reset) return page;
    for (const Stored& message : all)
      if (message.id > *after && page.messages.size() < limit) page.messages.push_back(message);
    page.more = !page.messages.empty() && page.messages.back().id < last;
    if (page.more) page.upto = page.messages.back().id;
    return page;
  }

  std::mutex mutex_;
  std::map<Id, std::vector<Stored>> accounts_;
  std::map<Id, Id> forgotten_;
  std::function<void()> during_read_;
  std::atomic<int> reads_{0};
  int failures_ = 0;
};

inline Stored message(Id id, std::optional<Id> previous = {}, std::string data = "{}") {
  return {id, previous, "notification", std::move(data), id_epoch};
}

/// The values of the lines that begin with `field`.
inline std::vector<std::string> fields(std::string_view text, std::string_view field) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    if (line.starts_with(field)) out.emplace_back(line.substr(field.size()));
  }
  return out;
}

inline std::vector<Id> stored_ids(std::string_view text) {
  std::vector<Id> out;
  for (const std::string& id : fields(text, "id: ")) out.push_back(std::stoll(id));
  return out;
}

/// Everything one stream needs, run by the test's own thread.
class StreamTest : public testing::Test {
 protected:
  static constexpr Id account = 7;

  StreamTest() { options_.heartbeat = 1h; }

  std::shared_ptr<SseStream> open(ResumeFrom from = {}, Hub* hub = nullptr) {
    auto signal = std::make_shared<Signal>(io_.get_executor());
    auto subscription = (hub != nullptr ? *hub : hub_).subscribe(account, signal);
    EXPECT_TRUE(subscription.has_value());
    return std::make_shared<SseStream>(context_, std::move(*subscription), signal,
                                       http::Principal{account, 1, false}, from);
  }

  /// The next piece; `-` when the stream has ended, `...` when it has nothing to say.
  std::string next(http::EventStream& stream) {
    if (!waiting_) {
      waiting_ = true;
      asio::co_spawn(io_, stream.next(),
                     [this](std::exception_ptr error, std::optional<std::string> piece) {
                       EXPECT_FALSE(error);
                       piece_ = std::move(piece).value_or("-");
                       waiting_ = false;
                     });
    }
    io_.restart();
    while (waiting_ && io_.poll_one() > 0) {
    }
    return waiting_ ? "..." : std::exchange(piece_, {});
  }

  /// As next(), for pieces that come by time.
  std::string next_later(http::EventStream& stream) {
    std::string piece = next(stream);
    if (piece != "...") return piece;
    io_.restart();
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (waiting_ && std::chrono::steady_clock::now() < give_up) io_.run_one_for(1s);
    return waiting_ ? "..." : std::exchange(piece_, {});
  }

  asio::io_context io_;
  metrics::Registry registry_;
  ManualClock clock_{id_epoch};
  MemoryReplay replay_;
  SseOptions options_;
  Hub hub_{{.per_account = 3, .total = 5, .mailbox = {.messages = 8, .bytes = 4096}}, registry_};
  bool holds_ = true;
  std::vector<Closed> closed_;
  SseContext context_{.replay = replay_,
                      .session_holds = {},
                      .clock = clock_,
                      .options = options_,
                      .gaps = registry_.counter("gaps", "test"),
                      .count_closed = [this](Closed reason) { closed_.push_back(reason); }};

 private:
  bool waiting_ = false;
  std::string piece_;
};

}  // namespace madang::realtime::test
