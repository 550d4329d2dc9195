// Own writes by way of Redis: on commit the account's position (Database::committed) is put there,
// and whoever serves it next observes that first. Not there, not reachable, or of a server that may
// have lost the latest: the primary is read. Who only reads is given a position too, so that the
// replicas serve most people most of the time.
//
// The limits of it: a master that was replaced and does not know it yet can be asked by an instance
// that does not know it either, for the cluster's node timeout. And an instance that cannot reach a
// Redis that others reach goes on trying to put the position there, but answers after `patience`;
// until it succeeds, others may serve that account's reads from before the write. (A Redis that
// nobody reaches hides nothing.)
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

#include "platform/db/own_writes.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/redis/client.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::db {

struct OwnWritesOptions {
  std::string prefix = "own";
  std::chrono::milliseconds life{10 * 60 * 1000};  // of a position; then the primary is read once
  std::chrono::milliseconds patience{1'000};       // for Redis to take a position
  std::chrono::milliseconds read_patience{100};    // for it to tell one
  std::chrono::milliseconds again_after{100};      // what it did not take is tried this often
  std::size_t owed = 10'000;                       // accounts; beyond: counted and given up
};

class RedisOwnWrites final : public OwnWrites {
 public:
  /// All outlive it.
  RedisOwnWrites(OwnWritesOptions options, Database& db, redis::Client& client,
                 runtime::TaskGroup& tasks, metrics::Registry& registry);

  Task<> wrote(Id account, Deadline deadline) override;
  Task<Freshness> freshness(Id account, Deadline deadline) override;
  /// What is owed is given up. Before waiting for the tasks.
  void close();

 private:
  struct Owed {
    std::string position;
    Deadline until;  // then no earlier position can be there any more
  };

  redis::Command put(Id account, std::string_view position) const;
  /// Whether somebody has to begin to pay.
  bool owe(Id account, std::string position);
  Task<> pay();
  std::vector<std::pair<Id, std::string>> some_owed();
  bool paid(const std::vector<std::pair<Id, std::string>>& tried, const redis::Results& results);
  Task<> begin(Id account);

  const OwnWritesOptions options_;
  Database& db_;
  redis::Client& client_;
  runtime::TaskGroup& tasks_;
  const redis::Script put_;
  metrics::Counter& known_;
  metrics::Counter& unknown_;
  metrics::Counter& late_;
  metrics::Counter& given_up_;
  std::mutex mutex_;
  std::unordered_map<Id, Owed> owed_;
  bool paying_ = false;
  bool closed_ = false;
};

}  // namespace madang::db
