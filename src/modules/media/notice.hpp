// Something that happens once, told to a coroutine that will not wait long for it.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>

#include "base/task.hpp"

namespace madang::media {

class Notice : public std::enable_shared_from_this<Notice> {
 public:
  /// `executor`: of the coroutine that waits; one thread runs it, and it outlives whoever calls
  /// done().
  explicit Notice(asio::any_io_executor executor) : executor_(executor), timer_(executor) {}

  /// It has happened. Any thread.
  void done();
  /// Until it has happened, at most `patience`. One waiter.
  Task<> wait(std::chrono::milliseconds patience);

 private:
  const asio::any_io_executor executor_;
  asio::steady_timer timer_;
  std::atomic<bool> done_{false};
};

}  // namespace madang::media
