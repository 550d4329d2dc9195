#include "platform/runtime/lag.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "platform/runtime/side_queue.hpp"
#include "platform/runtime/standing_delay.hpp"

namespace madang::runtime {

namespace {

using Steady = std::chrono::steady_clock;
using asio::use_awaitable;

constexpr auto pause_at_work = std::chrono::milliseconds(1);
constexpr auto pause_at_rest = std::chrono::milliseconds(10);

/// Between these the bound on requests at work moves; beyond, there is none.
constexpr double least_bound = 8, most_bound = 1024;

}  // namespace

struct LagMonitor::Probe {
  StandingDelay delay;
  SideQueue side;
  Steady::duration waited{};
  std::optional<Steady::time_point> sent{};  // it is not back yet
  bool asked = false;                        // somebody wanted to know since the last one
  double bound = most_bound;                 // of `inside`
  int inside = 0, most_inside = 0;           // requests at work; the most since the last probe

  // Additive increase, multiplicative decrease.
  void came_back(Steady::time_point now) {
    waited = now - *std::exchange(sent, std::nullopt);
    delay.observe(waited, now);
    side.begin_round();
    if (is_late(waited)) {
      bound = std::max(least_bound, std::min<double>(bound, most_inside) * 0.8);
    } else {
      bound = std::min(most_bound, bound + 1);
    }
    most_inside = inside;
  }

  bool is_late(Steady::duration delayed) const {
    return delay.standing() && delayed > delay.target();
  }

  bool refuses(bool aside) {
    asked = true;
    if (bound < most_bound && inside >= bound) return true;
    if (aside) return side.stands();
    // A probe that is out for longer than the last one was says more.
    const auto waiting = sent ? std::max(waited, Steady::now() - *sent) : waited;
    return (side.stands() || is_late(waiting)) && !side.takes_room();
  }
};

namespace {

int open_eventfd() {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

}  // namespace

LagMonitor::LagMonitor(std::chrono::milliseconds limit, IoPool& pool, metrics::Registry& registry)
    : limit_(limit),
      pool_(pool),
      lag_seconds_(registry.histogram("madang_io_lag_seconds",
                                      "How long what arrives waits for an I/O thread")) {}

void LagMonitor::start(TaskGroup& tasks) {
  for (std::size_t i = 0; i < pool_.size(); ++i)
    tasks.spawn(pool_.executor(i), "watch_lag", watch());
}

thread_local LagMonitor::Probe* LagMonitor::this_threads_ = nullptr;

bool LagMonitor::refuse_next(bool aside) {
  return this_threads_ && this_threads_->refuses(aside);
}

Task<> LagMonitor::stand_aside() {
  if (this_threads_) co_await this_threads_->side.wait();
}

bool LagMonitor::lets_one_go() {
  return !this_threads_ || this_threads_->side.lets_one_go();
}

LagMonitor::Inside::Inside() : probe_(this_threads_) {
  if (!probe_) return;
  probe_->most_inside = std::max(probe_->most_inside, ++probe_->inside);
}

LagMonitor::Inside::~Inside() {
  // The probe ends before the last requests do.
  if (probe_ && probe_ == this_threads_) --probe_->inside;
}

Task<> LagMonitor::watch() {
  const auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor descriptor(executor, open_eventfd());
  asio::steady_timer pause(executor);
  Probe probe{.delay = StandingDelay(limit_), .side = SideQueue(executor, {})};
  this_threads_ = &probe;
  struct Forget {
    ~Forget() { this_threads_ = nullptr; }
  } forget;
  while (!stopping_) {
    pause.expires_after(std::exchange(probe.asked, false) ? pause_at_work : pause_at_rest);
    co_await pause.async_wait(use_awaitable);
    // A write raises the descriptor's edge anew each time; nothing need be read.
    eventfd_write(descriptor.native_handle(), 1);
    probe.sent = Steady::now();
    co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read, use_awaitable);
    probe.came_back(Steady::now());
    lag_seconds_.Observe(std::chrono::duration<double>(probe.waited).count());
  }
  do {  // those who still stand aside go first
    co_await probe.side.wait();
    co_await asio::post(executor, use_awaitable);  // out of the turn
  } while (probe.side.waiting() > 0);
}

}  // namespace madang::runtime
