// How long what arrives at an I/O thread waits for it. A probe, a descriptor that is made readable,
// takes its place behind the sockets that are ready already; how late it is seen is what a request
// would have waited. While that delay stands (standing_delay.hpp) a share of the new requests is
// refused, grown and shrunk with each probe, so that what is admitted waits for about the limit:
// all or nothing would swing between a thread with too much and one with nothing to do.
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

  /// Whether the calling I/O thread is to refuse the request that it has come to. Asked once for
  /// each. On other threads: false.
  bool refuse_next() const;

 private:
  Task<> watch();

  const std::chrono::milliseconds limit_;
  IoPool& pool_;
  metrics::Histogram& lag_seconds_;
  std::atomic<bool> stopping_{false};
};

}  // namespace madang::runtime
