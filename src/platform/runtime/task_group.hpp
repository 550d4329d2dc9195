// Named background coroutines that somebody counts, logs and waits for: nothing is ever detached.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>

#include "base/task.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::runtime {

class TaskGroup {
 public:
  TaskGroup(std::string name, metrics::Registry& registry);
  /// Waits for all: whoever owns the tasks has told them to end.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Runs task on executor. An exception that leaves it is logged with the task's name and counted.
  /// A task destroyed unfinished (IoPool::stop) counts as ended.
  void spawn(const boost::asio::any_io_executor& executor, std::string_view task_name, Task<> task);
  std::size_t running() const;
  /// Blocks until none runs. Never from an I/O thread.
  void wait();
  /// As wait(), for at most `timeout`; whether none runs any more.
  bool wait_for(std::chrono::milliseconds timeout);

 private:
  class Finish;
  void finished(const std::string& task_name, std::exception_ptr error) noexcept;

  const std::string name_;
  metrics::Gauge& running_gauge_;
  metrics::Counter& failed_;
  mutable std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t running_ = 0;
};

}  // namespace madang::runtime
