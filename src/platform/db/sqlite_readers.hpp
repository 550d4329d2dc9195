// The readers of a SQLite store: threads with a connection each. All statements of one body see one
// snapshot, and every write that was acknowledged before the body began. A read that is still at
// work at its deadline is stopped: it would keep a thread, and the log, for an answer nobody waits
// for.
//
// One thread more than there are readers takes nothing but the reads with which requests begin:
// those are quick, and need not wait until a reader is done with one that is not.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "platform/db/job_queue.hpp"
#include "platform/db/pool_metrics.hpp"
#include "platform/db/sqlite.hpp"
#include "platform/db/sqlite_connection.hpp"

namespace madang::db::sqlite {

class Readers {
 public:
  Readers(const SqliteOptions& options, metrics::Registry& registry);
  ~Readers();

  JobQueue& queue() { return queue_; }
  bool is_current_thread() const;
  void close();

 private:
  struct Reader;
  using Take = Job* (JobQueue::*)();
  void serve(Connection& connection, Take take);
  void perform(Reader& reader, Job& job);

  JobQueue queue_;
  PoolMetrics metrics_;
  metrics::Counter& stopped_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::jthread> threads_;
};

}  // namespace madang::db::sqlite
