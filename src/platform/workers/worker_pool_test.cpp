// Jobs and the queue before them, on real processes.
#include "platform/workers/worker_pool_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

namespace madang::workers {
namespace {

TEST_F(WorkerPoolTest, RunsJobsOfAllSizesInOneProcess) {
  WorkerPool pool(test_options(), registry_);
  const std::string first = pid_of_worker(pool);
  for (const std::size_t size : {0u, 1u, 70'000u, 10'000'000u}) {
    const std::string payload(size, 'x');
    const auto result = run(pool, "echo", payload);
    ASSERT_TRUE(result) << result.error().detail;
    EXPECT_EQ(as_text(*result), payload);
  }
  EXPECT_EQ(pid_of_worker(pool), first);
}

TEST_F(WorkerPoolTest, SpeaksToCoroutines) {
  asio::io_context context;  // outlives the pool, whose threads post to it
  WorkerPool pool(test_options(), registry_);
  auto future = asio::co_spawn(
      context, pool.run(Deadline::after(60s), "echo", bytes("hello"), Limits{}), asio::use_future);
  auto work = std::jthread([&] { context.run(); });
  const auto result = future.get();
  ASSERT_TRUE(result);
  EXPECT_EQ(as_text(*result), "hello");
}

TEST_F(WorkerPoolTest, ReportsProgressInOrder) {
  WorkerPool pool(test_options(), registry_);
  std::vector<double> seen;
  const auto result = run(pool, "steps", "done", {}, [&](double fraction, std::string_view stage) {
    EXPECT_EQ(stage, "step");
    seen.push_back(fraction);
  });
  ASSERT_TRUE(result);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), 1.0);
}

TEST_F(WorkerPoolTest, FailuresOfTheJobItselfComeBackAndKeepTheProcess) {
  WorkerPool pool(test_options(), registry_);
  const std::string pid = pid_of_worker(pool);
  const auto refused = run(pool, "refuse");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "not_an_image");
  EXPECT_EQ(refused.error().kind, Kind::invalid);
  EXPECT_EQ(code(pool, "throw"), "worker_failed");
  EXPECT_EQ(code(pool, "no_memory"), "worker_memory");
  EXPECT_EQ(code(pool, "unheard of"), "worker_failed");
  EXPECT_EQ(pid_of_worker(pool), pid);
}

TEST_F(WorkerPoolTest, TheQueueIsBoundedAndAnswersAtTheDeadline) {
  PoolOptions options = test_options();
  options.queue = 2;
  WorkerPool pool(options, registry_);
  std::atomic<bool> working = false;
  auto holder = std::async(std::launch::async, [&] {
    return run(pool, "hang", {}, {.wall = 2s}, [&](double, std::string_view) { working = true; });
  });
  while (!working) std::this_thread::yield();
  const auto begun = std::chrono::steady_clock::now();
  auto wait_in_queue = [&] {
    return pool.run_blocking(Deadline::after(200ms), "echo", {}, Limits{});
  };
  auto first = std::async(std::launch::async, wait_in_queue);
  auto second = std::async(std::launch::async, wait_in_queue);
  int refused_at_once = 0;
  while (std::chrono::steady_clock::now() - begun < 100ms) {
    const auto third = pool.run_blocking(Deadline::after(0ms), "echo", {}, Limits{});
    EXPECT_FALSE(third);
    EXPECT_EQ(third.error().code, "busy");
    ++refused_at_once;
  }
  EXPECT_GT(refused_at_once, 0);
  EXPECT_EQ(first.get().error().code, "busy");
  EXPECT_EQ(second.get().error().code, "busy");
  EXPECT_EQ(holder.wait_for(0s), std::future_status::timeout) << "answered while all were at work";
  EXPECT_EQ(holder.get().error().code, "worker_timeout");
  expect_alive(pool);
}

TEST_F(WorkerPoolTest, ManyJobsOnSeveralProcessesAllEnd) {
  PoolOptions options = test_options();
  options.processes = 2;
  options.queue = 1000;
  WorkerPool pool(options, registry_);
  std::vector<std::future<std::string>> results;
  for (int i = 0; i < 40; ++i) {
    const char* function = i % 10 == 3 ? "abort" : i % 10 == 7 ? "refuse" : "echo";
    results.push_back(
        std::async(std::launch::async, [&, function] { return code(pool, function); }));
  }
  for (int i = 0; i < 40; ++i)
    EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), i % 10 == 3   ? "worker_crashed"
                                                          : i % 10 == 7 ? "not_an_image"
                                                                        : "ok");
}

TEST_F(WorkerPoolTest, OutcomesAreCounted) {
  WorkerPool pool(test_options(), registry_);
  EXPECT_EQ(code(pool, "echo"), "ok");
  EXPECT_EQ(code(pool, "abort"), "worker_crashed");
  const std::string text = registry_.scrape();
  EXPECT_TRUE(text.contains(R"(madang_workers_jobs_total{outcome="ok",pool="test"} 1)")) << text;
  EXPECT_TRUE(
      text.contains(R"(madang_workers_jobs_total{outcome="worker_crashed",pool="test"} 1)"));
  EXPECT_TRUE(text.contains(R"(madang_workers_starts_total{pool="test"} 1)"));
  EXPECT_TRUE(text.contains(R"(madang_workers_alive{pool="test"} 0)"));
}

}  // namespace
}  // namespace madang::workers
