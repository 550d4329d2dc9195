// Real processes: this program is its own worker (see main).
#include "platform/workers/worker_pool.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <cstring>
#include <future>
#include <thread>

#include "base/encoding.hpp"
#include "platform/workers/child_process.hpp"
#include "platform/workers/worker_main.hpp"

namespace madang::workers {
namespace {

using namespace std::chrono_literals;

Bytes bytes(std::string_view text) {
  const auto view = as_bytes(text);
  return {view.begin(), view.end()};
}

// What the worker can do.

Result<Bytes> hang(BytesView, Progress& progress) {
  progress.report(0.1, "hanging");
  for (;;) ::pause();
}

Result<Bytes> spin(BytesView, Progress&) {
  for (volatile std::uint64_t i = 0;; i = i + 1) {
  }
}

/// Takes memory and touches it until somebody acts.
Result<Bytes> hog(BytesView, Progress&) {
  std::vector<std::unique_ptr<char[]>> held;
  for (;;) {
    held.push_back(std::make_unique<char[]>(1 << 20));
    std::memset(held.back().get(), 1, 1 << 20);
    ::usleep(500);
  }
}

Result<Bytes> garbage(BytesView payload, Progress&) {
  const auto sent = ::send(3, payload.data(), payload.size(), MSG_NOSIGNAL);
  (void)sent;
  for (;;) ::pause();
}

Result<Bytes> steps(BytesView payload, Progress& progress) {
  for (int i = 1; i <= 4; ++i) {
    ::usleep(25'000);
    progress.report(i / 4.0, "step");
  }
  return Bytes(payload.begin(), payload.end());
}

/// What a decoder that was taken over might try; the names of what worked.
Result<Bytes> try_doors(BytesView payload, Progress&) {
  const std::string file(as_text(payload));
  std::string open;
  if (::open(file.c_str(), O_RDONLY) >= 0) open += "read ";
  if (::open((file + ".new").c_str(), O_WRONLY | O_CREAT, 0600) >= 0) open += "create ";
  if (::socket(AF_INET, SOCK_STREAM, 0) >= 0) open += "socket ";
  if (::kill(::getppid(), 0) == 0) open += "kill ";
  char* const argv[] = {nullptr};
  if (::execve("/bin/true", argv, argv) == 0 || errno != EPERM) open += "exec ";
  return bytes(open);
}

Functions test_functions() {
  Functions out;
  out["echo"] = [](BytesView in, Progress&) -> Result<Bytes> {
    return Bytes(in.begin(), in.end());
  };
  out["pid"] = [](BytesView, Progress&) -> Result<Bytes> {
    return bytes(std::to_string(::getpid()));
  };
  out["abort"] = [](BytesView, Progress&) -> Result<Bytes> {
    ::raise(SIGKILL);
    return {};
  };
  out["exit"] = [](BytesView, Progress&) -> Result<Bytes> { ::_exit(0); };
  out["throw"] = [](BytesView, Progress&) -> Result<Bytes> { throw std::runtime_error("boom"); };
  out["no_memory"] = [](BytesView, Progress&) -> Result<Bytes> { throw std::bad_alloc(); };
  out["refuse"] = [](BytesView, Progress&) -> Result<Bytes> {
    return fail(Kind::invalid, "not_an_image", "no");
  };
  out["zeros"] = [](BytesView in, Progress&) -> Result<Bytes> {
    return Bytes(std::stoul(std::string(as_text(in))));
  };
  out["hang"] = hang;
  out["spin"] = spin;
  out["hog"] = hog;
  out["garbage"] = garbage;
  out["steps"] = steps;
  out["doors"] = try_doors;
  return out;
}

PoolOptions test_options() {
  PoolOptions options;
  options.name = "test";
  options.watch_interval = 5ms;
  options.first_backoff = 10ms;
  options.max_backoff = 50ms;
  options.max_starts = 1000;
  return options;
}

class WorkerPoolTest : public testing::Test {
 protected:
  Result<Bytes> run(WorkerPool& pool, std::string function, std::string_view payload = {},
                    Limits limits = {}, ProgressCallback progress = {}) {
    return pool.run_blocking(Deadline::after(60s), std::move(function), bytes(payload), limits,
                             std::move(progress));
  }
  std::string code(WorkerPool& pool, std::string function, std::string_view payload = {},
                   Limits limits = {}) {
    const auto result = run(pool, std::move(function), payload, limits);
    return result ? "ok" : std::string(result.error().code);
  }
  std::string pid_of_worker(WorkerPool& pool) {
    const auto result = run(pool, "pid");
    return result ? std::string(as_text(*result)) : std::string(result.error().code);
  }
  void expect_alive(WorkerPool& pool) {
    const auto result = run(pool, "echo", "still here");
    ASSERT_TRUE(result) << result.error().code << " " << result.error().detail;
    EXPECT_EQ(as_text(*result), "still here");
  }

  metrics::Registry registry_;
};

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

#ifndef MADANG_SANITIZED
TEST_F(WorkerPoolTest, TheDoorsAreClosed) {
  const std::string file = testing::TempDir() + "/madang-doors-" + std::to_string(::getpid());
  {
    const UniqueFd created(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  }
  WorkerPool pool(test_options(), registry_);
  const auto open = run(pool, "doors", file);
  ASSERT_TRUE(open) << open.error().detail;
  const long landlock = ::syscall(444, nullptr, 0, 1u);  // landlock_create_ruleset(VERSION)
  if (landlock > 0)
    EXPECT_EQ(as_text(*open), "");
  else
    EXPECT_TRUE(!open->empty()) << "without Landlock reading stays possible";
  ::unlink(file.c_str());
}
#endif

/// A server that starts a worker on a job without end, tells its pid, and waits to be killed.
int play_server() {
  metrics::Registry registry;
  WorkerPool pool(test_options(), registry);
  const auto pid = pool.run_blocking(Deadline::after(60s), "pid", {}, Limits{});
  if (!pid) return 1;
  const auto tell = [&](double, std::string_view) {
    const auto written = ::send(3, pid->data(), pid->size(), MSG_NOSIGNAL);
    (void)written;
  };
  (void)pool.run_blocking(Deadline::never(), "hang", {}, {.wall = 600s}, tell);
  return 0;
}

TEST_F(WorkerPoolTest, WorkersEndWithTheServer) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);  // so that the orphan is ours to reap
  auto server = ChildProcess::start("/proc/self/exe", {"play-server"});
  ASSERT_TRUE(server) << server.error().detail;
  char text[32] = {};
  ASSERT_GT(::recv(server->socket(), text, sizeof text - 1, 0), 0);
  const pid_t worker = std::stoi(text);
  ASSERT_EQ(::kill(worker, 0), 0);
  EXPECT_TRUE(WIFSIGNALED(server->end(0ms).status));
  int status = 0;
  ASSERT_EQ(::waitpid(worker, &status, 0), worker);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace

int child_main(std::string_view role) {
  return role == "worker" ? serve_jobs(3, test_functions()) : play_server();
}

}  // namespace madang::workers

int main(int argc, char** argv) {
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role == "worker" || role == "play-server") return madang::workers::child_main(role);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
