// How late the I/O threads run. A thread that has more to do than it can wakes its timer late by as
// long as everything that is ready waits; when that lasts, new work is refused until it is over.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "platform/metrics/metrics.hpp"
#include "platform/runtime/io_pool.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::runtime {

class LagMonitor {
 public:
  struct Options {
    std::chrono::milliseconds interval{10};
    std::chrono::milliseconds limit{50};    // late by more than this ...
    std::chrono::milliseconds window{100};  // ... at every look for so long: overloaded
  };

  LagMonitor(Options options, IoPool& pool, metrics::Registry& registry);
  /// One watch on each I/O thread, until stop().
  void start(TaskGroup& tasks);
  void stop() { stopping_ = true; }

  /// Whether the calling I/O thread is overloaded. Elsewhere: false.
  bool overloaded() const;

 private:
  Task<> watch();

  const Options options_;
  IoPool& pool_;
  metrics::Histogram& lag_seconds_;
  std::atomic<bool> stopping_{false};
};

}  // namespace madang::runtime
