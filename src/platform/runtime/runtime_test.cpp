#include <gtest/gtest.h>
#include <pthread.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <latch>
#include <set>
#include <stdexcept>

#include "platform/runtime/bulkhead.hpp"
#include "platform/runtime/completion.hpp"
#include "platform/runtime/io_pool.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::runtime {

using namespace std::chrono_literals;

namespace {

constexpr auto patience = 20s;

std::string this_thread_name() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

template <class T>
std::future<T> run_on(asio::any_io_executor executor, Task<T> task) {
  return asio::co_spawn(std::move(executor), std::move(task), asio::use_future);
}

Task<> sleep_for_ever() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_at(std::chrono::steady_clock::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
}

Task<> fail_at_once() {
  throw std::runtime_error("on purpose");
  co_return;
}

Task<> add_one(std::atomic<int>* count) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(1ms);
  co_await timer.async_wait(asio::use_awaitable);
  ++*count;
}

Task<std::string> name_of_thread() {
  co_return this_thread_name();
}

}  // namespace

TEST(IoPool, NamesItsThreadsAndTakesTurns) {
  IoPool pool(3);
  ASSERT_EQ(pool.size(), 3U);
  std::set<std::string> by_index;
  std::set<std::string> by_turn;
  for (std::size_t i = 0; i < 3; ++i) {
    by_index.insert(run_on(pool.executor(i), name_of_thread()).get());
    by_turn.insert(run_on(pool.any(), name_of_thread()).get());
  }
  const std::set<std::string> names{"io-0", "io-1", "io-2"};
  EXPECT_EQ(by_index, names);
  EXPECT_EQ(by_turn, names);
}

TEST(IoPool, SurvivesAHandlerThatThrows) {
  IoPool pool(1);
  asio::post(pool.any(), [] { throw std::runtime_error("on purpose"); });
  EXPECT_EQ(run_on(pool.any(), name_of_thread()).get(), "io-0");
}

TEST(IoPool, IgnoresWhatIsPostedAfterStop) {
  IoPool pool(1);
  pool.stop();
  pool.stop();
  asio::post(pool.any(), [] { FAIL(); });
}

