// What a dispatcher knows of its subscribers. Internal to it.
#pragma once

#include "platform/events/dispatcher.hpp"

namespace madang::events {

struct Dispatcher::Durable {
  DurableSubscriber* subscriber;
  Place place;
  Time next_retry{};
  metrics::Counter* handled;
  metrics::Counter* parked_total;
  metrics::Gauge* parked;
  metrics::Gauge* dead;
};

struct Dispatcher::Volatile {
  VolatileSubscriber* subscriber;
  std::string name;
  std::int64_t position = -1;  // -1: begins at the log's end
  metrics::Counter* handled;
  metrics::Counter* failed;
};

struct Dispatcher::Leased {
  LeasedSubscriber* subscriber;
  std::string name;
  Place place;
  std::chrono::steady_clock::time_point next_try{};
  int failures = 0;  // in a row
  metrics::Counter* handled;
  metrics::Counter* failed;
  metrics::Gauge* leading;
};

/// Why a handler did not take an event, in words for an operator. Inside a catch block.
std::string describe_current_exception();

}  // namespace madang::events
