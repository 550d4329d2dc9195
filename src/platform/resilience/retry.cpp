#include "platform/resilience/retry.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace madang::resilience {

RetryBudget::RetryBudget(BudgetOptions options)
    : deposit_(static_cast<std::int64_t>(std::floor(options.share * token))),
      ceiling_(std::int64_t{options.burst} * token),
      balance_(ceiling_) {
  if (!(options.share >= 0 && options.share <= 1))
    throw std::invalid_argument("retry budget: share out of range");
}

void RetryBudget::deposit() {
  std::int64_t held = balance_.load(std::memory_order_relaxed);
  while (held < ceiling_ &&
         !balance_.compare_exchange_weak(held, std::min(held + deposit_, ceiling_),
                                         std::memory_order_relaxed)) {
  }
}

bool RetryBudget::withdraw() {
  std::int64_t held = balance_.load(std::memory_order_relaxed);
  while (held >= token) {
    if (balance_.compare_exchange_weak(held, held - token, std::memory_order_relaxed)) return true;
  }
  return false;
}

Steady::duration backoff(const BackoffOptions& options, int retry, Random& random) {
  // Beyond 2^20 times the base every sensible cap holds; a shift too far would be undefined.
  const auto grown = options.base * (std::int64_t{1} << std::clamp(retry, 0, 20));
  const std::chrono::duration<double, std::milli> limit = std::min(grown, options.cap);
  return std::chrono::duration_cast<Steady::duration>(limit * uniform(random));
}

}  // namespace madang::resilience
