#include "platform/db/mariadb_writers.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>

#include "platform/log/log.hpp"

namespace madang::db::mariadb {

namespace {

/// How often a transaction that deadlocked is run again before its caller is told to.
constexpr int max_conflicts = 16;
/// How often it may lose its connection before it is taken to be the reason.
constexpr int max_losses = 4;
/// The first pause after a deadlock; doubled each time, of which a random part is waited.
constexpr auto first_pause = std::chrono::milliseconds(1);
/// Background work waits for at most so many transactions of interactive work.
constexpr int max_without_background = 64;

metrics::Counter& again(metrics::Registry& registry, const char* why) {
  return registry.counter("madang_db_transactions_again_total", "Transactions run again",
                          {{"reason", why}});
}

Problem unreachable(std::string detail) {
  return Problem{.kind = Kind::unavailable,
                 .code = "database_unreachable",
                 .detail = std::move(detail),
                 .retry_after = std::chrono::seconds(1)};
}

Problem unknown_outcome() {
  return Problem{.kind = Kind::unavailable,
                 .code = "outcome_unknown",
                 .detail =
                     "the database was lost while it committed: it may have happened or not. "
                     "Repeat the call with the same Idempotency-Key.",
                 .retry_after = std::chrono::seconds(1)};
}

void pause(int conflicts) {
  thread_local std::minstd_rand random(std::random_device{}());
  const auto longest = first_pause * (1 << std::min(conflicts, 6));
  std::this_thread::sleep_for(longest * std::uniform_real_distribution<>(0.1, 1)(random));
}

}  // namespace

Writers::Writers(const MariaDbOptions& options, Cluster& cluster, metrics::Registry& registry)
    : options_(options),
      cluster_(cluster),
      queue_("db_writer", options.write_queue, options.background_queue, options.max_wait,
             registry),
      metrics_("db_writer", options.writers, registry),
      hot_rows_(registry),
      commit_seconds_(registry.histogram("madang_db_commit_seconds", "Time of a durable commit")),
      group_size_(group_size(registry)),
      again_conflict_(again(registry, "conflict")),
      again_lost_(again(registry, "lost")),
      unknown_(registry.counter("madang_db_outcome_unknown_total",
                                "Commits whose connection was lost while they were made")),
      watch_(options) {
  cluster.on_silence([this](const MariaDbHost& host) { watch_.end_all(host); });
  for (int i = 0; i < options.writers; ++i) workers_.push_back(std::make_unique<Worker>());
  for (auto& worker : workers_)
    worker->thread = std::jthread([this, &worker = *worker] { serve(worker); });
}

Writers::~Writers() {
  close();
}

void Writers::close() {
  queue_.close();
  for (auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
}

void Writers::on_commit(std::function<void()> listener) {
  if (has_listener_) throw std::logic_error("on_commit: set already");
  listener_ = std::move(listener);
  has_listener_ = true;
}

bool Writers::is_current_thread() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) {
    return worker->thread.get_id() == std::this_thread::get_id();
  });
}

void Writers::serve(Worker& worker) {
  while (Job* job = next()) {
    if (job->hot_row != 0 && options_.writers > 1) {
      serve_row(worker, *job);
      continue;
    }
    metrics_.busy.Increment();
    const auto begun = Steady::now();
    perform(worker, *job);
    // As many are served at once as there are threads: a few rounds are no queue that stands.
    queue_.served((Steady::now() - begun) * options_.writers);
    if (worker.connection) metrics_.count(worker.connection->statements());
    metrics_.busy.Decrement();
    JobList done;
    done.push_back(*job);
    tell(std::move(done));
  }
  worker.connection.reset();
}

// People first. Background work comes when no person waits or when it has given way for long
// enough.
Job* Writers::next() {
  while (queue_.wait_for_work()) {
    JobList taken;
    if (without_background_ >= max_without_background) taken = queue_.take(Lane::background, 1);
    if (taken.empty()) {
      taken = queue_.take(Lane::interactive, 1);
      if (!taken.empty()) {
        ++without_background_;
        return taken.pop_front();
      }
      taken = queue_.take(Lane::background, 1);
    }
    without_background_ = 0;
    if (Job* job = taken.pop_front()) return job;
  }
  return nullptr;
}

