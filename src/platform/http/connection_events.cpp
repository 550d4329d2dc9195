// Responses without an end. While one coroutine writes, another notices that the client left.
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <charconv>
#include <exception>
#include <tuple>

#include "platform/http/connection.hpp"
#include "platform/log/log.hpp"

namespace madang::http {

namespace {

/// A client has nothing to say on an event stream; more than this and it is not one.
constexpr std::size_t most_unasked_bytes = 64 * 1024;

void append_chunk(std::string& out, std::string_view data) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), data.size(), 16).ptr;
  out.append(digits.data(), end).append("\r\n").append(data).append("\r\n");
}

}  // namespace

Task<> Connection::stream_events(Response response) {
  using namespace asio::experimental::awaitable_operators;
  const auto stream = std::get<std::shared_ptr<EventStream>>(response.body);
  Framing frame = framing(true);
  frame.chunked = parser_.http_1_1();
  append_head(out_, response, frame);
  if (!stream || request_.method == Method::head) {
    if (stream) stream->close();
    co_return;
  }
  phase_ = Phase::events;
  events_over_ = client_gone_ = false;
  events_ = stream.get();
  if (shard_.draining()) stream->close();
  Task<> writing = write_events(*stream, frame.chunked);
  Task<> watching = watch_client(*stream);
  co_await (std::move(writing) && std::move(watching));
  events_ = nullptr;
  stream->close();
  if (client_gone_) broken_ = true;
}

Task<> Connection::write_events(EventStream& stream, bool chunked) {
  try {
    bool open = co_await flush();
    while (open && !client_gone_) {
      std::optional<std::string> piece = co_await stream.next();
      if (!piece || client_gone_) break;
      if (piece->empty()) continue;  // an empty chunk would end the body
      if (chunked)
        append_chunk(out_, *piece);
      else
        out_.append(*piece);
      if (!try_flush()) open = co_await flush();
    }
    if (chunked && open && !client_gone_) out_.append("0\r\n\r\n");
  } catch (const std::exception& error) {
    shard_.core.handler_failures.Increment();
    log::error("http", "event_stream_threw",
               {{"request_id", request_.request_id}, {"error", std::string_view(error.what())}});
    client_gone_ = true;  // cut: an orderly end would say that this was all
  }
  events_over_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);  // the watcher's read
}

Task<> Connection::watch_client(EventStream& stream) {
  std::array<char, 512> unasked;
  std::size_t total = 0;
  while (!events_over_) {
    const auto buffer = asio::buffer(unasked);
    const auto [ec, count] = co_await socket_.async_read_some(buffer, in_tuple);
    if (events_over_) break;
    total += count;
    if (ec || total > most_unasked_bytes) {
      client_gone_ = true;
      stream.close();
      co_return;
    }
  }
}

}  // namespace madang::http
