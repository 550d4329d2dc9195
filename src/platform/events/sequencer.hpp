// Gives the outbox its sequence where several transactions commit at a time: neither ids nor
// numbers that are drawn inside a transaction are in the order of commits, and a reader who follows
// them would miss what commits late. Rows are written without a sequence; one holder of a lease, of
// all the programs that share the store, numbers them after their commit, in the order of their
// arrival. What happened because of something else arrived after it, so causes come first.
//
// The lease has a fencing number: who was replaced without knowing it changes nothing.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "platform/db/database.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::events {

struct SequencerOptions {
  std::int64_t batch = 256;               // rows numbered in one transaction; at most IdList's size
  std::chrono::milliseconds tick{20};     // how often the holder looks for what others committed
  std::chrono::milliseconds lease{3000};  // by the database's clock
};

class Sequencer {
 public:
  /// `holder` names this program among all that share the store.
  Sequencer(db::Database& db, SequencerOptions options, std::string holder,
            metrics::Registry& registry);
  ~Sequencer();

  /// Called on its thread after rows were numbered; must be quick. Before start().
  void on_numbered(std::function<void()> listener) { listener_ = std::move(listener); }

  /// Begins, when this store needs it (active() from then on).
  void start();
  void stop();
  bool active() const { return active_; }

  /// Something was committed here. Cheap; any thread.
  void wake();

 private:
  using Steady = std::chrono::steady_clock;

  void run();
  bool hold_lease();
  std::int64_t number_some();
  void release();

  db::Database& db_;
  const SequencerOptions options_;
  const std::string holder_;
  metrics::Counter& numbered_;
  metrics::Gauge& leading_;
  std::function<void()> listener_;
  std::atomic<bool> active_{false};

  // Of its thread: the lease.
  std::int64_t fence_ = 0;
  Steady::time_point renew_at_{};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool wanted_ = true;
  std::jthread thread_;
};

/// Waits until everything committed before the call has its place in the sequence, by whomever; for
/// at most 30 s. At once where the writer numbers.
void wait_until_numbered(db::Database& db);

}  // namespace madang::events
