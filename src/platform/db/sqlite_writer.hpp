// The one writer of a SQLite store. Bodies that wait are run one after another in one transaction,
// each in its own savepoint, and committed together: one fsync for all of them. Nobody is told
// anything before the commit is durable, not even that a body refused, since it may have refused
// because of rows that were not committed yet.
//
// SQLite may give up a whole transaction (disk full, I/O error): then the group is begun again
// without the body that met the error. When the commit itself fails, each body is run again alone,
// so that one of them cannot take the others down.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <vector>

#include "platform/db/commit_health.hpp"
#include "platform/db/job_queue.hpp"
#include "platform/db/pool_metrics.hpp"
#include "platform/db/sqlite.hpp"
#include "platform/db/sqlite_checkpointer.hpp"
#include "platform/db/sqlite_connection.hpp"

namespace madang::db::sqlite {

class Writer {
 public:
  Writer(const SqliteOptions& options, metrics::Registry& registry);
  ~Writer();

  JobQueue& queue() { return queue_; }
  CommitHealth& health() { return health_; }
  void on_commit(std::function<void()> listener);
  bool is_current_thread() const { return std::this_thread::get_id() == thread_.get_id(); }
  /// Finishes what is queued, ends the thread, leaves an empty log beside the store.
  void close();

 private:
  /// What a body's run left behind.
  enum class Left {
    changes,         // they are in the open transaction
    nothing,         // its own were rolled back
    no_transaction,  // the engine gave up everybody's
  };

  void serve();
  bool gather();
  JobList take(Lane& lane);
  bool group_is_full() const;
  Left perform(Job& job);
  bool open_for(Job& job);
  void undo();
  bool start_again();
  bool run_all_again();
  void run_each_alone();
  void commit_alone(Job& job);
  void finish();
  void announce();
  void roll_back();
  void note_commit(Deadline::Steady::time_point now);
  void note_failure(const std::exception_ptr& error);

  const std::size_t max_group_;
  JobQueue queue_;
  CommitHealth health_;
  PoolMetrics metrics_;
  metrics::Histogram& group_size_;
  metrics::Histogram& commit_seconds_;
  metrics::Counter& restarts_total_;

  Connection connection_;
  Checkpointer checkpointer_;
  ConnectionTransaction transaction_;
  Command begin_;
  Command commit_;
  Command rollback_;
  Command savepoint_;
  Command release_;
  Command rollback_to_;

  // Of the writer's thread alone: the group that is being made.
  std::vector<Job*> group_;
  std::size_t kept_ = 0;  // bodies whose changes are in the open transaction
  bool committed_ = false;
  bool has_interactive_ = false;
  bool has_background_ = false;
  bool begin_failed_ = false;
  int restarts_ = 0;
  int groups_without_background_ = 0;
  Deadline::Steady::time_point begun_{};
  std::chrono::nanoseconds commit_time_{};  // moving average
  std::int64_t rows_changed_ = 0;           // as SQLite counts, before what is not committed yet

  std::function<void()> listener_;
  std::atomic<bool> has_listener_ = false;
  std::jthread thread_;
};

}  // namespace madang::db::sqlite
