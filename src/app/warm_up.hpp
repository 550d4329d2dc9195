// What is done before the first request is taken, so that it is as fast as the hundredth: the feeds
// of those who were here most recently are read as they would read them, which fills the caches of
// posts, authors and statements and has the feeds built. What does not fit into the time given is
// done while serving, one feed after another.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "modules/social/feeds.hpp"
#include "platform/runtime/io_pool.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::app {

class WarmUp {
 public:
  WarmUp(db::Database& db, social::Feeds& feeds, runtime::IoPool& io, runtime::TaskGroup& tasks,
         metrics::Registry& registry);

  /// Blocks for about `budget` at most; zero: does nothing at all. Once.
  void run(std::chrono::milliseconds budget);
  /// Does not begin another feed.
  void stop() { stopping_ = true; }

 private:
  Task<> warm(bool stays);

  db::Database& db_;
  social::Feeds& feeds_;
  runtime::IoPool& io_;
  runtime::TaskGroup& tasks_;
  metrics::Counter& warmed_;
  std::vector<Id> viewers_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> serving_{false};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable idle_;
  int at_work_ = 0;
};

}  // namespace madang::app
