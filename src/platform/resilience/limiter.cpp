#include "platform/resilience/limiter.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <memory>

namespace madang::resilience {

/// One in line. Leaves it when destroyed, also with the coroutine it lives in.
struct Limiter::Waiter {
  Waiter(Limiter& owner, std::function<void()> wake_up)
      : limiter(owner), wake(std::move(wake_up)) {}
  Waiter(const Waiter&) = delete;
  ~Waiter() {
    const std::lock_guard lock(limiter.mutex_);
    if (queued) limiter.line_.erase(place);
    if (granted) limiter.release_locked();
  }

  Limiter& limiter;
  const std::function<void()> wake;  // called under the lock, once granted
  std::list<Waiter*>::iterator place{};
  bool queued = false;
  bool granted = false;  // a place is ours, and no Slot holds it yet
};

Limiter::Limiter(LimiterOptions options, std::string_view code) : options_(options), code_(code) {}

bool Limiter::take() {
  const std::lock_guard lock(mutex_);
  return take_locked();
}

bool Limiter::take_locked() {
  if (in_use_ >= options_.concurrency) return false;
  ++in_use_;  // nobody is passed: release() hands places on while anybody waits
  return true;
}

Limiter::Entry Limiter::enter(Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (take_locked()) return Entry::taken;
  if (options_.wait.count() == 0 || line_.size() >= options_.waiting) return Entry::full;
  waiter.place = line_.insert(line_.end(), &waiter);
  waiter.queued = true;
  return Entry::queued;
}

Steady::time_point Limiter::wait_until(Deadline deadline) const {
  return std::min(deadline.at(), Steady::now() + options_.wait);
}

Result<Limiter::Slot> Limiter::outcome(Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(waiter.granted, false)) return refuse();
  return Slot(*this);
}

std::unexpected<Problem> Limiter::refuse() const {
  return busy(code_, "Too many at once; try again shortly.");
}

Result<Limiter::Slot> Limiter::acquire(Deadline deadline) {
  if (take()) return Slot(*this);
  std::condition_variable turn;
  Waiter waiter(*this, [&turn] { turn.notify_one(); });
  switch (enter(waiter)) {
    case Entry::taken:
      return Slot(*this);
    case Entry::full:
      return refuse();
    case Entry::queued:
      break;
  }
  {
    std::unique_lock lock(mutex_);
    turn.wait_until(lock, wait_until(deadline), [&waiter] { return waiter.granted; });
  }
  return outcome(waiter);
}

Task<Result<Limiter::Slot>> Limiter::acquire_async(Deadline deadline) {
  if (take()) co_return Slot(*this);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto timer = std::make_shared<asio::steady_timer>(executor, wait_until(deadline));
  // An expiry in the past and not cancel(): it holds whether the wait below has begun or not.
  Waiter waiter(*this, [executor, timer] {
    asio::post(executor, [timer] { timer->expires_at(Steady::time_point::min()); });
  });
  switch (enter(waiter)) {
    case Entry::taken:
      co_return Slot(*this);
    case Entry::full:
      co_return refuse();
    case Entry::queued:
      break;
  }
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await timer->async_wait(token);
  co_return outcome(waiter);
}

void Limiter::release() {
  const std::lock_guard lock(mutex_);
  release_locked();
}

void Limiter::release_locked() {
  if (line_.empty()) {
    --in_use_;
    return;
  }
  Waiter& next = *line_.front();
  line_.pop_front();
  next.queued = false;
  next.granted = true;
  next.wake();
}

std::size_t Limiter::in_use() const {
  const std::lock_guard lock(mutex_);
  return in_use_;
}

std::size_t Limiter::waiting() const {
  const std::lock_guard lock(mutex_);
  return line_.size();
}

}  // namespace madang::resilience
