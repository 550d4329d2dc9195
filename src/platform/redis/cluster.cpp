#include "platform/redis/cluster.hpp"

#include <algorithm>
#include <utility>

#include "platform/log/log.hpp"

namespace madang::redis {

namespace {

Problem unavailable(std::string detail) {
  return {.kind = Kind::unavailable,
          .code = "redis_unavailable",
          .detail = std::move(detail),
          .retry_after = std::chrono::seconds(1)};
}

Problem too_late() {
  return {
      .kind = Kind::timeout, .code = "redis_timeout", .detail = "Redis did not answer in time."};
}

Problem too_many() {
  return busy("redis_busy", "As many commands wait for Redis as may.").error();
}

}  // namespace

struct Cluster::Metrics {
  explicit Metrics(metrics::Registry& registry)
      : ok(result(registry, "ok")),
        error(result(registry, "error")),
        timeout(result(registry, "timeout")),
        busy(result(registry, "busy")),
        unavailable(result(registry, "unavailable")),
        unknown(result(registry, "outcome_unknown")),
        moved(redirect(registry, "moved")),
        ask(redirect(registry, "ask")),
        pauses(registry.counter("madang_redis_pauses_total", "Commands put off to be tried again")),
        scripts(registry.counter("madang_redis_noscript_total",
                                 "Script calls that found the script missing")) {}

  static metrics::Counter& result(metrics::Registry& registry, const char* name) {
    return registry.counter("madang_redis_commands_total", "Commands by what became of them",
                            {{"result", name}});
  }
  static metrics::Counter& redirect(metrics::Registry& registry, const char* name) {
    return registry.counter("madang_redis_redirects_total", "Commands sent on to another node",
                            {{"kind", name}});
  }
  void count(const Problem& problem) {
    if (problem.code == "redis_timeout") return timeout.Increment();
    if (problem.code == "redis_busy") return busy.Increment();
    if (problem.code == "redis_outcome_unknown") return unknown.Increment();
    (problem.kind == Kind::unavailable ? unavailable : error).Increment();
  }

  /// Counted at the end of a read: thousands of answers come in one.
  void flush() {
    if (good > 0) ok.Increment(static_cast<double>(std::exchange(good, 0)));
  }

