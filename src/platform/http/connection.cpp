#include "platform/http/connection.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <exception>
#include <utility>

#include "platform/http/ascii.hpp"
#include "platform/log/log.hpp"
#include "platform/runtime/lag.hpp"

namespace madang::http {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t first_read = 4 * 1024;  // holds nearly every head
constexpr std::size_t least_read = 512;
constexpr std::size_t kept_capacity = 16 * 1024;  // larger buffers are not kept between requests
constexpr std::size_t linger_bytes = 8 * 1024 * 1024;
constexpr auto linger_time = 5s;
constexpr auto linger_time_draining = 1s;
constexpr auto linger_time_turned_away = 500ms;
constexpr auto recently = 1s;         // in use, as draining sees it
constexpr auto memory_kept_for = 1s;  // of an idle connection

bool is_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '_';
  });
}

}  // namespace

Connection::Connection(Socket socket, Shard& shard, bool counted)
    : shard_(shard),
      socket_(std::move(socket)),
      idle_since_(shard.now()),
      parser_(
          {.max_head = shard.core.options.max_head, .max_target = shard.core.options.max_target}),
      counted_(counted) {
  place_ = shard_.connections.insert(shard_.connections.end(), this);
  add(shard_.stats.open, 1);
  if (counted_)
    ++shard_.core.connections;
  else
    ++shard_.turned_away;
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  const auto peer = socket_.remote_endpoint(ignored).address();
  peer_ = address_text(peer);
  peer_trusted_ = shard_.core.proxies.contains(peer);
}

Connection::~Connection() {
  if (in_request_) add(shard_.stats.in_flight, std::uint64_t(-1));
  release_charge();
  shard_.connections.erase(place_);
  add(shard_.stats.open, std::uint64_t(-1));
  if (counted_)
    --shard_.core.connections;
  else
    --shard_.turned_away;
}

Task<> Connection::serve(std::unique_ptr<Connection> self) {
  for (bool more = true; more;) {
    more = co_await self->next_head();
    if (!more) break;
    if (self->aside_) co_await self->stand_aside();
    more = co_await self->exchange();
    self->end_request();
  }
  if (self->broken_ || !co_await self->flush()) co_return;
  co_await self->linger(self->shard_.draining() ? linger_time_draining : linger_time);
}

Task<> Connection::turn_away(std::unique_ptr<Connection> self) {
  self->refuse({.kind = Kind::unavailable,
                .code = "too_many_connections",
                .detail = "The server has all the connections it can serve."});
  if (!self->try_flush()) co_return;
  co_await self->linger(linger_time_turned_away);
}

void Connection::arm(Phase phase, Steady::duration timeout) {
  phase_ = phase;
  wake_ = Wake::none;
  deadline_ = shard_.in(timeout);
}

