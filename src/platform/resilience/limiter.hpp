// Bounded concurrency with a bounded queue: at most so many at once, at most so many waiting, each
// for at most so long. First come, first served; threads and coroutines wait in one line.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"
#include "base/task.hpp"
#include "platform/resilience/timeline.hpp"

namespace madang::resilience {

struct LimiterOptions {
  std::size_t concurrency = 64;
  std::size_t waiting = 256;            // in line at most
  std::chrono::milliseconds wait{100};  // in line at most, each; 0: nobody waits
};

class Limiter {
 public:
  /// `code` of refusals: outlives every Problem.
  explicit Limiter(LimiterOptions options, std::string_view code = "busy");
  /// Nobody may wait any more, and every slot has been given back.
  ~Limiter() = default;
  Limiter(const Limiter&) = delete;
  Limiter& operator=(const Limiter&) = delete;

  /// One of the places; given back when it is destroyed.
  class Slot {
   public:
    explicit Slot(Limiter& limiter) : limiter_(&limiter) {}
    Slot(Slot&& other) noexcept : limiter_(std::exchange(other.limiter_, nullptr)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (limiter_ != nullptr) limiter_->release();
    }

   private:
    Limiter* limiter_;
  };

  /// Waits in real steady time, never beyond the deadline. Errors: `code` (unavailable, Retry-After
  /// 1 s) when the line is full or the wait was in vain. acquire() blocks: for threads of pools.
  Result<Slot> acquire(Deadline deadline);
  Task<Result<Slot>> acquire_async(Deadline deadline);

  std::size_t in_use() const;
  std::size_t waiting() const;

 private:
  struct Waiter;
  enum class Entry { taken, queued, full };
  bool take();
  bool take_locked();
  Entry enter(Waiter& waiter);
  Steady::time_point wait_until(Deadline deadline) const;
  Result<Slot> outcome(Waiter& waiter);
  std::unexpected<Problem> refuse() const;
  void release();
  void release_locked();

  const LimiterOptions options_;
  const std::string_view code_;
  mutable std::mutex mutex_;
  std::size_t in_use_ = 0;
  std::list<Waiter*> line_;
};

}  // namespace madang::resilience
