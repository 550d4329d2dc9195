#include "modules/media/notice.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace madang::media {

void Notice::done() {
  done_ = true;
  asio::post(executor_, [self = shared_from_this()] { self->timer_.cancel(); });
}

Task<> Notice::wait(std::chrono::milliseconds patience) {
  timer_.expires_after(patience);
  // Both this and the cancellation run on the executor's thread: one that came before is seen here.
  if (done_) co_return;
  boost::system::error_code ignored;
  co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace madang::media
