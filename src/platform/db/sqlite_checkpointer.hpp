// Keeps the write-ahead log short without stopping the writer: a thread with a connection of its
// own copies the bulk of the log back into the store beside the writer's commits; the writer itself
// only copies the little that came meanwhile, after which its next commit starts the log anew.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "platform/db/sqlite_connection.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::db::sqlite {

class Checkpointer {
 public:
  /// Pages of the log at which it is copied back: 16 MiB.
  static constexpr int wanted_pages = 4096;
  /// Pages at which the writer waits, for a moment, for readers that hold the log: 64 MiB.
  static constexpr int urgent_pages = 16384;

  /// `writer` is the writer's connection; every method but the constructor is called on its thread.
  Checkpointer(const std::filesystem::path& path, Connection& writer, metrics::Registry& registry);
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
  int next_pass_at_ = wanted_pages;

  enum class Bulk { idle, wanted, copied };
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<Bulk> bulk_ = Bulk::idle;
  bool closed_ = false;
  std::jthread thread_;
};

}  // namespace madang::db::sqlite
