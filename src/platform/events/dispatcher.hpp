// Hands the outbox's events to subscribers, at least once and in order within an aggregate.
//
// A durable subscriber works in SQL: its effects and its position are one transaction, so each
// event takes effect once. An event it cannot handle is parked with its reason, and so is
// everything later of the same aggregate; the others go on. Parked events are tried again with
// backoff, and after max_attempts are dead letters: kept until somebody retries or discards them,
// at most keep_dead.
//
// A volatile subscriber keeps its state in memory and therefore no position: it hears what is
// committed from its start on, and builds what came before from SQL by itself.
//
// A leased subscriber keeps its state elsewhere, shared by all programs of this store: one of them
// at a time, who holds its lease, handles events for all. Its position is in SQL and moves after
// the events are handled, so each is handled at least once; a failure holds everything up.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "platform/db/database.hpp"
#include "platform/events/outbox.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::events {

class DurableSubscriber {
 public:
  virtual ~DurableSubscriber() = default;
  virtual std::string_view name() const = 0;  // stable: its position is kept under it
  virtual bool wants(std::string_view type) const = 0;
  /// SQL only. May see an event again after a crash or a retry only when the earlier effect was
  /// rolled back with it. Errors and exceptions park the event; but `unavailable` stands for want
  /// of room, and the event is handed out again shortly.
  virtual Result<void> handle(db::Transaction& tx, const Event& event) = 0;
  /// After the effects are committed; for waking listeners. Must not throw.
  virtual void committed() {}
};

class VolatileSubscriber {
 public:
  virtual ~VolatileSubscriber() = default;
  virtual std::string_view name() const = 0;
  /// In order; on the dispatcher's thread. An exception is logged and counted, and reset() follows.
  virtual void handle(const std::vector<Event>& events) = 0;
  /// Events may have been missed: forget everything that was derived from them.
  virtual void reset() = 0;
};

class LeasedSubscriber {
 public:
  virtual ~LeasedSubscriber() = default;
  virtual std::string_view name() const = 0;  // stable: its position is kept under it
  /// In order; on the dispatcher's thread, outside of any transaction. After an exception the same
  /// events come again, here or in another program, and so they may when it took longer than the
  /// lease: what is done twice must do no harm.
  virtual void handle(const std::vector<Event>& events) = 0;
  /// Its first start, or events were missed that are no longer kept: forget everything that was
  /// derived from them. After an exception it is asked again.
  virtual void reset() = 0;
};

struct DispatcherOptions {
  std::int64_t batch = 256;
  int max_attempts = 12;
  std::chrono::milliseconds first_backoff{500};
  std::chrono::milliseconds max_backoff{5 * 60 * 1000};
  std::chrono::milliseconds lease{10'000};
  std::chrono::milliseconds leased_for{4'000};  // how long others wait for one that is gone
  std::chrono::milliseconds leased_tick{25};    // how often its holder looks for new events
  std::int64_t leased_batch = 32;               // handled and then confirmed by leased subscribers
  std::chrono::milliseconds leased_pause{250};  // after a failure; up to eight times that
  std::chrono::hours keep{7 * 24};              // how long handled events stay readable
  std::chrono::hours keep_dead{14 * 24};        // dead letters, since they were last tried
  bool exclusive =
      true;  // this process owns the store alone: leases of the dead are taken over at once
};

struct DueEvent;

class Dispatcher {
 public:
  Dispatcher(db::Database& db, const Clock& clock, DispatcherOptions options, std::string holder,
             metrics::Registry& registry);
  ~Dispatcher();

  /// Before start().
  void add(DurableSubscriber& subscriber);
  void add(VolatileSubscriber& subscriber);
  void add(LeasedSubscriber& subscriber);

  void start();
  void stop();
  /// New events may be there. Cheap; any thread.
  void wake();
  /// Blocks until everything committed before the call has been handed out (or parked). For tests
  /// and for shutdown.
  void drain();

  /// Parked and dead events are due at once. How many.
  std::int64_t retry_parked();

 private:
  struct Durable;
  struct Volatile;
  struct Leased;
  /// A position in SQL, and the right to move it.
  struct Place {
    std::string name;  // of its row
    std::int64_t position = 0;
    bool loaded = false;
    Time lease_until{};
    std::chrono::milliseconds lease{};
    bool exclusive = false;  // this process owns the store alone
  };

  void run();
  void round();
  bool advance(Volatile& subscriber);
  bool advance(Durable& subscriber);
  bool hold_lease(Place& place, std::int64_t first);
  bool handle_batch(Durable& subscriber, const std::vector<Event>& events);
  bool handle_one(Durable& subscriber, const Event& event);
  Result<void> apply(Durable& subscriber, db::Transaction& tx, const Event& event);
  void park(Durable& subscriber, const Event& event, const std::string& reason);
  void move_position(const Place& place, db::Transaction& tx, std::int64_t seq);
  // dispatcher_leased.cpp
  bool advance(Leased& subscriber);
  bool begin(Leased& subscriber);
  bool tell(Leased& subscriber, const std::vector<Event>& events);
  bool confirm(Leased& subscriber, std::int64_t seq);
  void let_go(Place& place);
  void let_go_of_leases();
  std::chrono::milliseconds tick() const;

  void retry_due(Durable& subscriber);
  void retry_one(Durable& subscriber, const DueEvent& due, Time now);
  void trim();

  db::Database& db_;
  const Clock& clock_;
  const DispatcherOptions options_;
  const std::string holder_;
  metrics::Registry& registry_;
  metrics::Histogram& lag_seconds_;
  metrics::Counter& expired_;
  metrics::Gauge& last_round_;
  std::vector<std::unique_ptr<Durable>> durable_;
  std::vector<std::unique_ptr<Volatile>> volatile_;
  std::vector<std::unique_ptr<Leased>> leased_;
  Time last_trim_{};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::uint64_t wanted_ = 1;    // rounds asked for
  std::uint64_t finished_ = 0;  // rounds completed
  std::jthread thread_;
};

}  // namespace madang::events
