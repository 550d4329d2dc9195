#include "platform/db/mariadb_readers.hpp"

#include <algorithm>

#include "platform/log/log.hpp"

namespace madang::db::mariadb {

namespace {

/// On how many connections a read is tried.
constexpr int max_attempts = 5;

}  // namespace

Readers::Readers(const std::string& pool, From from, const MariaDbOptions& options,
                 Cluster& cluster, metrics::Registry& registry)
    : from_(from),
      options_(options),
      cluster_(cluster),
      queue_(pool, options.read_queue, 0, registry),
      metrics_(pool, options.readers, registry),
      stopped_(
          registry.counter("madang_db_reads_stopped_total", "Reads stopped at their deadline")),
      watch_(options) {
  cluster.on_silence([this](const MariaDbHost& host) { watch_.end_all(host); });
  for (int i = 0; i < options.readers; ++i) workers_.push_back(std::make_unique<Worker>());
  for (auto& worker : workers_)
    worker->thread = std::jthread([this, &worker = *worker] { serve(worker); });
}

Readers::~Readers() {
  close();
}

void Readers::close() {
  queue_.close();
  for (auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
}

bool Readers::is_current_thread() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) {
    return worker->thread.get_id() == std::this_thread::get_id();
  });
}

void Readers::serve(Worker& worker) {
  while (Job* job = queue_.wait_take()) {
    metrics_.busy.Increment();
    perform(worker, *job);
    metrics_.busy.Decrement();
  }
  worker.connections.clear();
}

void Readers::perform(Worker& worker, Job& job) {
  const auto until = std::min(job.deadline.at(), Steady::now() + options_.patience);
  for (int attempts = 0;; ++attempts) {
    const auto host = choose(until);
    if (!host || attempts == max_attempts) {
      job.refused = Problem{.kind = Kind::unavailable,
                            .code = "database_unreachable",
                            .detail = "no database was found in time; try again shortly.",
                            .retry_after = std::chrono::seconds(1)};
      JobList done;
      done.push_back(job);
      return tell(std::move(done));
    }
    if (!attempt(worker, job, *host)) return;
  }
}

std::optional<MariaDbHost> Readers::choose(Steady::time_point until) {
  if (from_ == From::replicas)
    if (auto host = cluster_.replica()) return host;
  return cluster_.primary(until);
}

Connection& Readers::connection_to(Worker& worker, const MariaDbHost& host) {
  auto& connection = worker.connections[host.label()];
  if (!connection)
    connection = std::make_unique<Connection>(options_, host, Connection::Use::reader);
  return *connection;
}

bool Readers::attempt(Worker& worker, Job& job, const MariaDbHost& host) {
  job.error = nullptr;
  job.refused.reset();
  Connection* connection = nullptr;
  bool too_late = false;
  try {
    connection = &connection_to(worker, host);
    Watch::Guard guard(watch_, *connection, job.deadline.at(), Watch::After::kill);
    try {
      ConnectionTransaction transaction(*connection);
      transaction.run(*job.body);
    } catch (...) {
      job.error = std::current_exception();
    }
    too_late = guard.end();
  } catch (const SqlError& error) {  // no connection
    log::warn("db", "connect_failed", {{"error", std::string_view(error.what())}});
    cluster_.suspect(host);
    worker.connections.erase(host.label());
    return true;
  }
  if (too_late && !job.deadline.passed()) {  // its host fell silent
    worker.connections.erase(host.label());
    if (job.error) return true;
    connection = nullptr;
  } else if (too_late) {
    worker.connections.erase(host.label());
    connection = nullptr;
    if (job.error) {
      stopped_.Increment();
      job.error = nullptr;
      job.refused = JobQueue::refusal("the read took too long; try again shortly.");
    }
  } else if (connection->doom() == Doom::lost) {
    cluster_.suspect(host);
    worker.connections.erase(host.label());
    return true;
  }
  // The caller has its rows; the snapshot is given up while it goes on.
  JobList done;
  done.push_back(job);
  tell(std::move(done));
  if (connection != nullptr) end(worker, *connection);
  return false;
}

void Readers::end(Worker& worker, Connection& connection) {
  metrics_.count(connection.statements());
  try {
    Watch::Guard guard(watch_, connection, Steady::now() + options_.commit_timeout,
                       Watch::After::kill);
    connection.run("commit");
  } catch (const SqlError& error) {
    log::warn("db", "read_not_ended", {{"error", std::string_view(error.what())}});
    worker.connections.erase(connection.host().label());
  }
}

}  // namespace madang::db::mariadb
