// How often and how soon a failed call is tried again.
//
// Sources: Google, "Site Reliability Engineering", ch. 21 and 22 (retry budgets); M. Brooker,
// "Exponential Backoff And Jitter", AWS Architecture Blog (full jitter).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "platform/resilience/timeline.hpp"

namespace madang::resilience {

struct BudgetOptions {
  double share = 0.1;        // retries for each call
  std::uint32_t burst = 10;  // saved up at most, and there at the start
};

/// Retries are at most `burst + share * calls`, at any moment since the start: when everything
/// fails, retries add a tenth to the load and do not multiply it. Thread-safe.
class RetryBudget {
 public:
  /// Throws std::invalid_argument unless 0 <= share <= 1.
  explicit RetryBudget(BudgetOptions options);
  /// A first attempt was made.
  void deposit();
  /// Whether one retry may be made.
  bool withdraw();

 private:
  static constexpr std::int64_t token = 1'000'000;
  const std::int64_t deposit_;
  const std::int64_t ceiling_;
  std::atomic<std::int64_t> balance_;
};

struct BackoffOptions {
  std::chrono::milliseconds base{20};
  std::chrono::milliseconds cap{1'000};
};

/// A pause between 0 and min(cap, base * 2^retry), uniform; `retry` counts from 0.
Steady::duration backoff(const BackoffOptions& options, int retry, Random& random);

}  // namespace madang::resilience
