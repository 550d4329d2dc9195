// Processes that die, hang, take too much or talk nonsense, and when they are started and ended.
#include "platform/workers/worker_pool_fixture.hpp"

#include <unistd.h>

#include <atomic>
#include <cstring>
#include <future>
#include <thread>

namespace madang::workers {
namespace {

TEST_F(WorkerPoolTest, ADeadWorkerFailsItsJobAndIsReplaced) {
  WorkerPool pool(test_options(), registry_);
  for (const char* how : {"abort", "exit"}) {
    EXPECT_EQ(code(pool, how), "worker_crashed");
    expect_alive(pool);
  }
  const std::string pid = pid_of_worker(pool);
  std::atomic<bool> working = false;
  auto victim = std::async(std::launch::async, [&] {
    return run(pool, "hang", {}, {}, [&](double, std::string_view) { working = true; });
  });
  while (!working) std::this_thread::yield();
  ASSERT_EQ(::kill(std::stoi(pid), SIGKILL), 0);
  const auto result = victim.get();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "worker_crashed");
  EXPECT_TRUE(result.error().detail.contains("signal 9")) << result.error().detail;
  expect_alive(pool);
}

TEST_F(WorkerPoolTest, AHangingJobIsEndedByItsWallClockAndByItsDeadline) {
  WorkerPool pool(test_options(), registry_);
  EXPECT_EQ(code(pool, "hang", {}, {.wall = 100ms}), "worker_timeout");
  expect_alive(pool);
  const auto late = pool.run_blocking(Deadline::after(100ms), "hang", {}, Limits{});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "worker_timeout");
  expect_alive(pool);
}

TEST_F(WorkerPoolTest, ProcessorTimeIsLimited) {
  WorkerPool pool(test_options(), registry_);
  expect_alive(pool);
  EXPECT_EQ(code(pool, "spin", {}, {.wall = 50s, .cpu = 1s}), "worker_timeout");
  expect_alive(pool);
}

TEST_F(WorkerPoolTest, AMemoryHogIsEnded) {
  WorkerPool pool(test_options(), registry_);
  EXPECT_EQ(code(pool, "hog", {}, {.wall = 50s, .memory = 64 << 20}), "worker_memory");
  expect_alive(pool);
}

TEST_F(WorkerPoolTest, ResultsAreBounded) {
  WorkerPool pool(test_options(), registry_);
  EXPECT_EQ(code(pool, "zeros", "10000", {.result = 10'000}), "ok");
  EXPECT_EQ(code(pool, "zeros", "10001", {.result = 10'000}), "worker_crashed");
  expect_alive(pool);
}

TEST_F(WorkerPoolTest, GarbageFramesEndTheWorker) {
  WorkerPool pool(test_options(), registry_);
  const std::vector<Bytes> faults{
      Bytes(64, std::byte{0xff}),              // no kind, endless
      Bytes(64, std::byte{0}),                 // kind 0
      make_frame(FrameKind::result, 999, {}),  // another job's
      make_frame(FrameKind::ready, 0, {}),     // greets again
      make_frame(FrameKind::job, 1, {}),       // plays the server
      make_frame(FrameKind::progress, 1, {}),  // no numbers in it
  };
  for (const Bytes& fault : faults) {
    WorkerPool fresh(test_options(), registry_);  // so that the job's number is 1
    EXPECT_EQ(code(fresh, "garbage", as_text(fault), {.wall = 20s}), "worker_crashed");
    expect_alive(fresh);
  }
}

TEST_F(WorkerPoolTest, AFailureFrameCanSayOnlyWhatAProblemCanBe) {
  for (const Bytes& payload : {Bytes{}, ByteWriter().u8(99).text("x").text("").take(),
                               ByteWriter().u8(0).text("Not A Code").text("").take(),
                               ByteWriter().u8(0).text(std::string(65, 'a')).text("").take(),
                               ByteWriter().u8(0).text("a").take()})
    EXPECT_EQ(parse_failure(payload).code, "worker_failed");
  for (int i = 0; i < 2000; ++i) {
    std::string name = "code_";
    for (int n = i; n > 0; n /= 26) name += static_cast<char>('a' + n % 26);
    const Problem problem = parse_failure(ByteWriter().u8(0).text(name).text("d").take());
    EXPECT_TRUE(problem.code == name || problem.code == "worker_failed");
  }
  EXPECT_EQ(parse_failure(ByteWriter().u8(0).text("zz_too_many_before").text("").take()).code,
            "worker_failed");
}

TEST_F(WorkerPoolTest, AProgramThatCannotServeIsRetriedWithBackoffAndNeverHangs) {
  for (const char* program : {"/bin/true", "/nonexistent", "/bin/cat"}) {
    PoolOptions options = test_options();
    options.program = program;
    options.arguments = {};
    options.start_timeout = 200ms;
    WorkerPool pool(options, registry_);
    for (int i = 0; i < 3; ++i) EXPECT_NE(code(pool, "echo"), "ok") << program;
  }
}

TEST_F(WorkerPoolTest, StartsAreRateLimited) {
  PoolOptions options = test_options();
  options.max_starts = 2;
  options.start_window = 60s;
  WorkerPool pool(options, registry_);
  EXPECT_EQ(code(pool, "abort"), "worker_crashed");
  EXPECT_EQ(code(pool, "abort"), "worker_crashed");
  const auto third = pool.run_blocking(Deadline::after(50ms), "echo", {}, Limits{});
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, "busy");
}

TEST_F(WorkerPoolTest, IdleAndWornProcessesAreEnded) {
  PoolOptions options = test_options();
  options.idle_timeout = 50ms;
  WorkerPool pool(options, registry_);
  const std::string first = pid_of_worker(pool);
  const pid_t pid = std::stoi(first);
  while (::kill(pid, 0) == 0) std::this_thread::sleep_for(5ms);
  EXPECT_NE(pid_of_worker(pool), first);
  options.idle_timeout = 60s;
  options.jobs_per_process = 2;
  WorkerPool worn(options, registry_);
  const std::string a = pid_of_worker(worn);
  EXPECT_EQ(pid_of_worker(worn), a);
  EXPECT_NE(pid_of_worker(worn), a);
}

TEST_F(WorkerPoolTest, ClosingEndsWhatRunsAndRefusesWhatWaits) {
  PoolOptions options = test_options();
  WorkerPool pool(options, registry_);
  std::atomic<bool> working = false;
  auto running = std::async(std::launch::async, [&] {
    return run(pool, "hang", {}, {}, [&](double, std::string_view) { working = true; });
  });
  while (!working) std::this_thread::yield();
  auto waiting = std::async(std::launch::async, [&] { return run(pool, "echo"); });
  pool.close(10ms);
  EXPECT_EQ(running.get().error().code, "busy");
  EXPECT_EQ(waiting.get().error().code, "busy");
  EXPECT_EQ(code(pool, "echo"), "busy");
}

}  // namespace
}  // namespace madang::workers
