// Pools whose processes are the test program itself (worker_pool_doors_test.cpp says what they can
// do).
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/encoding.hpp"
#include "platform/workers/frame.hpp"
#include "platform/workers/worker_pool.hpp"

namespace madang::workers {

using namespace std::chrono_literals;

inline Bytes bytes(std::string_view text) {
  const auto view = as_bytes(text);
  return {view.begin(), view.end()};
}

inline PoolOptions test_options() {
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
  // Codes are kept for ever, so many and no more: the test that uses them up must not be the first
  // to need one, in whatever order the tests run.
  static void SetUpTestSuite() {
    for (const char* code : {"not_an_image", "worker_memory"})
      (void)parse_failure(make_failure({.kind = Kind::invalid, .code = code, .detail = ""}));
  }
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

}  // namespace madang::workers
