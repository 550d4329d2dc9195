#include "platform/http/shard.hpp"

#include <algorithm>
#include <cstring>

#include "base/random.hpp"
#include "platform/http/connection.hpp"
#include "platform/http/response_head.hpp"

namespace madang::http {

Core::Core(ServerOptions given, Handler& served, metrics::Registry& metrics)
    : options(std::move(given)),
      proxies(options.trusted_proxies),
      handler(served),
      registry(metrics),
      slow_readers(registry.counter("madang_http_slow_readers_closed_total",
                                    "Connections closed because the client did not read")),
      handler_failures(registry.counter("madang_http_handler_exceptions_total",
                                        "Exceptions that left a handler: bugs")),
      accept_failures(registry.counter("madang_http_accept_failures_total",
                                       "Connections not accepted: no descriptor or memory")) {}

Shard::Shard(Core& shared, boost::asio::any_io_executor on, ShardStats& counted)
    : core(shared),
      executor(std::move(on)),
      stats(counted),
      tick_(tick_of(shared.options)),
      now_(Steady::now()) {
  const auto seed = SystemRandom().bytes<sizeof random_>();
  std::memcpy(&random_, seed.data(), sizeof random_);
}

Steady::duration Shard::tick_of(const ServerOptions& options) {
  using std::chrono::milliseconds;
  const milliseconds shortest = std::min(
      {options.head_timeout, options.body_timeout, options.idle_timeout, options.write_timeout});
  return std::clamp(shortest / 8, milliseconds(5), milliseconds(250));
}

void Shard::tick(Steady::time_point now) {
  now_ = now;
  for (Connection* connection : connections) connection->tick(now);
}

void Shard::begin_drain() {
  if (draining_) return;
  draining_ = true;
  for (Connection* connection : connections) connection->begin_drain();
}

void Shard::cut() {
  for (Connection* connection : connections) connection->cut();
}

std::string_view Shard::date() {
  const std::time_t seconds = std::time(nullptr);
  if (seconds != date_seconds_) {
    date_seconds_ = seconds;
    date_ = http_date(seconds);
  }
  return date_;
}

void Shard::next_request_id(std::string& out) {
  // splitmix64: one addition and three multiplications a request.
  std::uint64_t z = (random_ += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  z ^= z >> 31;
  out.resize(16);
  for (std::size_t i = 0; i < 16; ++i) out[i] = "0123456789abcdef"[(z >> (60 - 4 * i)) & 15];
}

}  // namespace madang::http
