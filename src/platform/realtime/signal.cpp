#include "platform/realtime/signal.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace madang::realtime {

void Signal::notify() noexcept {
  if (set_.exchange(true, std::memory_order_acq_rel)) return;  // a wake-up is on its way
  try {
    // On the executor the coroutine either waits already, or has yet to look at set_.
    asio::post(timer_.get_executor(), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->timer_.cancel();
    });
  } catch (...) {  // no memory: the next notify() tries again, and waits are bounded
    set_.store(false, std::memory_order_release);
  }
}

Task<> Signal::wait_until(Steady::time_point at) {
  if (set_.exchange(false, std::memory_order_acq_rel)) co_return;
  timer_.expires_at(at);
  boost::system::error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  // Before the caller looks at what there is: whatever comes after that look sets it again.
  set_.store(false, std::memory_order_release);
}

}  // namespace madang::realtime
