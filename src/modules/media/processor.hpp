// Turns uploaded originals into variants: a few threads that feed the worker processes, and what
// brings a picture back to them after a crash.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "modules/media/notice.hpp"
#include "modules/media/storage.hpp"
#include "platform/db/database.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/objects/object_store.hpp"
#include "platform/workers/worker_pool.hpp"

namespace madang::media {

struct ProcessorOptions {
  int threads = 1;             // as many as worker processes: more only hold originals in memory
  std::size_t queue = 10'000;  // ids that may wait; beyond they are found again by the sweeper
  std::chrono::seconds patience{60};  // for one picture, waiting for a worker included
  bool alone = true;  // what is `processing` at the start is nobody's; else the sweeper finds it
  workers::Limits limits = imaging::image_limits();
};

class Processor {
 public:
  /// All outlive the processor; so do the executors of its notices.
  Processor(ProcessorOptions options, db::Database& db, objects::ObjectStore& store,
            workers::WorkerPool& pool, const Clock& clock);
  ~Processor();
  Processor(const Processor&) = delete;
  Processor& operator=(const Processor&) = delete;

  /// Before start().
  void export_metrics(metrics::Registry& registry);
  /// Starts the threads and takes up what an earlier process left unfinished. Blocks for one read.
  void start();
  /// Ends after the pictures being worked on (close the pool first not to wait for them); the rest
  /// stay `processing` and are found again. More than once is fine.
  void stop();

  /// A picture that is `processing`; each waits once.
  void enqueue(Id id);
  /// Enqueues, and tells when that picture's turn has ended, however it did.
  std::shared_ptr<Notice> enqueue_with_notice(Id id, asio::any_io_executor executor);
  /// Enqueues what has been `processing` since before `before` and is not on its way here. Blocks.
  void take_up(Time before);

 private:
  void serve();
  void process(Id id);
  Result<void> process_row(Row row);
  Result<objects::Object> load_original(const Row& row);
  Result<imaging::ProcessedImage> run_worker(const Row& row, const objects::Object& original);
  Result<void> store_variants(Row& row, const imaging::ProcessedImage& image);
  void finish(const Row& row);
  void refuse_picture(const Row& row, std::string_view reason);
  void enqueue_locked(Id id);

  const ProcessorOptions options_;
  db::Database& db_;
  objects::ObjectStore& store_;
  workers::WorkerPool& pool_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Id> queue_;
  std::set<Id> known_;  // queued or being worked on
  std::multimap<Id, std::shared_ptr<Notice>> notices_;
  bool stopping_ = false;
  metrics::Gauge* waiting_ = nullptr;
  metrics::Gauge* held_bytes_ = nullptr;
  std::vector<std::jthread> threads_;
};

/// Removes all objects of a picture; they may be gone already.
Result<void> remove_objects(objects::ObjectStore& store, const Row& row);

}  // namespace madang::media
