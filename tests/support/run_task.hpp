// Runs a coroutine to its end on the caller's io_context, for tests.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <deque>
#include <future>

#include "base/task.hpp"

namespace madang::test {

/// A new one that lasts as long as the program: for coroutines that are woken by threads which
/// outlive the test (a thread may still be in its post() when what it has posted is done already).
inline asio::io_context& lasting_io() {
  static auto* const all = new std::deque<asio::io_context>;
  return all->emplace_back(1);
}

template <class T>
T run_task(asio::io_context& io, Task<T> task) {
  using namespace std::chrono_literals;
  std::future<T> outcome = asio::co_spawn(io, std::move(task), asio::use_future);
  if (io.stopped()) io.restart();
  while (outcome.wait_for(0s) != std::future_status::ready) io.run_one_for(10ms);
  return outcome.get();
}

}  // namespace madang::test
