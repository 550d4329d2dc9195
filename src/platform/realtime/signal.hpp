// Wakes one waiting coroutine from any thread.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>

#include "base/task.hpp"

namespace madang::realtime {

/// The executor runs one handler at a time (an I/O thread's own context, or a strand).
class Signal : public std::enable_shared_from_this<Signal> {
 public:
  using Steady = std::chrono::steady_clock;
  explicit Signal(const asio::any_io_executor& executor) : timer_(executor) {}

  /// Any thread; holds no lock. One that comes before wait_until() is not lost.
  void notify() noexcept;
  /// On the executor, by one coroutine at a time: returns at `at`, or earlier after a notify().
  Task<> wait_until(Steady::time_point at);

 private:
  std::atomic<bool> set_{false};
  asio::steady_timer timer_;
};

}  // namespace madang::realtime