void Writers::perform(Worker& worker, Job& job) {
  const auto until = std::min(job.deadline.at(), Steady::now() + options_.patience);
  int conflicts = 0;
  int losses = 0;
  bool raced = false;
  for (;;) {
    job.error = nullptr;
    job.refused.reset();
    if (!connect(worker, job, until)) return;
    switch (run(worker, job)) {
      case Ran::finished:
        return;
      case Ran::raced:  // what it looked for before it inserted was inserted meanwhile
        if (std::exchange(raced, true)) return;
        again_conflict_.Increment();
        break;
      case Ran::conflict:
        if (++conflicts > max_conflicts || Steady::now() >= until) {
          job.error = nullptr;
          job.refused = JobQueue::refusal("too many write to the same rows; try again shortly.");
          return;
        }
        again_conflict_.Increment();
        pause(conflicts);
        break;
      case Ran::lost:
        if (++losses > max_losses || Steady::now() >= until) {
          job.error = nullptr;
          job.refused = unreachable("the primary database was lost; try again shortly.");
          return;
        }
        again_lost_.Increment();
        break;
    }
  }
}

// False: there is nobody to write to, and the job says so. Nothing was done.
bool Writers::connect(Worker& worker, Job& job, Steady::time_point until) {
  for (;;) {
    const auto host = cluster_.primary(until);
    if (!host) {
      job.refused = unreachable("no primary database was found in time; try again shortly.");
      return false;
    }
    if (auto obstacle = cluster_.write_obstacle()) {
      job.refused = unreachable(*obstacle);
      return false;
    }
    if (worker.connection && (worker.connection->host().label() != host->label() ||
                              cluster_.outlived(*worker.connection)))
      drop(worker);
    if (worker.connection) return true;
    try {
      worker.connection = std::make_unique<Connection>(options_, *host, Connection::Use::writer);
      return true;
    } catch (const SqlError& error) {
      log::warn("db", "connect_failed", {{"error", std::string_view(error.what())}});
      cluster_.suspect(*host);
      if (Steady::now() < until) continue;
      job.refused = unreachable("the primary database could not be reached; try again shortly.");
      return false;
    }
  }
}

Writers::Ran Writers::run(Worker& worker, Job& job) {
  Connection& connection = *worker.connection;
  bool keep = false;
  auto cause = SqlError::Cause::other;
  {
    // A body that was begun is not taken back at its deadline, but not waited for much longer.
    const auto longest = std::max(job.deadline.at(), Steady::now() + options_.commit_timeout);
    Watch::Guard guard(watch_, connection, longest, Watch::After::kill);
    try {
      ConnectionTransaction transaction(connection);
      keep = transaction.run(*job.body);
    } catch (const SqlError& error) {
      job.error = std::current_exception();
      cause = error.cause();
    } catch (...) {
      job.error = std::current_exception();
    }
  }
  switch (connection.doom()) {
    case Doom::lost:
      cluster_.suspect(connection.host());
      drop(worker);
      return Ran::lost;
    case Doom::conflict:
      roll_back(worker);
      return Ran::conflict;
    case Doom::none:
      break;
  }
  Job* const jobs[] = {&job};
  if (keep && !job.error) return commit(worker, jobs);
  if (CommitHealth::concerns(cause)) health_.failed(Steady::now(), cause);
  roll_back(worker);
  return cause == SqlError::Cause::unique ? Ran::raced : Ran::finished;
}

Writers::Ran Writers::commit(Worker& worker, std::span<Job* const> jobs) {
  Connection& connection = *worker.connection;
  const auto start = Steady::now();
  try {
    Watch::Guard guard(watch_, connection, start + options_.commit_timeout, Watch::After::abandon);
    connection.run("commit");
  } catch (const SqlError& error) {
    if (connection.doom() == Doom::conflict) {
      roll_back(worker);
      return Ran::conflict;
    }
    if (connection.doom() == Doom::lost) {
      unknown_.Increment();
      health_.failed(Steady::now(), SqlError::Cause::interrupted);
      log::warn("db", "outcome_unknown", {{"error", std::string_view(error.what())}});
      for (Job* job : jobs) job->refused = unknown_outcome();
      cluster_.suspect(connection.host());
      drop(worker);
      return Ran::finished;
    }
    for (Job* job : jobs) job->error = std::current_exception();
    health_.failed(Steady::now(), error.cause());
    roll_back(worker);
    return Ran::finished;
  }
  health_.committed(Steady::now());
  group_size_.Observe(static_cast<double>(jobs.size()));
  commit_seconds_.Observe(std::chrono::duration<double>(Steady::now() - start).count());
  cluster_.horizon().advance(connection.commit_position());
  if (has_listener_) listener_();
  return Ran::finished;
}

void Writers::roll_back(Worker& worker) {
  if (!worker.connection) return;
  try {
    Watch::Guard guard(watch_, *worker.connection, Steady::now() + options_.commit_timeout,
                       Watch::After::kill);
    worker.connection->run("rollback");
  } catch (const SqlError&) {
    drop(worker);  // the server rolls back what loses its connection
  }
}

void Writers::drop(Worker& worker) {
  if (worker.connection) metrics_.count(worker.connection->statements());
  worker.connection.reset();
}

}  // namespace madang::db::mariadb
