#include "platform/db/sqlite_writer.hpp"

#include <algorithm>

#include "platform/log/log.hpp"

namespace madang::db::sqlite {

using Steady = Deadline::Steady;

namespace {

/// A group takes what arrives meanwhile for about as long as its commit will take: then no more
/// than half of the time goes into commits, and nobody waits for long because others come along.
constexpr std::chrono::nanoseconds min_group_time = std::chrono::milliseconds(2);
constexpr std::chrono::nanoseconds max_group_time = std::chrono::milliseconds(20);
/// How many jobs are taken from the queue at once: those that are still in it can be refused.
constexpr std::size_t max_handful = 32;
/// How often a group is begun again before its bodies are run one by one.
constexpr int max_restarts = 2;
/// Background work waits for at most so many groups of interactive work.
constexpr int max_groups_without_background = 8;

}  // namespace

Writer::Writer(const SqliteOptions& options, metrics::Registry& registry)
    : max_group_(options.max_group),
      queue_("db_writer", options.write_queue, options.background_queue, options.max_wait,
             registry),
      metrics_("db_writer", 1, registry),
      group_size_(group_size(registry)),
      commit_seconds_(registry.histogram("madang_db_commit_seconds", "Time of a durable commit")),
      restarts_total_(registry.counter("madang_db_group_restarts_total",
                                       "Groups run again because the engine gave them up")),
      connection_(options.path, Connection::Use::writer),
      checkpointer_(options, connection_, registry),
      transaction_(connection_),
      begin_(connection_, "begin immediate"),
      commit_(connection_, "commit"),
      rollback_(connection_, "rollback"),
      savepoint_(connection_, "savepoint body"),
      release_(connection_, "release body"),
      rollback_to_(connection_, "rollback to body") {
  group_.reserve(max_group_);
  thread_ = std::jthread([this] { serve(); });
}

Writer::~Writer() {
  close();
}

void Writer::close() {
  if (!thread_.joinable()) return;
  queue_.close();
  thread_.join();
  checkpointer_.close();
  try {
    connection_.run("pragma wal_checkpoint(truncate)");
  } catch (const SqlError& error) {
    log::warn("db", "last_checkpoint_failed", {{"error", std::string_view(error.what())}});
  }
}

void Writer::on_commit(std::function<void()> listener) {
  if (has_listener_) throw std::logic_error("on_commit: set already");
  listener_ = std::move(listener);
  has_listener_ = true;
}

void Writer::serve() {
  while (queue_.wait_for_work()) {
    metrics_.busy.Set(1);
    begun_ = Steady::now();
    health_.began(begun_);
    rows_changed_ = sqlite3_total_changes64(connection_.handle());
    kept_ = 0;
    restarts_ = 0;
    committed_ = has_interactive_ = has_background_ = begin_failed_ = false;
    if (gather()) finish();
    health_.ended();
    announce();
    queue_.served(Steady::now() - begun_);
    metrics_.count(connection_.statements());
    checkpointer_.between_groups();
    metrics_.busy.Set(0);
  }
}

// Runs bodies until nothing more waits or the group is full. False: each was committed alone, and
// nothing is left to commit.
bool Writer::gather() {
  while (!group_is_full()) {
    Lane lane = Lane::interactive;
    JobList waiting = take(lane);
    if (waiting.empty()) break;
    while (Job* job = group_is_full() ? nullptr : waiting.pop_front()) {
      group_.push_back(job);
      if (perform(*job) != Left::no_transaction) continue;
      job->settled = true;
      if (kept_ == 0 || start_again()) continue;
      queue_.put_back(lane, std::move(waiting));
      return false;
    }
    queue_.put_back(lane, std::move(waiting));
  }
  return true;
}

// People first. Background work comes one body at a time, when no person waits or when it has given
// way for long enough.
JobList Writer::take(Lane& lane) {
  JobList jobs;
  if (groups_without_background_ >= max_groups_without_background && !has_background_) {
    jobs = queue_.take(lane = Lane::background, 1);
    has_background_ = true;
    if (!jobs.empty()) return jobs;
  }
  jobs = queue_.take(lane = Lane::interactive, std::min(max_group_ - group_.size(), max_handful));
  if (!jobs.empty()) {
    has_interactive_ = true;
  } else if (!has_interactive_) {
    jobs = queue_.take(lane = Lane::background, 1);
    has_background_ = true;
  }
  return jobs;
}

bool Writer::group_is_full() const {
  return group_.size() >= max_group_ || begin_failed_ ||
         Steady::now() - begun_ > std::clamp(commit_time_, min_group_time, max_group_time);
}

// The first body whose changes the transaction holds needs no savepoint: undoing it is undoing all.
Writer::Left Writer::perform(Job& job) {
  job.error = nullptr;
  job.refused.reset();
  if (!open_for(job)) return Left::nothing;
  bool keep = false;
  try {
    keep = transaction_.run(*job.body);
  } catch (...) {
    job.error = std::current_exception();
    note_failure(job.error);
  }
  try {
    if (!connection_.in_transaction())
      throw SqlError(SqlError::Cause::other, "SQLite gave up the transaction");
    if (keep) {
      if (kept_ > 0) release_.run();
      ++kept_;
      return Left::changes;
    }
    undo();
    return Left::nothing;
  } catch (const SqlError&) {
    roll_back();
    if (!job.error) job.error = std::current_exception();
    return Left::no_transaction;
  }
}

// False when the body cannot be run: then the job says why, and nothing was done.
bool Writer::open_for(Job& job) {
  try {
    if (!connection_.in_transaction()) begin_.run();
    if (kept_ > 0) savepoint_.run();
    return true;
  } catch (const SqlError& error) {
    begin_failed_ = true;
    note_failure(std::current_exception());
    if (error.cause() == SqlError::Cause::busy) {
      job.refused =
          JobQueue::refusal("the database is held by another program; try again shortly.");
    } else {
      job.error = std::current_exception();
    }
    return false;
  }
}

void Writer::undo() {
  if (kept_ == 0) {
    rollback_.run();
    rows_changed_ = sqlite3_total_changes64(connection_.handle());
    return;
  }
  rollback_to_.run();
  release_.run();
}

// Runs the group's bodies again, without those that are settled. False: they were run one by one.
bool Writer::start_again() {
  while (++restarts_ <= max_restarts) {
    restarts_total_.Increment();
    kept_ = 0;
    if (run_all_again()) return true;
  }
  run_each_alone();
  return false;
}

// False when the engine has given up the transaction once more, and other bodies' changes with it.
bool Writer::run_all_again() {
  for (Job* job : group_) {
    if (job->settled || perform(*job) != Left::no_transaction) continue;
    job->settled = true;
    if (kept_ > 0) return false;
  }
  return true;
}

void Writer::run_each_alone() {
  for (Job* job : group_) {
    if (job->settled) continue;
    kept_ = 0;
    if (perform(*job) == Left::changes) commit_alone(*job);
    job->settled = true;
  }
  kept_ = 0;
}

void Writer::commit_alone(Job& job) {
  try {
    commit_.run();
    committed_ = true;
    note_commit(Steady::now());
  } catch (const SqlError&) {
    job.error = std::current_exception();
    note_failure(job.error);
    roll_back();
  }
}

void Writer::finish() {
  if (kept_ == 0) return roll_back();
  const auto start = Steady::now();
  try {
    commit_.run();
    committed_ = true;
    const auto end = Steady::now();
    note_commit(end);
    const auto took = end - start;
    commit_time_ += (took - commit_time_) / 16;
    commit_seconds_.Observe(std::chrono::duration<double>(took).count());
  } catch (const SqlError& error) {
    log::warn("db", "commit_failed",
              {{"error", std::string_view(error.what())}, {"bodies", group_.size()}});
    note_failure(std::current_exception());
    restarts_total_.Increment();
    roll_back();
    run_each_alone();
  }
}

void Writer::announce() {
  if (committed_ && has_listener_) listener_();
  if (!group_.empty()) group_size_.Observe(static_cast<double>(group_.size()));
  const bool gave_way = !has_background_ && queue_.waiting(Lane::background);
  groups_without_background_ = gave_way ? groups_without_background_ + 1 : 0;
  JobList done;
  for (Job* job : group_) done.push_back(*job);
  group_.clear();
  tell(std::move(done));
}

/// A commit of nothing touches no disk and proves nothing.
void Writer::note_commit(Steady::time_point now) {
  const std::int64_t changed = sqlite3_total_changes64(connection_.handle());
  if (changed != std::exchange(rows_changed_, changed)) health_.committed(now);
}

/// Of what went wrong, that which concerns the store.
void Writer::note_failure(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const SqlError& e) {
    if (CommitHealth::concerns(e.cause())) health_.failed(Steady::now(), e.cause());
  } catch (...) {
    // A body's own.
  }
}

void Writer::roll_back() {
  rows_changed_ = sqlite3_total_changes64(connection_.handle());  // those are gone
  if (!connection_.in_transaction()) return;
  try {
    rollback_.run();
  } catch (const SqlError& error) {
    log::error("db", "rollback_failed", {{"error", std::string_view(error.what())}});
  }
}

}  // namespace madang::db::sqlite
