#include "platform/http/server.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <system_error>
#include <tuple>
#include <utility>

#include "platform/http/connection.hpp"
#include "platform/http/shard.hpp"
#include "platform/log/log.hpp"
#include "platform/runtime/task_group.hpp"

namespace madang::http {

using asio::ip::tcp;
using namespace std::chrono_literals;

namespace {

constexpr int backlog = 4096;
constexpr std::size_t most_at_once = 64;
constexpr auto accept_backoff = 50ms;  // out of descriptors or memory: waiting is all that helps
constexpr std::size_t most_turned_away = 64;  // per thread; beyond, closed without an answer
constexpr auto end_of_loops = 5s;

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

[[noreturn]] void fail_to_listen(const ServerOptions& options,
                                 const boost::system::error_code& ec) {
  throw std::system_error(ec.value(), std::generic_category(),
                          "cannot listen on " + options.host + ":" + std::to_string(options.port));
}

tcp::endpoint endpoint_of(const ServerOptions& options, const asio::any_io_executor& executor) {
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(options.host, ec);
  if (!ec) return {address, options.port};
  tcp::resolver resolver(executor);
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port), tcp::resolver::passive, ec);
  if (ec || found.empty()) {
    throw std::system_error(std::make_error_code(std::errc::address_not_available),
                            "cannot resolve " + options.host);
  }
  return found.begin()->endpoint();
}

/// SO_REUSEPORT would let a second server take half of the first one's connections: without it the
/// port must be free.
void check_free(const asio::any_io_executor& executor, const tcp::endpoint& endpoint,
                const ServerOptions& options) {
  tcp::acceptor probe(executor);
  boost::system::error_code ec;
  probe.open(endpoint.protocol(), ec);
  if (!ec) probe.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) probe.bind(endpoint, ec);
  if (ec) fail_to_listen(options, ec);
}

tcp::acceptor open_acceptor(const asio::any_io_executor& executor, const tcp::endpoint& endpoint,
                            const ServerOptions& options) {
  tcp::acceptor acceptor(executor);
  boost::system::error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor.set_option(ReusePort(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(backlog, ec);
  if (!ec) acceptor.non_blocking(true, ec);
  if (ec) fail_to_listen(options, ec);
  return acceptor;
}

/// All threads accept from the one queue: whoever holds the socket keeps it while we are gone.
tcp::acceptor adopt_acceptor(const asio::any_io_executor& executor, int socket) {
  boost::system::error_code ec;
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  int listening = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      (address.ss_family != AF_INET && address.ss_family != AF_INET6))
    throw std::system_error(std::make_error_code(std::errc::not_a_socket),
                            "the inherited descriptor is no listening TCP socket");
  tcp::acceptor acceptor(executor);
  const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw std::system_error(errno, std::generic_category(), "the inherited socket");
  acceptor.assign(address.ss_family == AF_INET ? tcp::v4() : tcp::v6(), copy, ec);
  if (!ec) acceptor.non_blocking(true, ec);
  if (ec) throw std::system_error(ec.value(), std::generic_category(), "the inherited socket");
  return acceptor;
}

bool out_of_resources(const boost::system::error_code& ec) {
  return ec == asio::error::no_descriptors || ec == asio::error::no_memory ||
         ec == asio::error::no_buffer_space ||
         ec == boost::system::errc::too_many_files_open_in_system;
}

struct Stats {
  explicit Stats(std::size_t shards) : of_shard(shards) {}

  std::uint64_t sum(std::atomic<std::uint64_t> ShardStats::* member) const {
    std::uint64_t total = 0;
    for (const ShardStats& shard : of_shard) {
      total += (shard.*member).load(std::memory_order_relaxed);
    }
    return total;
  }

  std::vector<ShardStats> of_shard;
};

/// Outlives the server: the registry may be scraped after it is gone.
void publish(metrics::Registry& registry, std::shared_ptr<Stats> stats) {
  const auto gauge = [&](const char* name, const char* help,
                         std::atomic<std::uint64_t> ShardStats::* member) {
    registry.on_scrape([&value = registry.gauge(name, help), stats, member] {
      value.Set(static_cast<double>(stats->sum(member)));
    });
  };
  const auto counter = [&](const char* name, const char* help,
                           std::atomic<std::uint64_t> ShardStats::* member) {
    registry.on_scrape(
        [&value = registry.counter(name, help), stats, member, told = std::uint64_t(0)]() mutable {
          const std::uint64_t total = stats->sum(member);
          value.Increment(static_cast<double>(total - told));
          told = total;
        });
  };
  gauge("madang_http_connections_open", "Client connections", &ShardStats::open);
  gauge("madang_http_requests_in_flight", "Requests between head and answer",
        &ShardStats::in_flight);
  gauge("madang_http_requests_aside", "Requests that wait behind those not refused lately",
        &ShardStats::aside);
  counter("madang_http_connections_accepted_total", "Connections accepted", &ShardStats::accepted);
  counter("madang_http_connections_refused_total", "Connections over the limit, told 503",
          &ShardStats::refused);
  counter("madang_http_received_bytes_total", "Bytes read", &ShardStats::received_bytes);
  counter("madang_http_sent_bytes_total", "Bytes written", &ShardStats::sent_bytes);
}

}  // namespace

