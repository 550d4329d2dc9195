// The body of a request: read whole within a budget, or handed on piece by piece.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <tuple>

#include "base/encoding.hpp"
#include "platform/http/connection.hpp"

namespace madang::http {

namespace {

/// A declared length is a promise: large buffers are for clients that have sent something.
constexpr std::size_t first_reads = 8 * 1024;
constexpr std::size_t later_reads = 32 * 1024;
constexpr std::uint64_t proven_bytes = 64 * 1024;
/// A body nobody wants is read to its end when that is cheaper than a new connection.
constexpr std::uint64_t discard_at_most = 64 * 1024;
/// Fewer bytes than this are no progress: a client that drips them does not keep its connection.
constexpr std::size_t progress_bytes = 512;

Problem broken_off() {
  return {.kind = Kind::malformed, .code = "body_cut", .detail = "The body ended early."};
}

Problem too_slow() {
  return {.kind = Kind::timeout,
          .code = "request_timeout",
          .detail = "The request's body did not arrive in time."};
}

}  // namespace

/// The whole body into request_.body; false when the request is answered already or the client
/// gone.
Task<bool> Connection::read_body() {
  request_.body.reserve(std::min<std::uint64_t>(body_left(), first_reads));
  for (;;) {
    const Result<std::string_view> piece = take_piece();
    if (!piece) {
      refuse(
          {.kind = piece.error().kind, .code = piece.error().code, .detail = piece.error().detail});
      co_return false;
    }
    if (!piece->empty()) {
      if (!charge(piece->size())) {
        refuse({.kind = Kind::unavailable,
                .code = "body_budget",
                .detail = "The server holds as many request bodies as it can."});
        co_return false;
      }
      request_.body.append(*piece);
      continue;
    }
    if (parser_.complete()) co_return true;
    const Read outcome = co_await read_more_body();
    if (outcome == Read::timed_out) {
      const Problem problem = too_slow();
      refuse({.kind = problem.kind, .code = problem.code, .detail = problem.detail});
    }
    if (outcome == Read::ended) broken_ = true;
    if (outcome != Read::some) co_return false;
  }
}

Task<Result<std::span<const std::byte>>> Connection::read() {
  for (;;) {
    if (body_failed_ || broken_) co_return fail(broken_off());
    // Each piece renews the request's time: a long upload is not a stuck one.
    request_.deadline = Deadline::after(shard_.core.options.request_timeout);
    const Result<std::string_view> piece = take_piece();
    if (!piece) co_return fail(piece.error());
    if (!piece->empty() || parser_.complete()) co_return as_bytes(*piece);
    const Read outcome = co_await read_more_body();
    phase_ = Phase::busy;
    if (outcome == Read::some) continue;
    body_failed_ = true;
    if (outcome == Read::timed_out) co_return fail(too_slow());
    co_return fail(broken_off());
  }
}

/// After the answer: what is left of a body that was not wanted.
Task<bool> Connection::discard_body() {
  body_limit_ = UINT64_MAX;
  for (;;) {
    const Result<std::string_view> piece = take_piece();
    if (!piece) co_return false;
    if (!piece->empty()) continue;
    if (parser_.complete()) co_return true;
    const Read outcome = co_await read_more_body();
    if (outcome != Read::some) co_return false;
  }
}

bool Connection::may_discard() const {
  return !body_failed_ && !continue_due_ && parser_.content_length() &&
         body_left() <= discard_at_most;
}

std::uint64_t Connection::body_left() const {
  return parser_.content_length().value_or(body_received_) - body_received_;
}

/// The next piece of what is buffered; empty when more must be read or the body is complete.
Result<std::string_view> Connection::take_piece() {
  const auto piece = parser_.parse_body(unread());
  if (!piece) {
    body_failed_ = true;
    return fail(piece.error().kind, piece.error().code, std::string(piece.error().detail));
  }
  consume(piece->consumed);
  body_received_ += piece->data.size();
  if (body_received_ > body_limit_) {
    body_failed_ = true;
    return fail(Kind::too_large, "body_too_large", "The body is larger than this route accepts.");
  }
  return piece->data;
}

Task<Connection::Read> Connection::read_more_body() {
  if (continue_due_) {
    continue_due_ = false;
    out_.append("HTTP/1.1 100 Continue\r\n\r\n");
  }
  if (!try_flush()) {
    const bool sent = co_await flush();
    if (!sent) co_return Read::ended;
  }
  detach_head();
  const std::span<char> room = body_room();
  const auto buffer = asio::buffer(room.data(), room.size());
  arm(Phase::body, body_allowance_);
  const auto begun = shard_.now();
  const auto [ec, count] = co_await socket_.async_read_some(buffer, in_tuple);
  disarm();
  if (ec) co_return wake_ == Wake::timeout ? Read::timed_out : Read::ended;
  in_.commit(count);
  add(shard_.stats.received_bytes, count);
  body_progress_ += count;
  body_allowance_ -= shard_.now() - begun;
  if (body_progress_ >= progress_bytes) {
    body_progress_ = 0;
    body_allowance_ = shard_.core.options.body_timeout;
  }
  co_return Read::some;
}

std::span<char> Connection::body_room() {
  return in_.prepare(body_received_ < proven_bytes ? first_reads : later_reads);
}

void Connection::consume(std::size_t count) {
  if (head_copy_.empty())
    held_ += count;
  else
    in_.consume(count);
}

/// Moves the head out of the read buffer, which the body needs, and the request's views with it.
void Connection::detach_head() {
  if (!head_copy_.empty()) return;
  const char* const from = in_.view().data();
  head_copy_.assign(from, head_size_);
  const auto move = [&](std::string_view& text) {
    const auto offset = static_cast<std::size_t>(text.data() - from);
    if (offset <= head_size_) text = {head_copy_.data() + offset, text.size()};
  };
  move(request_.target);
  move(request_.path);
  move(request_.query);
  for (auto& [name, value] : request_.headers) {
    move(name);
    move(value);
  }
  in_.consume(held_);
  held_ = 0;
}

bool Connection::charge(std::size_t bytes) {
  std::atomic<std::size_t>& total = shard_.core.body_bytes;
  if (total.fetch_add(bytes) + bytes > shard_.core.options.max_buffered_bodies) {
    total -= bytes;
    return false;
  }
  charged_ += bytes;
  return true;
}

void Connection::release_charge() {
  if (charged_ > 0) shard_.core.body_bytes -= charged_;
  charged_ = 0;
}

}  // namespace madang::http
