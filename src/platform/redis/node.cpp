#include "platform/redis/node.hpp"

#include <algorithm>
#include <utility>

#include "platform/log/log.hpp"

namespace madang::redis {

namespace {

ConnectionOptions for_reads(ConnectionOptions options) {
  options.read_only = true;
  return options;
}

}  // namespace

/// Latencies are counted here and handed on once a read: thousands of answers come in one.
struct Node::Metrics {
  Metrics(metrics::Registry& registry, const std::string& node)
      : outstanding(registry.gauge("madang_redis_outstanding", "Commands sent and not answered",
                                   {{"node", node}})),
        up(registry.gauge("madang_redis_node_up", "Whether the node is connected",
                          {{"node", node}})),
        breaker(registry.gauge("madang_redis_breaker_state",
                               "The node's breaker: 0 closed, 1 half-open, 2 open",
                               {{"node", node}})),
        connects(registry.counter("madang_redis_connects_total", "Connections opened",
                                  {{"node", node}})),
        losses(registry.counter("madang_redis_connection_losses_total",
                                "Connections lost, or not had at all", {{"node", node}})),
        seconds(registry.histogram("madang_redis_command_seconds", "From the call to the answer",
                                   {{"node", node}})),
        buckets(metrics::latency_buckets().size() + 1) {}

  void observe(double latency) {
    const auto& bounds = metrics::latency_buckets();
    const auto bucket = std::ranges::lower_bound(bounds, latency) - bounds.begin();
    ++buckets[static_cast<std::size_t>(bucket)];
    sum += latency;
  }
  void flush() {
    if (sum == 0) return;
    seconds.ObserveMultiple(buckets, sum);
    std::ranges::fill(buckets, 0);
    sum = 0;
  }

  metrics::Gauge& outstanding;
  metrics::Gauge& up;
  metrics::Gauge& breaker;
  metrics::Counter& connects;
  metrics::Counter& losses;
  metrics::Histogram& seconds;
  std::vector<double> buckets;
  double sum = 0;
  Steady::time_point now{};  // of the read whose answers are coming
};

Node::Node(asio::any_io_executor executor, Address address, const ClientOptions& options,
           Owner& owner, Random& random, runtime::TaskGroup& tasks, metrics::Registry& registry)
    : executor_(std::move(executor)),
      address_(std::move(address)),
      name_(address_.text()),
      options_(options),
      owner_(owner),
      random_(random),
      tasks_(tasks),
      metrics_(std::make_unique<Metrics>(registry, name_)),
      breaker_(options.breaker, random,
               [this](resilience::CircuitBreaker::State state) {
                 breaker_closed_ = state == resilience::CircuitBreaker::State::closed;
                 metrics_->breaker.Set(static_cast<double>(state));
               }),
      main_(std::make_shared<Connection>(executor_, address_, options.connection, *this, random,
                                         tasks)) {}

Node::~Node() {
  close();
}

void Node::close() {
  main_->close();
  if (reader_) reader_->close();
  metrics_->flush();
  metrics_->up.Set(0);
  metrics_->outstanding.Set(0);
  metrics_->breaker.Set(0);
}

std::size_t Node::outstanding() const {
  return main_->outstanding() + (reader_ ? reader_->outstanding() : 0);
}

Connection& Node::reader() {
  if (!reader_) {
    reader_ = std::make_shared<Connection>(executor_, address_, for_reads(options_.connection),
                                           *this, random_, tasks_);
  }
  return *reader_;
}

Node::Sent Node::send(Call& call) {
  return send_on(*main_, call);
}

Node::Sent Node::send_asking(Call& call) {
  return send_on(*main_, call, true);
}

Node::Sent Node::send_read(Call& call) {
  return send_on(reader(), call);
}

Node::Sent Node::send_on(Connection& connection, Call& call, bool asking) {
  const auto state = connection.state();
  // A connection that is away is known to be: the breaker is about those that seem to be there.
  if (state == Connection::State::down || state == Connection::State::closed) return Sent::down;
  if (!breaker_closed_) {
    auto permit = breaker_.admit(Steady::now());
    if (!permit) return Sent::down;
    call.probe = std::make_unique<resilience::CircuitBreaker::Permit>(std::move(*permit));
  }
  if (connection.full()) return Sent::full;
  if (asking) connection.send_unheard(Command::read("ASKING"));
  const Sent sent = connection.send(call);
  if (sent != Sent::yes) call.probe.reset();
  return sent;
}

Node::Sent Node::send_with_script(Call& call) {
  Connection& connection = *answering_;
  Loaded& loaded = loaded_[&connection == main_.get() ? 0 : 1][*call.command.script_sha()];
  // Thousands of calls may find the script missing; what follows one SCRIPT LOAD will not.
  const bool since = loaded.opened == connection.opened() && loaded.number > connection.answering();
  if (!since) {
    loaded = {.opened = connection.opened(), .number = connection.count()};
    Command load = Command::read("SCRIPT");
    load.add("LOAD").add(*call.command.script_source());
    connection.send_unheard(std::move(load));
  }
  return send_on(connection, call);
}

/// What the outcome of one command tells the breaker.
void Node::settle(Call& call, bool success) {
  const auto now = Steady::now();
  if (call.probe) {
    call.probe->finish(success, now);
    call.probe.reset();
  } else if (auto permit = breaker_.admit(now)) {
    permit->finish(success, now);
  }
}

void Node::on_answer(Connection& connection, Call&& call, Value&& value) {
  if (metrics_->now == Steady::time_point{}) metrics_->now = Steady::now();
  metrics_->observe(std::chrono::duration<double>(metrics_->now - call.begun).count());
  if (call.probe) settle(call, true);
  answering_ = &connection;
  owner_.on_answer(*this, std::move(call), std::move(value));
  answering_ = nullptr;
}

void Node::on_heard(Connection& /*connection*/) {
  metrics_->now = {};
  metrics_->flush();
  show();
  // All answers of a read count as one call that went well: enough to know that it is there.
  owner_.on_heard(*this);
  if (!breaker_closed_) return;
  const auto now = Steady::now();
  if (auto permit = breaker_.admit(now)) permit->finish(true, now);
}

void Node::on_failure(Connection& /*connection*/, Call&& call, Failure failure) {
  // A lost connection is known to be away without a breaker.
  if (failure == Failure::timed_out || call.probe) settle(call, false);
  owner_.on_failure(*this, std::move(call), failure);
}

bool Node::on_push(Connection& /*connection*/, Value /*value*/) {
  return false;
}

void Node::on_state(Connection& connection, Connection::State state, std::string_view why) {
  if (state == Connection::State::open) {
    metrics_->connects.Increment();
    trouble_.clear();
  }
  if (state == Connection::State::down) {
    metrics_->losses.Increment();
    trouble_ = why;
    log::warn("redis", "connection_down",
              {{"node", name_}, {"why", why}, {"outstanding", connection.outstanding()}});
  }
  show();
  if (state == Connection::State::down) owner_.on_down(*this);
}

void Node::show() {
  metrics_->outstanding.Set(static_cast<double>(outstanding()));
  metrics_->up.Set(up() ? 1 : 0);
}

}  // namespace madang::redis