  std::int64_t good = 0;
  metrics::Counter& ok;
  metrics::Counter& error;
  metrics::Counter& timeout;
  metrics::Counter& busy;
  metrics::Counter& unavailable;
  metrics::Counter& unknown;
  metrics::Counter& moved;
  metrics::Counter& ask;
  metrics::Counter& pauses;
  metrics::Counter& scripts;
};

Cluster::Cluster(asio::any_io_executor executor, const ClientOptions& options, Random& random,
                 runtime::TaskGroup& tasks, metrics::Registry& registry)
    : executor_(std::move(executor)),
      options_(options),
      random_(random),
      tasks_(tasks),
      registry_(registry),
      metrics_(std::make_unique<Metrics>(registry)),
      budget_(options.retries),
      map_timer_(executor_),
      pause_timer_(executor_) {}

Cluster::~Cluster() = default;

void Cluster::start() {
  tasks_.spawn(executor_, "redis_map", keep_map(this));
  tasks_.spawn(executor_, "redis_pauses", keep_pauses(this));
}

void Cluster::close() {
  closed_ = true;
  for (const auto& [name, node] : nodes_) node->close();
  for (const auto& node : leaving_) node->close();
  fail_pausing(busy("redis_closed", "The Redis client is closing.").error());
  map_timer_.cancel();
  pause_timer_.cancel();
}

void Cluster::fail_pausing(const Problem& problem) {
  for (auto& call : std::exchange(waiting_for_map_, {})) finish(std::move(call), fail(problem));
  for (auto& [at, call] : std::exchange(pausing_, {})) finish(std::move(call), fail(problem));
}

void Cluster::submit(Call&& call, Steady::time_point now) {
  budget_.deposit();
  const auto longest = now + options_.longest_wait;
  if (call.deadline.at() > longest) call.deadline = Deadline(longest);
  if (call.command.crosses_slots() && !standalone_) {
    return finish(std::move(call), fail(Kind::internal, "redis_cross_slot",
                                        "The keys of one command are in different slots."));
  }
  route(std::move(call), now);
}

void Cluster::route(Call&& call, Steady::time_point now) {
  if (closed_) return finish(std::move(call), busy("redis_closed", "The client is closing."));
  if (call.deadline.at() <= now) return finish(std::move(call), fail(too_late()));
  if (!tried_) {
    if (waiting_for_map_.size() >= options_.max_pausing) {
      return finish(std::move(call), fail(too_many()));
    }
    if (waiting_for_map_.empty()) pause_timer_.cancel();
    waiting_for_map_.push_back(std::move(call));
    return;
  }
  Node* master = master_for(call);
  if (master == nullptr) {
    want_map();
    return finish(std::move(call), fail(unavailable("No node serves the slot: " + trouble())));
  }
  Node* replica = replica_for(call, *master);
  dispatch(replica == nullptr ? *master : *replica, std::move(call), replica != nullptr);
}

Node* Cluster::master_for(const Call& call) {
  if (const auto slot = call.command.slot()) return slots_[*slot];
  // Any will do: the next that is not known to be away.
  for (std::size_t tries = 0; tries < masters_.size(); ++tries) {
    Node* node = masters_[next_master_++ % masters_.size()];
    if (node->hopeful()) return node;
  }
  return masters_.empty() ? nullptr : masters_.front();
}

Node* Cluster::replica_for(const Call& call, Node& master) {
  if (!call.command.wants_replica() || call.master_only) return nullptr;
  for (std::size_t tries = 0; tries < master.replicas.size(); ++tries) {
    Node* node = master.replicas[master.next_replica++ % master.replicas.size()];
    if (node->hopeful()) return node;
  }
  return nullptr;
}

void Cluster::dispatch(Node& node, Call&& call, bool replica) {
  switch (replica ? node.send_read(call) : node.send(call)) {
    case Node::Sent::yes:
      return;
    case Node::Sent::full:
      return finish(std::move(call), fail(too_many()));
    case Node::Sent::down:
      break;
  }
  if (replica) {
    call.master_only = true;
    return route(std::move(call), Steady::now());
  }
  // At once: who asks has another way, and the next one after it too.
  want_map();
  std::string why = node.name() + " is away";
  if (!node.trouble().empty()) why.append(": ").append(node.trouble());
  finish(std::move(call), fail(unavailable(std::move(why))));
}

void Cluster::on_answer(Node& node, Call&& call, Value&& value) {
  if (!value.is_error()) return finish(std::move(call), std::move(value));
  const std::string_view code = value.error_code();
  if (code == "MOVED" || code == "ASK") return redirect(node, std::move(call), value);
  if (code == "NOSCRIPT" && call.command.script_sha() != nullptr) {
    return reload(node, std::move(call));
  }
  if (code == "TRYAGAIN") return later(std::move(call), Budget::free, problem_of_error(value));
  if (code == "CLUSTERDOWN" || code == "LOADING" || code == "MASTERDOWN" || code == "READONLY") {
    want_map();
    if (call.command.wants_replica() && !std::exchange(call.master_only, true)) {
      return route(std::move(call), Steady::now());
    }
    return later(std::move(call), Budget::counted, problem_of_error(value));
  }
  finish(std::move(call), fail(problem_of_error(value)));
}

void Cluster::redirect(Node& node, Call&& call, const Value& error) {
  const bool ask = error.is_error("ASK");
  (ask ? metrics_->ask : metrics_->moved).Increment();
  if (!ask) want_map();
  const auto to = read_redirect(error, node.address());
  if (!to || call.redirects++ >= options_.max_redirects) {
    return finish(std::move(call), fail(unavailable("Sent from node to node: " + error.text)));
  }
  call.master_only = true;
  Node& target = node_at(to->to);
  if (!ask) {
    slots_[to->slot] = &target;
    return dispatch(target, std::move(call), false);
  }
  if (target.send_asking(call) == Node::Sent::yes) return;
  later(std::move(call), Budget::counted, unavailable(target.name() + " is away"));
}

void Cluster::reload(Node& node, Call&& call) {
  metrics_->scripts.Increment();
  if (call.redirects++ >= options_.max_redirects) {
    return finish(std::move(call), fail(unavailable("The server forgets its scripts.")));
  }
  if (node.send_with_script(call) == Node::Sent::yes) return;
  later(std::move(call), Budget::counted, unavailable(node.name() + " is away"));
}

void Cluster::on_failure(Node& node, Call&& call, Node::Failure failure) {
  if (failure == Node::Failure::timed_out) return finish(std::move(call), fail(too_late()));
  want_map();
  call.master_only = true;
  if (failure == Node::Failure::lost && !call.command.may_repeat()) {
    return finish(std::move(call),
                  fail(Kind::internal, "redis_outcome_unknown",
                       "The connection to " + node.name() + " was lost before the answer."));
  }
  later(std::move(call), Budget::counted,
        unavailable("The connection to " + node.name() + " was lost: " + node.trouble()));
}

void Cluster::on_down(Node& /*node*/) {
  want_map();
}

void Cluster::on_heard(Node& /*node*/) {
  metrics_->flush();
}

void Cluster::later(Call&& call, Budget budget, Problem problem) {
  if (closed_) return finish(std::move(call), busy("redis_closed", "The client is closing."));
  const auto at = Steady::now() + std::chrono::milliseconds(1) +
                  resilience::backoff(options_.pause, call.waits, random_);
  const bool worth_it = call.waits < options_.max_waits && at < call.deadline.at() &&
                        pausing_.size() < options_.max_pausing;
  if (!worth_it || (budget == Budget::counted && !budget_.withdraw())) {
    return finish(std::move(call), fail(std::move(problem)));
  }
  metrics_->pauses.Increment();
  ++call.waits;
  call.probe.reset();
  const bool soonest = pausing_.empty() || at < pausing_.begin()->first;
  pausing_.emplace(at, std::move(call));
  if (soonest) pause_timer_.cancel();
}

Task<> Cluster::keep_pauses(Cluster* self) {
  while (!self->closed_) {
    auto next = self->pausing_.empty() ? Steady::time_point::max() : self->pausing_.begin()->first;
    if (!self->waiting_for_map_.empty()) {
      next = std::min(next, Steady::now() + std::chrono::milliseconds(20));
    }
    self->pause_timer_.expires_at(next);
    co_await self->pause_timer_.async_wait(in_tuple);
    const auto now = Steady::now();
    self->expire_waiting(now);
    while (!self->pausing_.empty() && self->pausing_.begin()->first <= now) {
      Call call = std::move(self->pausing_.extract(self->pausing_.begin()).mapped());
      self->route(std::move(call), now);
    }
  }
}

void Cluster::expire_waiting(Steady::time_point now) {
  std::deque<Call> waiting = std::exchange(waiting_for_map_, {});
  for (Call& call : waiting) {
    if (call.deadline.at() > now) {
      waiting_for_map_.push_back(std::move(call));
    } else {
      finish(std::move(call), fail(too_late()));
    }
  }
}

void Cluster::finish(Call&& call, Result<Value>&& result) {
  if (!result) {
    metrics_->count(result.error());
  } else {
    ++metrics_->good;
  }
  if (call.to) call.to->put(call.index, std::move(result));
}

}  // namespace madang::redis
