#include "platform/resilience/timeline.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <thread>

namespace madang::resilience {

void SystemTimeline::sleep_until(Steady::time_point at) {
  std::this_thread::sleep_until(at);
}

Task<> SystemTimeline::wait_until(Steady::time_point at) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_at(at);
  co_await timer.async_wait(asio::use_awaitable);
}

Timeline& system_timeline() {
  static SystemTimeline timeline;
  return timeline;
}

void ManualTimeline::sleep_until(Steady::time_point at) {
  const Steady::rep target = at.time_since_epoch().count();
  Steady::rep now = ticks_.load();
  while (now < target && !ticks_.compare_exchange_weak(now, target)) {
  }
}

Task<> ManualTimeline::wait_until(Steady::time_point at) {
  sleep_until(at);
  co_return;
}

double uniform(Random& random) {
  const auto bytes = random.bytes<8>();
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data(), sizeof word);
  return static_cast<double>(word >> 11) * 0x1p-53;
}

}  // namespace madang::resilience
