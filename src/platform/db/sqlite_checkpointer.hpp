// Keeps the write-ahead log short without stopping the writer: a thread with a connection of its
// own copies the bulk of the log back into the store beside the writer's commits; the writer itself
// only copies the little that came meanwhile, after which its next commit starts the log anew.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "platform/db/sqlite.hpp"
#include "platform/db/sqlite_connection.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::db::sqlite {

class Checkpointer {
 public:
  /// `writer` is the writer's connection; between_groups() is called on its thread. When the log is
  /// four times as long as wanted, the writer waits, for a moment, for readers that hold it.
  Checkpointer(const SqliteOptions& options, Connection& writer, metrics::Registry& registry);
  ~Checkpointer();

  /// To be called between groups: returns at once when the log is short.
  void between_groups();
  void close();

 private:
  static int note_size(void* self, sqlite3*, const char*, int pages);
  void serve();
  void copy_the_bulk();
  void copy_the_rest();

  Connection& writer_;
  Connection connection_;
  metrics::Gauge& log_pages_shown_;
  metrics::Histogram& stall_seconds_;
  int log_pages_ = 0;  // after the last commit
  const int wanted_pages_;
  const int urgent_pages_;
  int next_pass_at_;

  enum class Bulk { idle, wanted, copied };
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<Bulk> bulk_ = Bulk::idle;
  bool closed_ = false;
  std::jthread thread_;
};

}  // namespace madang::db::sqlite
