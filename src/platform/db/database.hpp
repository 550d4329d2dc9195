// The database port. A transaction's body is a plain synchronous function that runs on a
// connection's own thread; the coroutine that asked for it sleeps meanwhile.
//
//   Result<Post> made = co_await db.write(deadline, [&](db::Transaction& tx) -> Result<Post> { ...
//   });
//
// A body does SQL and nothing else, takes at most a few milliseconds, and may run twice (the group
// it committed with may have to be begun again): it must not keep what it did in a first run.
// Returning an error rolls its changes back. Nobody is answered before the commit is durable.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "platform/db/commit_health.hpp"
#include "platform/db/sql.hpp"

namespace madang::db {

/// Who waits: people, or the house itself (sweeps, marks, erasure). Background work gives way, and
/// has its own, shorter queue.
enum class Lane { interactive, background };

/// Who waits for a read: a request that has only begun, with the one quick read that says whose it
/// is; or any other. Of a type of its own: nobody takes writes from the first lane.
enum class ReadLane { first, interactive };

/// The row that a write shares with many others at the same moment, such as a post that everybody
/// likes; 0: none in particular. Those that name the same one may be put into one transaction, each
/// as if it were alone.
struct HotRow {
  Id id = 0;
};

/// Which state a read must see. `fresh` sees every write acknowledged so far; `any` may be served
/// by a replica that lags a little behind other programs, but never behind what this one wrote or
/// observed (Database::observe).
enum class Freshness { any, fresh };

class Database {
 public:
  /// Returns whether to keep the changes. Runs on a connection's thread.
  using Body = std::function<bool(Transaction&)>;

  virtual ~Database() = default;

  /// Runs body in a write transaction: Result<T>(Transaction&).
  /// Errors: `database_busy` (queue full or deadline passed while waiting; nothing was done).
  /// SqlError passes through as an exception after the rollback.
  template <class F>
  auto write(Deadline deadline, F body, Lane lane = Lane::interactive, HotRow hot = {})
      -> Task<std::invoke_result_t<F&, Transaction&>> {
    using R = std::invoke_result_t<F&, Transaction&>;
    std::optional<R> out;
    const Body erased = [&out, &body](Transaction& tx) {
      out.reset();
      out.emplace(body(tx));
      return out->has_value();
    };
    std::optional<Problem> refused = co_await submit_write(deadline, lane, hot, &erased);
    if (refused) co_return std::unexpected(std::move(*refused));
    co_return std::move(*out);
  }

  /// Runs body on a read connection: any T(Transaction&) that is a Result.
  /// Errors: `database_busy` as above; a read that is at work at its deadline may be stopped so
  /// too.
  template <class F>
  auto read(Deadline deadline, F body, Freshness freshness = Freshness::any,
            ReadLane lane = ReadLane::interactive) -> Task<std::invoke_result_t<F&, Transaction&>> {
    using R = std::invoke_result_t<F&, Transaction&>;
    std::optional<R> out;
    const Body erased = [&out, &body](Transaction& tx) {
      out.emplace(body(tx));
      return false;
    };
    std::optional<Problem> refused = co_await submit_read(deadline, freshness, lane, &erased);
    if (refused) co_return std::unexpected(std::move(*refused));
    co_return std::move(*out);
  }

  /// A read that no replica that lags may serve.
  template <class F>
  auto read_latest(Deadline deadline, F body, ReadLane lane = ReadLane::interactive) {
    return read(deadline, std::move(body), Freshness::fresh, lane);
  }

  /// The same for threads of our own (command line, dispatcher, start-up): waits for the result.
  /// Never from an I/O thread.
  template <class F>
  auto write_blocking(F body, Lane lane = Lane::interactive)
      -> std::invoke_result_t<F&, Transaction&> {
    using R = std::invoke_result_t<F&, Transaction&>;
    std::optional<R> out;
    const Body erased = [&out, &body](Transaction& tx) {
      out.reset();
      out.emplace(body(tx));
      return out->has_value();
    };
    if (auto refused = wait_write(lane, &erased)) return std::unexpected(std::move(*refused));
    return std::move(*out);
  }

  template <class F>
  auto read_blocking(F body) -> std::invoke_result_t<F&, Transaction&> {
    using R = std::invoke_result_t<F&, Transaction&>;
    std::optional<R> out;
    const Body erased = [&out, &body](Transaction& tx) {
      out.emplace(body(tx));
      return false;
    };
    if (auto refused = wait_read(&erased)) return std::unexpected(std::move(*refused));
    return std::move(*out);
  }

  /// Called on the writer's thread after each durable commit of a group, before its callers are
  /// told, so that caches can be told first and the event dispatcher is woken at once. Set once,
  /// before serving; must be quick and must not throw.
  virtual void on_commit(std::function<void()> listener) = 0;

  /// A token for what this program has committed and observed so far; empty where every read is
  /// fresh anyway. Given to another program's observe(), it makes that one's reads see all of it:
  /// so a session sees its own writes wherever its next request goes.
  virtual std::string committed() const { return {}; }
  /// From now on reads here see what the token stands for. A text that is no token changes nothing.
  virtual void observe(std::string_view token) { (void)token; }

  /// Why nothing can be committed, and has not been for some seconds; nothing while all is well.
  /// Any thread; cheap.
  virtual std::optional<WriteFault> write_fault() { return {}; }

  /// Whether a write of a person's would be refused now because more is asked than can be done:
  /// then whoever is going to ask for one can be told before anything is done for it. Any thread;
  /// cheap.
  virtual bool refuses_writes() { return false; }

  /// Stops taking work, finishes what is queued, ends the threads. To be called (or the database
  /// destroyed) before the io_contexts whose coroutines it wakes are destroyed.
  virtual void close() = 0;

 protected:
  virtual Task<std::optional<Problem>> submit_write(Deadline, Lane, HotRow, const Body*) = 0;
  virtual Task<std::optional<Problem>> submit_read(Deadline, Freshness, ReadLane, const Body*) = 0;
  virtual std::optional<Problem> wait_write(Lane, const Body*) = 0;
  virtual std::optional<Problem> wait_read(const Body*) = 0;
};

}  // namespace madang::db