TEST(TaskGroup, CountsWaitsAndReports) {
  metrics::Registry registry;
  IoPool pool(2);
  std::atomic<int> count{0};
  TaskGroup group("test", registry);
  for (int i = 0; i < 100; ++i) group.spawn(pool.any(), "adder", add_one(&count));
  group.spawn(pool.any(), "failing", fail_at_once());
  group.wait();
  EXPECT_EQ(count, 100);
  EXPECT_EQ(group.running(), 0U);
  const std::string text = registry.scrape();
  EXPECT_NE(text.find("madang_tasks_failed_total{group=\"test\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("madang_tasks_running{group=\"test\"} 0\n"), std::string::npos) << text;
}

TEST(TaskGroup, CountsTasksDestroyedWhereTheyWait) {
  metrics::Registry registry;
  IoPool pool(2);
  TaskGroup group("test", registry);
  for (int i = 0; i < 10; ++i) group.spawn(pool.any(), "sleeper", sleep_for_ever());
  EXPECT_FALSE(group.wait_for(1ms));
  EXPECT_EQ(group.running(), 10U);
  pool.stop();
  EXPECT_TRUE(group.wait_for(patience));
}

TEST(TaskGroup, MayBeDestroyedAsSoonAsItIsIdle) {
  metrics::Registry registry;
  IoPool pool(2);
  std::atomic<int> count{0};
  for (int i = 0; i < 300; ++i) {
    TaskGroup group("test", registry);
    group.spawn(pool.executor(0), "adder", add_one(&count));
    group.spawn(pool.executor(1), "adder", add_one(&count));
  }
  EXPECT_EQ(count, 600);
}

namespace {

Task<int> wait_for_number(std::promise<Completion<int>*>* ready) {
  Completion<int> completion(co_await asio::this_coro::executor);
  ready->set_value(&completion);
  co_return co_await completion.wait();
}

/// complete() before wait(): the thread is joined in between.
Task<int> wait_afterwards() {
  Completion<int> completion(co_await asio::this_coro::executor);
  std::thread([&] { completion.complete(nullptr, 7); }).join();
  co_return co_await completion.wait();
}

Task<std::string> wait_and_name(std::promise<Completion<int>*>* ready) {
  co_await wait_for_number(ready);
  co_return this_thread_name();
}

}  // namespace

TEST(Completion, HandsAValueOverInEitherOrder) {
  IoPool pool(1);
  EXPECT_EQ(run_on(pool.any(), wait_afterwards()).get(), 7);
  for (int i = 0; i < 500; ++i) {  // the race between wait() and complete()
    std::promise<Completion<int>*> ready;
    auto result = run_on(pool.any(), wait_for_number(&ready));
    ready.get_future().get()->complete(nullptr, i);
    EXPECT_EQ(result.get(), i);
  }
}

TEST(Completion, GoesOnOnItsOwnThread) {
  IoPool pool(2);
  std::promise<Completion<int>*> ready;
  auto name = run_on(pool.executor(1), wait_and_name(&ready));
  ready.get_future().get()->complete(nullptr, 1);
  EXPECT_EQ(name.get(), "io-1");
}

TEST(Completion, HandsAnExceptionOver) {
  IoPool pool(1);
  std::promise<Completion<int>*> ready;
  auto result = run_on(pool.any(), wait_for_number(&ready));
  ready.get_future().get()->complete(std::make_exception_ptr(std::runtime_error("x")), 0);
  EXPECT_THROW(static_cast<void>(result.get()), std::runtime_error);
}

namespace {

using Work = std::function<Result<int>()>;

Task<Result<int>> run_work(Bulkhead* bulkhead, Deadline deadline, Work work) {
  co_return co_await bulkhead->run(deadline, std::move(work));
}

}  // namespace

class BulkheadTest : public ::testing::Test {
 protected:
  std::future<Result<int>> run(Bulkhead& bulkhead, Work work,
                               Deadline deadline = Deadline::after(patience)) {
    return run_on(pool.any(), run_work(&bulkhead, deadline, std::move(work)));
  }

  metrics::Registry registry;
  IoPool pool{2};
};

TEST_F(BulkheadTest, RunsWorkOnAThreadOfItsOwn) {
  Bulkhead bulkhead({.name = "own", .threads = 2, .queue = 1000}, registry);
  std::vector<std::future<Result<int>>> results;
  std::atomic<int> on_io_thread{0};
  for (int i = 0; i < 500; ++i) {
    results.push_back(run(bulkhead, [i, &on_io_thread]() -> Result<int> {
      if (this_thread_name().starts_with("io-")) ++on_io_thread;
      return i;
    }));
  }
  for (int i = 0; i < 500; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i);
  EXPECT_EQ(on_io_thread, 0);
}

TEST_F(BulkheadTest, GivesProblemsAndExceptionsBack) {
  Bulkhead bulkhead({.name = "errors"}, registry);
  const auto problem =
      run(bulkhead, []() -> Result<int> { return fail(Kind::conflict, "taken"); }).get();
  ASSERT_FALSE(problem);
  EXPECT_EQ(problem.error().code, "taken");
  auto thrown = run(bulkhead, []() -> Result<int> { throw std::runtime_error("x"); });
  EXPECT_THROW(static_cast<void>(thrown.get()), std::runtime_error);
  EXPECT_EQ(run(bulkhead, []() -> Result<int> { return 1; }).get(), 1);
}

TEST_F(BulkheadTest, RefusesAtOnceWhenFull) {
  Bulkhead bulkhead({.name = "full", .threads = 1, .queue = 2}, registry);
  std::latch begun{1};
  std::promise<void> gate;
  const std::shared_future<void> opened = gate.get_future().share();
  auto first = run(bulkhead, [&begun, opened]() -> Result<int> {
    begun.count_down();
    opened.wait();
    return 1;
  });
  begun.wait();
  std::vector<std::future<Result<int>>> queued;
  for (int i = 0; i < 6; ++i) queued.push_back(run(bulkhead, []() -> Result<int> { return 2; }));
  int refused = 0;
  // Four of the six are refused while the thread is still held.
  const auto end = std::chrono::steady_clock::now() + patience;
  while (refused < 4 && std::chrono::steady_clock::now() < end) {
    refused = 0;
    for (auto& result : queued) refused += result.wait_for(0s) == std::future_status::ready;
  }
  EXPECT_EQ(refused, 4);
  gate.set_value();
  EXPECT_EQ(first.get(), 1);
  int done = 0;
  for (auto& result : queued) {
    const Result<int> value = result.get();
    if (value) {
      ++done;
    } else {
      EXPECT_EQ(value.error().kind, Kind::unavailable);
      EXPECT_TRUE(value.error().retry_after.has_value());
    }
  }
  EXPECT_EQ(done, 2);
}

// One every millisecond or so, where each takes five: soon the newest is refused while those before
// it still wait.
TEST_F(BulkheadTest, RefusesAtOnceWhatWouldWaitForTooLong) {
  Bulkhead bulkhead({.name = "slow", .threads = 1, .queue = 10'000, .max_wait = 1ms}, registry);
  const auto slow = []() -> Result<int> {
    std::this_thread::sleep_for(5ms);
    return 1;
  };
  std::vector<std::future<Result<int>>> before;
  std::future<Result<int>> newest = run(bulkhead, slow);
  while (newest.wait_for(1ms) == std::future_status::timeout) {
    before.push_back(std::move(newest));
    newest = run(bulkhead, slow);
  }
  const Result<int> refused = newest.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "busy");
  EXPECT_TRUE(refused.error().retry_after.has_value());
  EXPECT_EQ(before.back().wait_for(0s), std::future_status::timeout);
  for (auto& one : before) one.wait();
}

TEST_F(BulkheadTest, DoesNotBeginWhatIsTooLate) {
  Bulkhead bulkhead({.name = "late", .threads = 1, .queue = 4}, registry);
  std::latch begun{1};
  std::promise<void> gate;
  const std::shared_future<void> opened = gate.get_future().share();
  auto first = run(bulkhead, [&begun, opened]() -> Result<int> {
    begun.count_down();
    opened.wait();
    return 1;
  });
  begun.wait();
  std::atomic<bool> ran{false};
  auto late = run(
      bulkhead,
      [&ran]() -> Result<int> {
        ran = true;
        return 2;
      },
      Deadline::after(1ms));
  std::this_thread::sleep_for(5ms);
  gate.set_value();
  EXPECT_EQ(first.get(), 1);
  const Result<int> value = late.get();
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().kind, Kind::unavailable);
  EXPECT_FALSE(ran);
}

TEST_F(BulkheadTest, FinishesWhatIsQueuedWhenItCloses) {
  Bulkhead bulkhead({.name = "closing", .threads = 2, .queue = 100}, registry);
  std::vector<std::future<Result<int>>> results;
  for (int i = 0; i < 50; ++i) {
    results.push_back(run(bulkhead, []() -> Result<int> {
      std::this_thread::sleep_for(100us);
      return 1;
    }));
  }
  bulkhead.close();
  // Every caller is answered: with its result, or, when it came too late, with a refusal.
  for (auto& result : results) {
    const Result<int> value = result.get();
    if (!value) EXPECT_EQ(value.error().kind, Kind::unavailable);
  }
  EXPECT_FALSE(run(bulkhead, []() -> Result<int> { return 1; }).get());
}

}  // namespace madang::runtime
