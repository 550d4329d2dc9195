// Private to platform/http: what Api keeps of an endpoint.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <unordered_set>

#include "platform/http/api.hpp"

namespace madang::http {

struct Api::Route {
  Endpoint endpoint;
  Description description;
  Raw run;
  const RatePolicy* rate = nullptr;  // nothing: unlimited
  std::string rate_policy;           // its RateLimit-Policy header
  metrics::Histogram* seconds = nullptr;
  mutable std::array<std::atomic<metrics::Counter*>, 6> by_class{};  // [status / 100]

  /// Found at the first answer of a class, so that the classes that never occur are no series.
  metrics::Counter& counter(unsigned status_class, metrics::Registry& registry) const {
    auto& slot = by_class[status_class < 6 ? status_class : 5];
    if (metrics::Counter* known = slot.load(std::memory_order_acquire)) return *known;
    const metrics::Labels labels{{"method", std::string(method_name(endpoint.method))},
                                 {"route", endpoint.path},
                                 {"status", std::to_string(status_class) + "xx"}};
    metrics::Counter& found =
        registry.counter("madang_http_requests_total", "Requests answered", labels);
    slot.store(&found, std::memory_order_release);
    return found;
  }
};

/// Idempotency-Keys of requests being worked on, so that a second one is told so instead of
/// waiting.
class Api::InFlight {
 public:
  InFlight(std::size_t bound, metrics::Gauge& gauge) : bound_(bound), gauge_(gauge) {}

  enum class Taken { yes, busy, full };
  Taken take(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (names_.contains(name)) return Taken::busy;
    if (names_.size() >= bound_) return Taken::full;
    names_.insert(name);
    gauge_.Increment();
    return Taken::yes;
  }
  void release(const std::string& name) {
    const std::lock_guard lock(mutex_);
    names_.erase(name);
    gauge_.Decrement();
  }

 private:
  const std::size_t bound_;
  metrics::Gauge& gauge_;
  std::mutex mutex_;
  std::unordered_set<std::string> names_;
};

}  // namespace madang::http
