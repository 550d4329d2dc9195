#include "platform/db/mariadb_readers.hpp"

#include <algorithm>

#include "platform/log/log.hpp"

namespace madang::db::mariadb {

namespace {

/// On how many connections a read is tried.
constexpr int max_attempts = 5;
/// A replica that is further behind what was written here is not waited for.
constexpr std::chrono::duration<double> horizon_wait{0.02};

void tell_one(Job& job) {
  JobList done;
  done.push_back(job);
  tell(std::move(done));
}

}  // namespace

Readers::Readers(const std::string& pool, From from, const MariaDbOptions& options,
                 Cluster& cluster, metrics::Registry& registry)
    : from_(from),
      options_(options),
      cluster_(cluster),
      queue_(pool, options.read_queue, 0, options.max_wait, registry),
      metrics_(pool, options.readers, registry),
      stopped_(
          registry.counter("madang_db_reads_stopped_total", "Reads stopped at their deadline")),
      behind_(registry.counter("madang_db_replica_behind_total",
                               "Reads that a replica could not serve: it lacked own writes")),
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
    const auto begun = Steady::now();
    perform(worker, *job);
    queue_.served((Steady::now() - begun) * options_.readers);  // see Writers::serve
    metrics_.busy.Decrement();
  }
  worker.connections.clear();
}

void Readers::perform(Worker& worker, Job& job) {
  const auto until = std::min(job.deadline.at(), Steady::now() + options_.patience);
  bool replica = from_ == From::replicas;
  for (int attempts = 0;; ++attempts) {
    std::optional<MariaDbHost> host;
    if (replica) host = cluster_.replica();
    if (!host) {
      replica = false;
      host = cluster_.primary(until);
    }
    if (!host || attempts == max_attempts) {
      job.error = nullptr;
      job.refused = Problem{.kind = Kind::unavailable,
                            .code = "database_unreachable",
                            .detail = "no database was found in time; try again shortly.",
                            .retry_after = std::chrono::seconds(1)};
      return tell_one(job);
    }
    switch (attempt(worker, job, *host, replica)) {
      case Try::done:
        return;
      case Try::primary:
        replica = false;
        break;
      case Try::elsewhere:
        break;
    }
  }
}

Readers::Place& Readers::place_at(Worker& worker, const MariaDbHost& host) {
  Place& place = worker.connections[host.label()];
  if (!place.connection || cluster_.outlived(*place.connection))
    place = {std::make_unique<Connection>(options_, host, Connection::Use::reader), {}};
  return place;
}

// Whether the replica has what was written here. It is waited for: mostly it is a fraction of a
// millisecond behind.
bool Readers::reaches_horizon(Place& place) {
  const std::string horizon = cluster_.horizon().text();
  if (horizon == place.seen) return true;
  const std::string ask =
      "select master_gtid_wait('" + horizon + "', " + std::to_string(horizon_wait.count()) + ")";
  if (place.connection->rows(ask.c_str()).at(0).at(0) != "0") {
    behind_.Increment();
    return false;
  }
  place.seen = horizon;
  return true;
}

Readers::Try Readers::attempt(Worker& worker, Job& job, const MariaDbHost& host, bool replica) {
  job.error = nullptr;
  job.refused.reset();
  Connection* connection = nullptr;
  bool too_late = false;
  try {
    Place& place = place_at(worker, host);
    connection = place.connection.get();
    connection->begin_anew();
    Watch::Guard guard(watch_, *connection, job.deadline.at(), Watch::After::kill);
    if (replica && !reaches_horizon(place)) return Try::primary;
    try {
      ConnectionTransaction transaction(*connection);
      transaction.run(*job.body);
    } catch (...) {
      job.error = std::current_exception();
    }
    too_late = guard.end();
  } catch (const SqlError& error) {  // no connection, or one that did not last
    log::warn("db", "connect_failed", {{"error", std::string_view(error.what())}});
    cluster_.suspect(host);
    worker.connections.erase(host.label());
    return Try::elsewhere;
  }
  const bool lost = too_late || connection->doom() == Doom::lost;
  if (lost) worker.connections.erase(host.label());
  if (lost && job.error) {
    if (!job.deadline.passed()) {
      cluster_.suspect(host);
      return Try::elsewhere;
    }
    stopped_.Increment();
    job.error = nullptr;
    job.refused = JobQueue::refusal("the read took too long; try again shortly.");
  }
  if (!lost) metrics_.count(connection->statements());
  // The caller has its rows; the snapshot is given up while it goes on.
  tell_one(job);
  if (!lost) end(worker, *connection);
  return Try::done;
}

void Readers::end(Worker& worker, Connection& connection) {
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
