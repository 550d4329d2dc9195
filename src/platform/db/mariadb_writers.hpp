// The writers: threads with a connection each to the primary. A transaction that deadlocked, or
// whose connection was lost before its commit was sent, was rolled back and is run again; one whose
// connection was lost during the commit may have happened, and is never repeated here.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "platform/db/commit_health.hpp"
#include "platform/db/job_queue.hpp"
#include "platform/db/mariadb_cluster.hpp"
#include "platform/db/mariadb_watch.hpp"
#include "platform/db/pool_metrics.hpp"

namespace madang::db::mariadb {

class Writers {
 public:
  Writers(const MariaDbOptions& options, Cluster& cluster, metrics::Registry& registry);
  ~Writers();

  JobQueue& queue() { return queue_; }
  void on_commit(std::function<void()> listener);
  bool is_current_thread() const;
  /// Why commits fail although there is a primary; see CommitHealth.
  std::optional<WriteFault> fault() { return health_.fault(Steady::now()); }
  /// Finishes what is queued, ends the threads.
  void close();

 private:
  using Steady = Deadline::Steady;
  enum class Ran { finished, conflict, lost, raced };
  struct Worker {
    std::unique_ptr<Connection> connection;
    std::jthread thread;
  };

  void serve(Worker& worker);
  Job* next();
  void perform(Worker& worker, Job& job);
  bool connect(Worker& worker, Job& job, Steady::time_point until);
  Ran run(Worker& worker, Job& job);
  Ran commit(Worker& worker, Job& job);
  void roll_back(Worker& worker);
  void drop(Worker& worker);

  const MariaDbOptions options_;
  Cluster& cluster_;
  JobQueue queue_;
  PoolMetrics metrics_;
  metrics::Histogram& commit_seconds_;
  metrics::Counter& again_conflict_;
  metrics::Counter& again_lost_;
  metrics::Counter& unknown_;
  CommitHealth health_;
  Watch watch_;
  std::atomic<int> without_background_ = 0;
  std::function<void()> listener_;
  std::atomic<bool> has_listener_ = false;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace madang::db::mariadb