/// One I/O thread's listening socket, connections and timer.
struct Listener {
  Listener(Core& core, const asio::any_io_executor& executor, ShardStats& stats,
           tcp::acceptor opened)
      : shard(core, executor, stats), acceptor(std::move(opened)), timer(executor) {}

  Shard shard;
  tcp::acceptor acceptor;
  asio::steady_timer timer;
  bool closing = false;
  bool ended = false;
};

struct Server::Impl {
  Impl(ServerOptions options, Handler& handler, runtime::IoPool& io, metrics::Registry& registry);
  ~Impl();

  void admit(Listener& listener, tcp::socket socket);
  static Task<> accept(Impl* impl, Listener* listener);
  static Task<> sweep(Listener* listener);
  void accept_waiting(Listener& listener, std::size_t most);
  void close_listeners();
  void cut_all();
  void end_sweepers();

  runtime::IoPool& pool;
  Core core;
  std::shared_ptr<Stats> stats;
  std::vector<std::unique_ptr<Listener>> listeners;
  tcp::endpoint listens_on;
  bool started = false;  // otherwise there is nothing to end
  runtime::TaskGroup sweepers;
  runtime::TaskGroup connections;
  runtime::TaskGroup acceptors;
};

Server::Impl::Impl(ServerOptions options, Handler& handler, runtime::IoPool& io,
                   metrics::Registry& registry)
    : pool(io),
      core(std::move(options), handler, registry),
      stats(std::make_shared<Stats>(io.size())),
      sweepers("http_sweepers", registry),
      connections("http_connections", registry),
      acceptors("http_acceptors", registry) {
  const int inherited = core.options.inherited_socket;
  tcp::endpoint endpoint;
  if (inherited < 0) endpoint = endpoint_of(core.options, pool.executor(0));
  if (endpoint.port() != 0) check_free(pool.executor(0), endpoint, core.options);
  for (std::size_t i = 0; i < pool.size(); ++i) {
    tcp::acceptor acceptor = inherited < 0 ? open_acceptor(pool.executor(i), endpoint, core.options)
                                           : adopt_acceptor(pool.executor(i), inherited);
    endpoint = acceptor.local_endpoint();  // with the port chosen, if any was free to choose
    listeners.push_back(std::make_unique<Listener>(core, pool.executor(i), stats->of_shard[i],
                                                   std::move(acceptor)));
  }
  listens_on = endpoint;
  publish(registry, stats);
}

Server::Impl::~Impl() {
  if (!started) return;
  close_listeners();
  acceptors.wait_for(end_of_loops);
  cut_all();
  connections.wait();
  end_sweepers();
}

