// One client connection: read, ask the handler, answer, until one side ends it. Lives on one I/O
// thread; the only other callers are the sweeper (tick) and the shutdown, on that thread too.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "platform/http/byte_buffer.hpp"
#include "platform/http/message.hpp"
#include "platform/http/request_parser.hpp"
#include "platform/http/response_head.hpp"
#include "platform/http/shard.hpp"

namespace madang::http {

class Connection final : private BodyStream {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  /// `counted`: against max_connections.
  Connection(Socket socket, Shard& shard, bool counted);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The connection's whole life.
  static Task<> serve(std::unique_ptr<Connection> self);
  /// For a connection over the limit: answers 503 and waits a moment for the client to see it.
  static Task<> turn_away(std::unique_ptr<Connection> self);

  void tick(Steady::time_point now);
  void begin_drain();
  void cut();

 private:
  enum class Phase : std::uint8_t { idle, head, body, busy, write, events, linger };
  /// Why a pending socket operation was cancelled.
  enum class Wake : std::uint8_t { none, timeout, release_memory };
  enum class Read : std::uint8_t { some, ended, timed_out };

  void arm(Phase phase, Steady::duration timeout);
  void disarm() { deadline_ = Steady::time_point::max(); }
  void wake(Wake reason);

  // connection.cpp
  Task<bool> next_head();
  Task<Read> read_head();
  void give_memory_back();
  void arm_for_head();
  Task<> stand_aside();
  Task<bool> exchange();
  void begin_request();
  std::optional<BodyPolicy> ask_policy();
  void handler_threw(std::string_view what);
  void end_request();
  Task<> linger(Steady::duration most);

  // connection_body.cpp
  Task<bool> read_body();
  Task<bool> discard_body();
  bool may_discard() const;
  std::uint64_t body_left() const;
  Result<std::string_view> take_piece();
  Task<Read> read_more_body();
  std::span<char> body_room();
  std::string_view unread() const { return in_.view().substr(held_); }
  void consume(std::size_t count);
  void detach_head();
  bool charge(std::size_t bytes);
  void release_charge();
  Task<Result<std::span<const std::byte>>> read() override;
  std::optional<std::uint64_t> length() const override { return parser_.content_length(); }

  // connection_write.cpp
  Task<bool> respond(Response response);
  void refuse(const WireError& error);
  Response protocol_error(const WireError& error);
  Framing framing(bool close);
  bool try_flush();
  Task<bool> flush(std::string_view body = {});
  Task<bool> wait_writable();
  std::size_t write_some(std::string_view first, std::string_view second);

  // connection_events.cpp
  Task<> stream_events(Response response);
  Task<> write_events(EventStream& stream, bool chunked);
  Task<> watch_client(EventStream& stream);

  Shard& shard_;
  Socket socket_;
  std::list<Connection*>::iterator place_;
  std::string peer_;
  bool peer_trusted_ = false;

  Phase phase_ = Phase::idle;
  Wake wake_ = Wake::none;
  Steady::time_point deadline_ = Steady::time_point::max();
  Steady::time_point idle_since_;

  ByteBuffer in_;
  std::string out_;
  RequestParser parser_;
  Request request_;
  std::size_t held_ = 0;  // bytes at the front of in_ that belong to the request at hand
  std::size_t head_size_ = 0;
  std::string head_copy_;  // the head, once in_ is needed for the body
  std::uint64_t body_limit_ = 0;
  std::uint64_t body_received_ = 0;
  std::size_t body_progress_ = 0;      // bytes since the allowance was renewed
  Steady::duration body_allowance_{};  // time the client may still keep us waiting
  std::size_t charged_ = 0;
  bool continue_due_ = false;  // the client waits for 100 Continue
  bool body_failed_ = false;   // the framing is lost: nothing more can be read
  bool broken_ = false;        // the socket is of no use any more
  bool lean_ = false;          // waits without a buffer
  bool in_request_ = false;
  bool aside_ = false;  // the last request was refused: too much is asked
  const bool counted_;
  EventStream* events_ = nullptr;
  bool events_over_ = false;
  bool client_gone_ = false;
};

}  // namespace madang::http
