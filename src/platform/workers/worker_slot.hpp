// One place for a worker process, and the thread that feeds and watches it.
#pragma once

#include <optional>

#include "platform/workers/child_process.hpp"
#include "platform/workers/worker_pool.hpp"

namespace madang::workers {

class WorkerSlot {
 public:
  explicit WorkerSlot(WorkerPool& pool) : pool_(pool) {}
  ~WorkerSlot() { stop(); }
  WorkerSlot(const WorkerSlot&) = delete;
  WorkerSlot& operator=(const WorkerSlot&) = delete;

  /// Takes jobs until the pool is closed.
  void serve();

 private:
  using Job = WorkerPool::Job;
  using Time = Deadline::Steady::time_point;
  struct Frame {
    FrameHeader header;
    Bytes payload;
  };

  Result<Bytes> perform(Job& job);
  Result<void> ensure_process(Deadline deadline);
  Result<Bytes> converse(Job& job);
  /// One frame, while watching time, memory and the pool. After an error the process is no use.
  Result<Frame> receive(Time until, std::size_t max_payload);
  Result<void> send(BytesView bytes, Time until);
  /// Waits until the socket is ready for `events`, at most one watch interval.
  Result<bool> wait(short events, Time until);
  Result<void> watch(Time until);
  std::unexpected<Problem> broken(std::string_view what);
  std::unexpected<Problem> died();
  void stop();
  void retire_if_worn();

  WorkerPool& pool_;
  std::optional<ChildProcess> process_;
  int jobs_done_ = 0;
  std::uint64_t memory_limit_ = 0;  // of resident bytes now; 0: not watched
};

}  // namespace madang::workers
