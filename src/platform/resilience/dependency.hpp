// What we call and do not own, by name: every call passes the same guard.
//
//   deadline -> circuit breaker -> bounded concurrency -> the call -> outcome -> retry, or not
//
//   resilience::Dependency s3({.name = "s3"}, random, registry);
//   auto found = s3.call(deadline, [&](Deadline attempt) { return head(key, attempt); },
//                        {.idempotent = true});                  // on a pool's thread: blocks
//   auto found = co_await s3.call(deadline, ask, {...});         // ask: Deadline ->
//   Task<Result<T>>
//
// Promises: nothing waits beyond the deadline (the call itself must keep the one it is given); an
// open breaker answers at once; a call that timed out is not tried again, so that nobody waits for
// the same time-out twice; retries stay within a budget.
//
// Refusals (Kind::unavailable, with Retry-After): `<name>_unavailable` the breaker is open;
// `<name>_busy` too many at once; `<name>_late` the deadline has passed before the call.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "base/task.hpp"
#include "platform/metrics/metrics.hpp"
#include "platform/resilience/circuit_breaker.hpp"
#include "platform/resilience/limiter.hpp"
#include "platform/resilience/retry.hpp"
#include "platform/resilience/timeline.hpp"

namespace madang::resilience {

/// What became of one attempt.
enum class Outcome : std::uint8_t {
  success,
  permanent,  // it answered, and asking again would not help: no retry, no failure
  transient,  // it did nothing: worth a retry, and a failure
  unknown,    // it may have done it: a failure; a retry only where repeating is harmless
  timeout,    // as unknown, after a long wait: a failure, never a retry
};
std::string_view outcome_name(Outcome outcome);

/// By kind: unavailable and too_many are transient, timeout is timeout, internal is unknown, the
/// rest permanent.
Outcome outcome_by_kind(const Problem& problem);

struct DependencyOptions {
  std::string name;                            // a-z, 0-9 and _: the metrics' label, the codes
  int attempts = 3;                            // of one call at most, the first included
  std::chrono::milliseconds attempt_limit{0};  // of one attempt; 0: the deadline's alone
  BreakerOptions breaker{};
  BackoffOptions backoff{};
  BudgetOptions budget{};
  LimiterOptions limiter{};
};

struct CallOptions {
  bool idempotent = false;  // repeating it is harmless
  Outcome (*classify)(const Problem&) = &outcome_by_kind;
};

template <class T>
struct TaskValue {};
template <class T>
struct TaskValue<Task<T>> {
  using type = T;
};

class Dependency {
 public:
  /// All outlive it. Throws std::invalid_argument for a name or options that make no sense.
  Dependency(DependencyOptions options, Random& random, metrics::Registry& registry,
             Timeline& timeline = system_timeline());
  ~Dependency();
  Dependency(const Dependency&) = delete;
  Dependency& operator=(const Dependency&) = delete;

  /// One admitted attempt, for clients whose calls have a shape of their own (pipelines). Exactly
  /// one finish(); destroyed without: as if there had been none. The dependency outlives it.
  class Attempt {
   public:
    Attempt(Attempt&& other) noexcept;
    Attempt& operator=(Attempt&&) = delete;
    ~Attempt();
    Deadline deadline() const { return deadline_; }
    void finish(Outcome outcome);

   private:
    friend class Dependency;
    Attempt(Dependency& dependency, Limiter::Slot slot, CircuitBreaker::Permit permit,
            Deadline deadline);
    Dependency* dependency_;
    std::optional<Limiter::Slot> slot_;
    CircuitBreaker::Permit permit_;
    Steady::time_point began_;
    Deadline deadline_;
  };
  Result<Attempt> enter(Deadline deadline);
  Task<Result<Attempt>> enter_async(Deadline deadline);

  /// Blocks: for threads of pools. f: Deadline -> Result<T>. An exception out of f is an unknown
  /// outcome, and goes on to the caller.
  template <class F, class Out = std::invoke_result_t<F&, Deadline>>
    requires requires { typename Out::error_type; }
  Out call(Deadline deadline, F f, CallOptions options = {}) {
    for (int retry = 0;; ++retry) {
      Result<Attempt> attempt = enter(deadline);
      if (!attempt) return std::unexpected(std::move(attempt.error()));
      if (retry == 0) budget_.deposit();
      Out out = guarded(*attempt, f);
      const auto again = settle(*attempt, deadline, problem_of(out), retry, options);
      if (!again) return out;
      timeline_.sleep_until(*again);
    }
  }

  /// The same for coroutines. f: Deadline -> Task<Result<T>>, a named coroutine or a plain lambda
  /// that returns one; it lives until the answer.
  template <class F, class Out = typename TaskValue<std::invoke_result_t<F&, Deadline>>::type>
  Task<Out> call(Deadline deadline, F f, CallOptions options = {}) {
    for (int retry = 0;; ++retry) {
      Result<Attempt> attempt = co_await enter_async(deadline);
      if (!attempt) co_return std::unexpected(std::move(attempt.error()));
      if (retry == 0) budget_.deposit();
      std::optional<Out> out;
      std::exception_ptr error;
      try {
        auto task = f(attempt->deadline());
        out.emplace(co_await std::move(task));
      } catch (...) {
        error = std::current_exception();
      }
      if (error) {
        attempt->finish(Outcome::unknown);
        std::rethrow_exception(error);
      }
      const auto again = settle(*attempt, deadline, problem_of(*out), retry, options);
      if (!again) co_return std::move(*out);
      const Steady::time_point at = *again;
      co_await timeline_.wait_until(at);
    }
  }

  const std::string& name() const { return options_.name; }
  CircuitBreaker::State state() const { return breaker_.state(); }
  /// Whether a call would be refused at once now: to choose another way before preparing one.
  bool refuses() const { return breaker_.refuses(timeline_.now()); }
  /// What an open breaker answers.
  Problem unavailable() const;

 private:
  class LockedRandom;
  struct Metrics;

  template <class Out>
  static const Problem* problem_of(const Out& out) {
    return out ? nullptr : &out.error();
  }
  template <class F>
  auto guarded(Attempt& attempt, F& f) {
    try {
      return f(attempt.deadline());
    } catch (...) {
      attempt.finish(Outcome::unknown);
      throw;
    }
  }

  /// Ends the attempt. When to try again; nothing: the answer stands.
  std::optional<Steady::time_point> settle(Attempt& attempt, Deadline deadline,
                                           const Problem* problem, int retry,
                                           const CallOptions& options);
  std::optional<Problem> refusal(Deadline deadline);
  Result<Attempt> admit(Deadline deadline, Limiter::Slot slot);
  void changed(CircuitBreaker::State state);

  const DependencyOptions options_;
  Timeline& timeline_;
  const std::string_view unavailable_code_;
  const std::string_view late_code_;
  std::unique_ptr<Metrics> metrics_;
  std::unique_ptr<LockedRandom> random_;
  CircuitBreaker breaker_;
  RetryBudget budget_;
  Limiter limiter_;
};

}  // namespace madang::resilience
