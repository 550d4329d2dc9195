// How long what arrives at an I/O thread waits for it. A probe, a descriptor that is made readable,
// takes its place behind the sockets that are ready already; how late it is seen is what a request
// would have waited. While that delay stands (standing_delay.hpp) the requests at work are bounded,
// the more tightly the longer it lasts, and new ones beyond the bound are refused: a bound holds
// from one moment to the next, where a share of what arrives would only be right until the next
// burst. Work that waits for nothing is bounded by its time, and those who are refused stand aside
// (side_queue.hpp).
#pragma once

#include <atomic>
#include <chrono>

#include "platform/metrics/metrics.hpp"
#include "platform/runtime/io_pool.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::runtime {

class LagMonitor {
 public:
  /// `limit`: the delay that may stand.
  LagMonitor(std::chrono::milliseconds limit, IoPool& pool, metrics::Registry& registry);
  /// One probe on each I/O thread, until stop().
  void start(TaskGroup& tasks);
  void stop() { stopping_ = true; }

  // For a request that an I/O thread has come to. On other threads, and where there is no monitor,
  // nothing is refused and nobody waits.

  /// Whether it is to be refused. `aside`: it has stood aside.
  static bool refuse_next(bool aside);
  /// Waits until those have been looked at who were not refused lately (side_queue.hpp): for a
  /// request whose sender was.
  static Task<> stand_aside();
  /// Asked when one that stood aside has been refused: whether its sender's next need not.
  static bool lets_one_go();

  struct Probe;
  /// A request that is at work on this I/O thread, from its beginning to its answer.
  class Inside {
   public:
    Inside();
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Probe* const probe_;
  };

 private:
  Task<> watch();

  static thread_local Probe* this_threads_;

  const std::chrono::milliseconds limit_;
  IoPool& pool_;
  metrics::Histogram& lag_seconds_;
  std::atomic<bool> stopping_{false};
};

}  // namespace madang::runtime
