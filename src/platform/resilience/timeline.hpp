// Steady time that tests can turn by hand, with the two ways to wait in it.
#pragma once

#include <atomic>
#include <chrono>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/task.hpp"

namespace madang::resilience {

using Steady = Deadline::Steady;

class Timeline {
 public:
  virtual ~Timeline() = default;
  virtual Steady::time_point now() const = 0;
  /// Blocks: for threads of pools.
  virtual void sleep_until(Steady::time_point at) = 0;
  /// For coroutines.
  virtual Task<> wait_until(Steady::time_point at) = 0;
};

class SystemTimeline final : public Timeline {
 public:
  Steady::time_point now() const override { return Steady::now(); }
  void sleep_until(Steady::time_point at) override;
  Task<> wait_until(Steady::time_point at) override;
};

/// The one of the process.
Timeline& system_timeline();

/// For tests: stands still until it is moved; who waits moves it.
class ManualTimeline : public Timeline {
 public:
  Steady::time_point now() const override {
    return Steady::time_point(Steady::duration(ticks_.load()));
  }
  void advance(Steady::duration by) { ticks_ += by.count(); }
  void sleep_until(Steady::time_point at) override;
  Task<> wait_until(Steady::time_point at) override;

 private:
  // Well after zero, so that a test may look back.
  std::atomic<Steady::rep> ticks_ = Steady::duration(std::chrono::hours(24)).count();
};

/// Uniform in [0, 1).
double uniform(Random& random);

}  // namespace madang::resilience
