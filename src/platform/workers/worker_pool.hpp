// Supervised worker processes: jobs that open strangers' files run there, never in the server.
//
// Each process is watched by a thread of ours, one job at a time. A process that dies, takes too
// long or too much memory is killed and replaced, and its job fails by name; the queue is bounded.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/workers/frame.hpp"

namespace madang::workers {

/// What one job may use.
struct Limits {
  std::chrono::milliseconds wall{10'000};
  std::chrono::seconds cpu{10};
  std::uint64_t memory = 512ull << 20;  // bytes, beyond what the idle worker has
  std::size_t result = 32u << 20;       // bytes
};

/// fraction in [0, 1]. Called on a thread of the pool; quick, does not throw.
using ProgressCallback = std::function<void(double fraction, std::string_view stage)>;

struct PoolOptions {
  std::string name = "worker";  // the metrics' label
  int processes = 1;
  std::size_t queue = 32;  // waiting at most; beyond: `busy`
  std::filesystem::path program = "/proc/self/exe";
  std::vector<std::string> arguments{"worker", "--fd", "3"};
  int jobs_per_process = 500;                      // then it is replaced, against slow leaks
  std::uint64_t idle_memory = 256ull << 20;        // more after a job: replaced
  std::chrono::milliseconds idle_timeout{60'000};  // without work it is ended; started when needed
  std::chrono::milliseconds start_timeout{15'000};
  std::chrono::milliseconds watch_interval{20};  // of resident memory
  std::chrono::milliseconds first_backoff{100};  // after a failed start, doubling
  std::chrono::milliseconds max_backoff{5'000};
  std::size_t max_starts = 30;  // in start_window: beyond, jobs wait
  std::chrono::milliseconds start_window{10'000};
};

class WorkerPool {
 public:
  WorkerPool(PoolOptions options, metrics::Registry& registry);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Runs one job. The deadline bounds waiting and running both. Errors: `busy` (queue full, not
  /// reached in time, or stopping), `worker_timeout`, `worker_memory`, `worker_crashed`,
  /// `worker_failed`, and what the job itself answers.
  Task<Result<Bytes>> run(Deadline deadline, std::string function, Bytes payload, Limits limits,
                          ProgressCallback progress = {});
  /// The same for threads of our own.
  Result<Bytes> run_blocking(Deadline deadline, std::string function, Bytes payload, Limits limits,
                             ProgressCallback progress = {});

  /// Refuses what waits, gives running jobs `grace`, then ends the processes. More than once is
  /// fine.
  void close(std::chrono::milliseconds grace = std::chrono::milliseconds(0));

 private:
  friend class WorkerSlot;
  struct Metrics {
    Metrics(metrics::Registry& registry, const std::string& pool);
    metrics::Counter& outcome(std::string_view code);
    metrics::Registry& registry;
    const std::string pool;
    metrics::Gauge& alive;
    metrics::Gauge& busy;
    metrics::Gauge& waiting;
    metrics::Counter& starts;
    metrics::Histogram& wait_seconds;
    metrics::Histogram& run_seconds;
  };
  struct Job {
    std::uint64_t id = 0;
    Deadline deadline = Deadline::never();
    Deadline::Steady::time_point queued;
    std::string function;
    Bytes payload;
    Limits limits;
    ProgressCallback progress;
    std::function<void(Result<Bytes>)> done;
  };

  bool enqueue(Job job);
  /// The next job; nothing when none came within `patience` or the pool is closed.
  std::optional<Job> take(std::chrono::milliseconds patience);
  /// Answers the waiting jobs whose deadline has passed.
  void expire();
  void answer(Job& job, Result<Bytes> result);
  bool closed() const;
  bool out_of_grace() const;
  /// Waits until another process may be started; false when `deadline` or the end comes first.
  bool may_start(Deadline deadline);
  void started(bool well);
  std::optional<Deadline::Steady::time_point> next_start() const;
  Problem busy_problem(std::string_view why) const;

  const PoolOptions options_;
  Metrics metrics_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;        // a job, or the end
  std::condition_variable start_wake_;  // the end, for those who wait to start a process
  std::deque<Job> queue_;
  std::uint64_t next_id_ = 1;
  bool closed_ = false;
  Deadline::Steady::time_point grace_end_{};
  std::deque<Deadline::Steady::time_point> starts_;  // within start_window
  int failed_starts_ = 0;                            // in a row
  std::vector<std::jthread> threads_;
};

}  // namespace madang::workers
