// What a client is told about its servers.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "platform/redis/connection.hpp"
#include "platform/resilience/circuit_breaker.hpp"
#include "platform/resilience/retry.hpp"

namespace madang::redis {

struct ClientOptions {
  /// Any nodes of the cluster, or the one server that is none.
  std::vector<Address> seeds;
  ConnectionOptions connection{};
  /// No command waits longer, whatever its deadline says.
  std::chrono::milliseconds longest_wait{5'000};
  std::size_t max_queued =
      262'144;  // commands handed over and not yet taken by the client's thread
  std::size_t max_pausing = 16'384;  // commands that wait to be tried again
  int max_redirects = 5;             // MOVED and ASK of one command
  int max_waits = 3;                 // pauses of one command
  resilience::BackoffOptions pause{std::chrono::milliseconds(20), std::chrono::milliseconds(200)};
  resilience::BudgetOptions retries{};   // of commands whose connection was lost
  resilience::BreakerOptions breaker{};  // one a node
  /// Asking for the slot map: not more often than this, and every so often unasked.
  std::chrono::milliseconds map_interval{100};
  std::chrono::milliseconds map_patience{500};
  std::chrono::milliseconds map_period{15'000};
};

}  // namespace madang::redis
