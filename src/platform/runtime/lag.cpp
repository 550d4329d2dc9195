#include "platform/runtime/lag.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace madang::runtime {

namespace {

// Written and read by its own I/O thread.
thread_local bool this_thread_overloaded = false;

}  // namespace

LagMonitor::LagMonitor(Options options, IoPool& pool, metrics::Registry& registry)
    : options_(options),
      pool_(pool),
      lag_seconds_(registry.histogram("madang_io_lag_seconds", "How late an I/O thread runs")) {}

void LagMonitor::start(TaskGroup& tasks) {
  for (std::size_t i = 0; i < pool_.size(); ++i)
    tasks.spawn(pool_.executor(i), "watch_lag", watch());
}

bool LagMonitor::overloaded() const {
  return this_thread_overloaded;
}

Task<> LagMonitor::watch() {
  using Steady = std::chrono::steady_clock;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  Steady::time_point late_since{};
  while (!stopping_) {
    const auto due = Steady::now() + options_.interval;
    timer.expires_at(due);
    co_await timer.async_wait(asio::use_awaitable);
    const auto now = Steady::now();
    const auto lag = now - due;
    lag_seconds_.Observe(std::chrono::duration<double>(lag).count());
    if (lag <= options_.limit) {
      late_since = {};
      this_thread_overloaded = false;
      continue;
    }
    if (late_since == Steady::time_point{}) late_since = now;
    // A single late look is the machine's doing; looks that stay late are ours.
    this_thread_overloaded = now - late_since >= options_.window;
  }
  this_thread_overloaded = false;
}

}  // namespace madang::runtime
