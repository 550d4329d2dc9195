// The I/O threads: one io_context each. Nothing that blocks runs here.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace madang::runtime {

class IoPool {
 public:
  /// Starts `threads` threads, each running an io_context of its own until stop().
  explicit IoPool(int threads);
  ~IoPool();
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  std::size_t size() const;
  boost::asio::any_io_executor executor(std::size_t index);
  /// Round robin.
  boost::asio::any_io_executor any();
  /// Ends the threads; coroutines that still wait are destroyed. Close whatever completes them
  /// first. Executors stay safe to post to until the pool is destroyed, but nothing runs any more.
  void stop();

 private:
  struct Thread;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace madang::runtime
