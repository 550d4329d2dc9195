// The Redis client: a cluster, or one server that is none. Usable from any thread; it has a small
// thread of its own that talks to the servers.
//
//   redis::Client client({.seeds = {{"127.0.0.1", 7101}}}, random, registry);
//   auto value = co_await client.execute(Command::read("GET").key("post:17"), deadline);
//   auto pending = client.begin(std::move(commands), deadline);   // all leave now ...
//   Results results = pending.wait();                             // ... answers in their order
//
// Commands of one caller for one key are carried out in their order, unless one of them has to be
// tried again. Redis is never the only copy of anything: whoever gets one of these takes another
// way, or does without.
//
//   redis_unavailable      not done: no connection, no map, an open breaker, a cluster in trouble
//   redis_busy             not done: as much waits already as may
//   redis_timeout          not answered by the deadline; it may have been done
//   redis_outcome_unknown  the connection was lost; it may have been done (Command::once only)
//   redis_full             not done: the server's memory
//   redis_denied           credentials or rights
//   redis_cross_slot       keys of different slots in one command
//   redis_error            any other error of the server; the detail has its words
//   redis_closed           the client was closed
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/random.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/redis/call.hpp"
#include "platform/redis/options.hpp"

namespace madang::redis {

class Cluster;
class ShardedPubSub;

/// Commands that have left; their answers are taken once, or not at all.
class Pending {
 public:
  explicit Pending(std::shared_ptr<Gathering> gathering) : gathering_(std::move(gathering)) {}
  /// Blocks: for threads of pools. At most until the deadline and a moment.
  Results wait() { return gathering_->wait(); }
  /// For coroutines, on the executor that runs them.
  Task<Results> collect() {
    const std::shared_ptr<Gathering> gathering = gathering_;
    co_return co_await gathering->collect();
  }

 private:
  std::shared_ptr<Gathering> gathering_;
};

class Client {
 public:
  /// Both outlive it; `random` may be asked from its thread. Begins to connect; nothing waits for
  /// that but commands, up to their deadline.
  Client(ClientOptions options, Random& random, metrics::Registry& registry);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Ends everything on its way with redis_closed. Before the executors of those who wait end.
  void close();

  Task<Result<Value>> execute(Command command, Deadline deadline);
  Task<Results> execute_all(std::vector<Command> commands, Deadline deadline);
  // For threads of pools: these block.
  Result<Value> execute_blocking(Command command, Deadline deadline);
  Results execute_all_blocking(std::vector<Command> commands, Deadline deadline);

  /// Sends the commands, grouped by node, and does not wait.
  Pending begin(std::vector<Command> commands, Deadline deadline);

  /// The same; `told` has the answers, on the client's thread (or this one, when all are refused at
  /// once): quick, and never back into close().
  void fire(std::vector<Command> commands, Deadline deadline, std::function<void(Results)> told);

  /// Blocks until every slot has a master that answers; else says what is wrong in one line, at
  /// once when the credentials are (`redis_denied`).
  Result<void> ready(Deadline deadline);
  /// The masters it knows now. Blocks for a moment.
  std::vector<Address> masters();

 private:
  friend class ShardedPubSub;
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace madang::redis
