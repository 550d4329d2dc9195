// The writers: threads with a connection each to the primary. A transaction that deadlocked, or
// whose connection was lost before its commit was sent, was rolled back and is run again; one whose
// connection was lost during the commit may have happened, and is never repeated here. Those that
// name the same hot row share a transaction, each in a savepoint of its own: one that fails takes
// no other down, and nobody is told before the commit.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "platform/db/commit_health.hpp"
#include "platform/db/job_queue.hpp"
#include "platform/db/mariadb_cluster.hpp"
#include "platform/db/mariadb_hot_rows.hpp"
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
  /// Of one in a group: its changes stay; it made none; it is to be run alone; all are.
  enum class InGroup { kept, finished, alone, broken };
  struct Worker {
    std::unique_ptr<Connection> connection;
    std::jthread thread;
  };

  void serve(Worker& worker);
  Job* next();
  /// The jobs of one hot row, until nobody waits for it.
  void serve_row(Worker& worker, Job& first);
  void perform(Worker& worker, Job& job);
  void perform_group(Worker& worker, std::vector<Job*>& group);
  bool run_group(Worker& worker, std::vector<Job*>& group);
  InGroup run_in_group(Worker& worker, Job& job, bool first);
  bool connect(Worker& worker, Job& job, Steady::time_point until);
  Ran run(Worker& worker, Job& job);
  Ran commit(Worker& worker, std::span<Job* const> jobs);
  void roll_back(Worker& worker);
  void drop(Worker& worker);

  const MariaDbOptions options_;
  Cluster& cluster_;
  JobQueue queue_;
  PoolMetrics metrics_;
  HotRows hot_rows_;
  metrics::Histogram& commit_seconds_;
  metrics::Histogram& group_size_;
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
