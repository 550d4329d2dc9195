// Answers: small ones gather in a buffer, large bodies go out from where they are.
#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <tuple>

#include "base/encoding.hpp"
#include "platform/http/connection.hpp"
#include "platform/log/log.hpp"

namespace madang::http {

namespace {

constexpr std::size_t copied_body = 8 * 1024;   // smaller bodies are copied behind their head
constexpr std::size_t batch_bytes = 32 * 1024;  // answers to pipelined requests wait up to this

std::string_view body_of(const Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
  if (const auto* bytes = std::get_if<StaticBytes>(&response.body)) return as_text(*bytes);
  if (const auto* shared = std::get_if<SharedBytes>(&response.body)) {
    return *shared ? std::string_view(**shared) : std::string_view();
  }
  return {};
}

}  // namespace

Framing Connection::framing(bool close) {
  return {.http_1_1 = parser_.http_1_1(),
          .close = close,
          .date = shard_.date(),
          .request_id = request_.request_id};
}

/// False when the connection ends after this answer (or is of no use any more).
Task<bool> Connection::respond(Response response) {
  if (std::holds_alternative<std::shared_ptr<EventStream>>(response.body)) {
    co_await stream_events(std::move(response));
    co_return false;
  }
  const bool unread_body = !parser_.complete() && !may_discard();
  const bool close = response.close || unread_body || !parser_.keep_alive() || shard_.draining();
  const std::string_view body = body_of(response);
  Framing frame = framing(close);
  if (status_has_body(response.status)) frame.length = body.size();
  append_head(out_, response, frame);
  if (frame.length && request_.method != Method::head) {
    if (body.size() <= copied_body) {
      out_.append(body);
    } else {
      const bool sent = co_await flush(body);
      if (!sent) co_return false;
    }
  }
  if (out_.size() > batch_bytes) {
    const bool sent = co_await flush();
    if (!sent) co_return false;
  }
  if (close) co_return false;
  if (parser_.complete()) co_return true;
  co_return co_await discard_body();
}

/// Puts the answer to a request that cannot be served into the buffer; the caller ends the
/// connection.
void Connection::refuse(const WireError& error) {
  shard_.core.registry
      .counter("madang_http_protocol_errors_total", "Requests refused before they were routed",
               {{"code", std::string(error.code)}})
      .Increment();
  if (head_size_ == 0) shard_.next_request_id(request_.request_id);
  const Response response = protocol_error(error);
  const std::string_view body = body_of(response);
  append_head(out_, response,
              {.close = true,
               .length = body.size(),
               .date = shard_.date(),
               .request_id = request_.request_id});
  const bool bodiless = head_size_ > 0 && request_.method == Method::head;
  if (!bodiless) out_.append(body);
}

Response Connection::protocol_error(const WireError& error) {
  Response response{.status = 500, .content_type = {}};
  try {
    const Problem problem{
        .kind = error.kind, .code = error.code, .detail = std::string(error.detail)};
    response = shard_.core.handler.protocol_error(problem, error.status, request_.request_id);
  } catch (const std::exception& thrown) {
    log::error("http", "handler_threw", {{"error", std::string_view(thrown.what())}});
  }
  const bool told = std::any_of(response.headers.begin(), response.headers.end(),
                                [](const auto& header) { return header.first == "Retry-After"; });
  if (error.kind == Kind::unavailable && !told) response.with("Retry-After", "1");
  return response;
}

std::size_t Connection::write_some(std::string_view first, std::string_view second) {
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(first.data(), first.size()),
                                                  asio::buffer(second.data(), second.size())};
  boost::system::error_code ec;
  const std::size_t count = socket_.write_some(buffers, ec);
  if (ec && ec != asio::error::would_block && ec != asio::error::interrupted) broken_ = true;
  add(shard_.stats.sent_bytes, count);
  return count;
}

/// True when the buffer is on its way: the usual case, without a coroutine.
bool Connection::try_flush() {
  if (out_.empty()) return true;
  const std::size_t count = write_some(out_, {});
  if (count == out_.size()) {
    out_.clear();
    return true;
  }
  out_.erase(0, count);
  return false;
}

/// Sends the buffer, then body from where it is.
Task<bool> Connection::flush(std::string_view body) {
  std::string_view buffered = out_;
  while (!broken_) {
    if (buffered.empty() && body.empty()) {
      out_.clear();
      co_return true;
    }
    const std::size_t count = write_some(buffered, body);
    const std::size_t of_buffered = std::min(count, buffered.size());
    buffered.remove_prefix(of_buffered);
    body.remove_prefix(count - of_buffered);
    if (buffered.empty() && body.empty()) continue;
    const bool writable = co_await wait_writable();
    if (!writable) co_return false;
  }
  co_return false;
}

Task<bool> Connection::wait_writable() {
  const Phase before = phase_;
  arm(Phase::write, shard_.core.options.write_timeout);
  const auto [ec] = co_await socket_.async_wait(Socket::wait_write, in_tuple);
  disarm();
  phase_ = before;
  if (!ec) co_return !broken_;
  if (wake_ == Wake::timeout) {
    shard_.core.slow_readers.Increment();
    log::info("http", "slow_reader_closed", {{"request_id", request_.request_id}});
  }
  broken_ = true;
  co_return false;
}

}  // namespace madang::http