void Server::Impl::admit(Listener& listener, tcp::socket socket) {
  Shard& shard = listener.shard;
  add(shard.stats.accepted, 1);
  const bool full = core.connections.load() >= core.options.max_connections;
  if (full) {
    add(shard.stats.refused, 1);
    if (shard.turned_away >= most_turned_away) return;
  }
  auto connection = std::make_unique<Connection>(std::move(socket), shard, !full);
  Task<> life = full ? Connection::turn_away(std::move(connection))
                     : Connection::serve(std::move(connection));
  connections.spawn(shard.executor, "connection", std::move(life));
}

Task<> Server::Impl::accept(Impl* impl, Listener* listener) {
  asio::steady_timer pause(listener->shard.executor);
  while (!listener->closing) {
    auto [ec, socket] = co_await listener->acceptor.async_accept(in_tuple);
    if (!ec) {
      impl->admit(*listener, std::move(socket));
      // A crowd at the door comes in at once, not one for each round of everybody inside.
      impl->accept_waiting(*listener, most_at_once);
    } else if (out_of_resources(ec)) {
      impl->core.accept_failures.Increment();
      log::warn("http", "accept_failed", {{"error", ec.message()}});
      pause.expires_after(accept_backoff);
      co_await pause.async_wait(in_tuple);
    }
  }
  // Closing a listening socket resets the connections its queue still holds: take them first. Those
  // of an inherited one wait there for whoever comes after us.
  if (impl->core.options.inherited_socket < 0) impl->accept_waiting(*listener, backlog);
  boost::system::error_code ignored;
  listener->acceptor.close(ignored);
  listener->shard.begin_drain();
}

/// Takes connections out of the listening socket's queue.
void Server::Impl::accept_waiting(Listener& listener, std::size_t most) {
  for (; most > 0; --most) {
    boost::system::error_code ec;
    tcp::socket socket(listener.shard.executor);
    listener.acceptor.accept(socket, ec);
    if (ec) return;
    admit(listener, std::move(socket));
  }
}

Task<> Server::Impl::sweep(Listener* listener) {
  while (!listener->ended) {
    listener->timer.expires_after(listener->shard.tick());
    co_await listener->timer.async_wait(in_tuple);
    listener->shard.tick(Steady::now());
  }
}

void Server::Impl::close_listeners() {
  for (const auto& listener : listeners) {
    asio::post(listener->shard.executor, [listener = listener.get()] {
      listener->closing = true;
      boost::system::error_code ignored;
      listener->acceptor.cancel(ignored);
    });
  }
}

void Server::Impl::cut_all() {
  for (const auto& listener : listeners) {
    asio::post(listener->shard.executor, [listener = listener.get()] { listener->shard.cut(); });
  }
}

void Server::Impl::end_sweepers() {
  for (const auto& listener : listeners) {
    asio::post(listener->shard.executor, [listener = listener.get()] {
      listener->ended = true;
      listener->timer.cancel();
    });
  }
  sweepers.wait();
}

Server::Server(ServerOptions options, Handler& handler, runtime::IoPool& pool,
               metrics::Registry& registry)
    : impl_(std::make_unique<Impl>(std::move(options), handler, pool, registry)) {}

Server::~Server() = default;

void Server::start() {
  impl_->started = true;
  for (const auto& listener : impl_->listeners) {
    impl_->sweepers.spawn(listener->shard.executor, "sweeper", Impl::sweep(listener.get()));
    impl_->acceptors.spawn(listener->shard.executor, "acceptor",
                           Impl::accept(impl_.get(), listener.get()));
  }
}

std::uint16_t Server::port() const {
  return impl_->listens_on.port();
}

std::string Server::address() const {
  const auto address = impl_->listens_on.address();
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return host + ":" + std::to_string(port());
}

void Server::stop_accepting() {
  if (impl_->started) impl_->close_listeners();
}

void Server::drain(std::chrono::milliseconds timeout) {
  const auto end = Steady::now() + timeout;
  stop_accepting();
  impl_->acceptors.wait_for(end_of_loops);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Steady::now());
  if (impl_->connections.wait_for(std::max(left, 0ms))) return;
  log::warn("http", "connections_cut", {{"count", impl_->connections.running()}});
  impl_->cut_all();
  impl_->connections.wait_for(end_of_loops);
}

}  // namespace madang::http