void Connection::wake(Wake reason) {
  wake_ = reason;
  disarm();
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::tick(Steady::time_point now) {
  if (deadline_ <= now) return wake(Wake::timeout);
  if (phase_ == Phase::idle && !lean_ && now - idle_since_ >= memory_kept_for) {
    const auto deadline = deadline_;
    wake(Wake::release_memory);
    deadline_ = deadline;
  }
}

void Connection::begin_drain() {
  if (events_ != nullptr) events_->close();
  if (phase_ == Phase::idle) {
    const Steady::duration grace = shard_.now() - idle_since_ < recently
                                       ? Steady::duration(shard_.core.options.drain_grace)
                                       : 0ms;
    deadline_ = std::min(deadline_, Steady::now() + grace);
  } else if (phase_ == Phase::linger) {
    deadline_ = std::min(deadline_, Steady::now() + linger_time_draining);
  }
}

void Connection::cut() {
  broken_ = true;
  if (events_ != nullptr) events_->close();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

/// Parses what is there before reading more: pipelined requests cost no read, and their answers
/// leave together.
Task<bool> Connection::next_head() {
  idle_since_ = shard_.now();
  for (bool fresh = true;; fresh = false) {
    const auto head = parser_.parse_head(in_.view(), request_);
    if (!head) {
      refuse(head.error());
      co_return false;
    }
    if (*head > 0) {
      head_size_ = held_ = *head;
      co_return true;
    }
    if (!try_flush() && !co_await flush()) co_return false;
    if (fresh || phase_ == Phase::idle) arm_for_head();
    const Read outcome = co_await read_head();
    if (outcome == Read::some) continue;
    if (outcome == Read::timed_out && phase_ == Phase::head) {
      refuse({.kind = Kind::timeout,
              .code = "request_timeout",
              .detail = "The request's head did not arrive in time."});
    } else {
      broken_ = true;  // nobody waits for an answer
    }
    co_return false;
  }
}

/// The head's time runs from its first byte, whatever number of reads it takes.
void Connection::arm_for_head() {
  const ServerOptions& options = shard_.core.options;
  if (!in_.empty()) return arm(Phase::head, options.head_timeout);
  arm(Phase::idle, shard_.draining() ? options.drain_grace : options.idle_timeout);
}

Task<Connection::Read> Connection::read_head() {
  for (;;) {
    boost::system::error_code ec;
    std::size_t count = 0;
    if (lean_) {
      std::tie(ec) = co_await socket_.async_wait(Socket::wait_read, in_tuple);
      lean_ = false;
    }
    if (!ec) {
      const std::span<char> room = in_.prepare(in_.capacity() == 0 ? first_read : least_read);
      const auto buffer = asio::buffer(room.data(), room.size());
      std::tie(ec, count) = co_await socket_.async_read_some(buffer, in_tuple);
    }
    if (ec == asio::error::operation_aborted && wake_ == Wake::release_memory) {
      wake_ = Wake::none;
      give_memory_back();
      continue;
    }
    if (ec == asio::error::operation_aborted && wake_ == Wake::timeout && phase_ == Phase::idle) {
      // The request that came in the same moment is still served.
      const std::span<char> room = in_.prepare(first_read);
      count = socket_.read_some(asio::buffer(room.data(), room.size()), ec);
    }
    if (!ec) {
      in_.commit(count);
      add(shard_.stats.received_bytes, count);
      co_return Read::some;
    }
    co_return wake_ == Wake::timeout ? Read::timed_out : Read::ended;
  }
}

/// An idle connection waits without buffers: ten thousand of them are the normal case.
void Connection::give_memory_back() {
  lean_ = true;
  in_.release();
  out_ = {};
  head_copy_ = {};
  request_ = {};
}

Task<> Connection::stand_aside() {
  (void)try_flush();  // what it was told does not wait with it
  phase_ = Phase::busy;
  disarm();
  add(shard_.stats.aside, 1);
  co_await runtime::LagMonitor::stand_aside();
  add(shard_.stats.aside, std::uint64_t(-1));
}

Task<bool> Connection::exchange() {
  begin_request();
  std::optional<BodyPolicy> policy = ask_policy();
  if (!policy) co_return false;
  const bool stood_aside = std::exchange(aside_, false);
  if (policy->refuse) {
    aside_ = !stood_aside || !runtime::LagMonitor::lets_one_go();
    Response refusal = std::move(*policy->refuse);
    co_return co_await respond(std::move(refusal));
  }
  body_limit_ = policy->limit;
  if (parser_.content_length().value_or(0) > body_limit_) {
    refuse({.kind = Kind::too_large,
            .code = "body_too_large",
            .detail = "The body is larger than this route accepts."});
    co_return false;
  }
  if (policy->stream) {
    request_.stream = this;
  } else if (!parser_.complete()) {
    const bool whole = co_await read_body();
    if (!whole) co_return false;
  }
  phase_ = Phase::busy;
  request_.deadline = Deadline::after(shard_.core.options.request_timeout);
  std::optional<Response> response;
  try {
    Response answer = co_await shard_.core.handler.handle(request_);
    response.emplace(std::move(answer));
  } catch (const std::exception& error) {
    handler_threw(error.what());
  } catch (...) {
    handler_threw("unknown exception");
  }
  if (!response) co_return false;
  co_return co_await respond(std::move(*response));
}

void Connection::begin_request() {
  in_request_ = true;
  disarm();
  add(shard_.stats.in_flight, 1);
  phase_ = Phase::busy;
  body_received_ = 0;
  body_progress_ = 0;
  body_allowance_ = shard_.core.options.body_timeout;
  body_failed_ = false;
  continue_due_ = parser_.expects_continue() && parser_.has_body() && unread().empty();
  request_.deadline = Deadline::never();
  if (peer_trusted_) {
    request_.remote_address = shard_.core.proxies.client_of(request_, peer_);
    const std::string_view given = request_.header("X-Request-Id");
    if (is_request_id(given)) {
      request_.request_id = given;
      return;
    }
  } else {
    request_.remote_address = peer_;
  }
  shard_.next_request_id(request_.request_id);
}

std::optional<BodyPolicy> Connection::ask_policy() {
  const bool crowded = runtime::LagMonitor::refuse_next(aside_);
  try {
    return shard_.core.handler.body_policy(request_, crowded);
  } catch (const std::exception& error) {
    handler_threw(error.what());
  } catch (...) {
    handler_threw("unknown exception");
  }
  return std::nullopt;
}

void Connection::handler_threw(std::string_view what) {
  shard_.core.handler_failures.Increment();
  log::error("http", "handler_threw", {{"request_id", request_.request_id}, {"error", what}});
  refuse({.kind = Kind::internal, .code = "internal", .detail = "Something broke; it is logged."});
}

void Connection::end_request() {
  in_request_ = false;
  add(shard_.stats.in_flight, std::uint64_t(-1));
  release_charge();
  in_.consume(held_);
  held_ = head_size_ = 0;
  head_copy_.clear();
  parser_.reset();
  request_.stream = nullptr;
  request_.headers.clear();
  request_.body.clear();
  if (request_.body.capacity() > kept_capacity) request_.body = {};
  if (out_.empty() && out_.capacity() > kept_capacity) out_ = {};
  if (in_.empty() && in_.capacity() > kept_capacity) in_.release();
}

/// Closing with unread bytes in the socket resets the connection, and the client may lose the
/// answer it has not read yet. So the client closes first, or the patience ends.
Task<> Connection::linger(Steady::duration most) {
  boost::system::error_code ec;
  socket_.shutdown(Socket::shutdown_send, ec);
  in_.consume(in_.size());
  arm(Phase::linger, most);
  std::size_t budget = linger_bytes;
  while (!ec) {
    const std::span<char> room = in_.prepare(first_read);
    std::size_t count = 0;
    const auto buffer = asio::buffer(room.data(), room.size());
    std::tie(ec, count) = co_await socket_.async_read_some(buffer, in_tuple);
    if (count >= budget) co_return;
    budget -= count;
  }
}

}  // namespace madang::http
