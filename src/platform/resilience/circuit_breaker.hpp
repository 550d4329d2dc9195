// A circuit breaker over a sliding window of time: when what we call fails or is slow too often,
// calls are refused at once for a while; then a few probes find out whether it is back.
//
//   closed --(failure ratio | slow ratio | failures in a row)--> open
//   open --(its time is over)--> half-open --(all probes well)--> closed
//                                half-open --(one probe fails)--> open, for twice as long
//
// A state machine without a clock: whoever calls says what time it is. Thread-safe. Sources: M.
// Nygard, "Release It!", stability patterns; Resilience4j, "CircuitBreaker", time-based window.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "platform/resilience/timeline.hpp"

namespace madang::resilience {

struct BreakerOptions {
  std::chrono::milliseconds window{10'000};  // how far back calls are counted
  int buckets = 10;                          // the window moves by window / buckets
  std::uint32_t min_calls = 20;              // in the window, before a ratio means anything
  double failure_ratio = 0.5;                // of calls in the window: opens from here on
  /// Opens after this many without a success between, each within a window of the last, whatever
  /// min_calls says: what is gone altogether is not asked twenty times. 0: does not.
  std::uint32_t failures_in_a_row = 5;
  std::chrono::milliseconds slow_after{0};  // a call that takes longer is slow; 0: none is
  double slow_ratio = 0.8;                  // of calls in the window: opens from here on
  /// Open for a random time between half of this and all of it; twice as long after each
  /// half-open period that failed, up to open_at_most.
  std::chrono::milliseconds open_for{1'000};
  std::chrono::milliseconds open_at_most{10'000};
  std::uint32_t probes = 2;  // while half-open: let through, and all must be well
};

class CircuitBreaker {
 public:
  enum class State : std::uint8_t { closed = 0, half_open = 1, open = 2 };
  using Listener = std::function<void(State)>;

  /// `changed` is told of every new state, under the breaker's lock: quick, no call back. `random`
  /// is asked under the lock too, and outlives the breaker. Throws std::invalid_argument for
  /// options that make no sense.
  CircuitBreaker(BreakerOptions options, Random& random, Listener changed = {});
  CircuitBreaker(const CircuitBreaker&) = delete;
  CircuitBreaker& operator=(const CircuitBreaker&) = delete;

  /// Leave to make one call. Destroyed without finish(): as if there had been none.
  class Permit {
   public:
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    /// Once. What began before the state last changed tells nothing about now and is not counted.
    void finish(bool success, Steady::time_point now);

   private:
    friend class CircuitBreaker;
    Permit(CircuitBreaker& breaker, Steady::time_point began, std::uint64_t era, bool probe)
        : breaker_(&breaker), began_(began), era_(era), probe_(probe) {}
    CircuitBreaker* breaker_;
    Steady::time_point began_;
    std::uint64_t era_;
    bool probe_;
  };

  /// Nothing: refused. The breaker outlives the permit.
  std::optional<Permit> admit(Steady::time_point now);
  /// Whether admit() would refuse; takes nothing.
  bool refuses(Steady::time_point now) const;
  /// An open one whose time is over stays open until somebody asks to be admitted.
  State state() const;
  /// How long until a call may be tried again; zero unless open.
  Steady::duration open_left(Steady::time_point now) const;

 private:
  struct Bucket {
    std::int64_t number = -1;  // of its slice of time, counted from the epoch of steady time
    std::uint32_t calls = 0, failures = 0, slow = 0;
  };

  void finished(const Permit& permit, bool success, Steady::time_point now);
  void abandoned(const Permit& permit);
  void finished_probe(bool well, Steady::time_point now);
  void count(bool success, bool slow, Steady::time_point now);
  bool too_many(Steady::time_point now) const;
  void open(Steady::time_point now);
  void change(State to);
  bool refuses_locked(Steady::time_point now) const;
  std::int64_t number_of(Steady::time_point at) const;

  const BreakerOptions options_;
  const Steady::duration slice_;
  Random& random_;
  const Listener changed_;
  mutable std::mutex mutex_;
  State state_ = State::closed;
  std::uint64_t era_ = 0;  // counts changes of state
  std::vector<Bucket> buckets_;
  std::uint32_t in_a_row_ = 0;
  Steady::time_point last_failure_{};
  Steady::time_point open_until_{};
  std::chrono::milliseconds next_open_;
  std::uint32_t probes_out_ = 0;   // begun and not finished
  std::uint32_t probes_well_ = 0;  // succeeded in this half-open period
};

}  // namespace madang::resilience
