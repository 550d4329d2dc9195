// Transactions of one hot row, put into one.
#include "platform/db/mariadb_writers.hpp"

namespace madang::db::mariadb {

namespace {

/// Transactions committed together: the row's lock is held for as long as all of them take.
constexpr std::size_t max_group = 32;

}  // namespace

void Writers::serve_row(Worker& worker, Job& first) {
  switch (hot_rows_.enter(first)) {
    case HotRows::Entry::waits:
      return;
    case HotRows::Entry::full: {
      first.refused = JobQueue::refusal("too many write to the same row; try again shortly.");
      JobList refused;
      refused.push_back(first);
      return tell(std::move(refused));
    }
    case HotRows::Entry::yours:
      break;
  }
  const Id row = first.hot_row;  // the job is gone when it has been told
  std::vector<Job*> group{&first};
  metrics_.busy.Increment();
  while (!group.empty()) {
    const auto begun = Steady::now();
    perform_group(worker, group);
    queue_.served((Steady::now() - begun) * options_.writers / group.size());
    if (worker.connection) metrics_.count(worker.connection->statements());
    JobList done;
    for (Job* job : group) done.push_back(*job);
    tell(std::move(done));
    group.clear();
    JobList more = hot_rows_.next(row, max_group);
    while (Job* job = more.pop_front()) group.push_back(job);
  }
  metrics_.busy.Decrement();
}

void Writers::perform_group(Worker& worker, std::vector<Job*>& group) {
  for (Job* job : group) job->settled = false;
  const auto now = Steady::now();
  for (Job* job : group)
    if (group.size() > 1 && job->deadline.at() <= now) {
      job->refused = JobQueue::refusal("the database was not reached in time; try again shortly.");
      job->settled = true;
    }
  const bool together = group.size() > 1 && run_group(worker, group);
  if (together) return;
  for (Job* job : group)
    if (!job->settled) perform(worker, *job);
}

/// Whether all are settled; those that are not are as if they had not been run.
bool Writers::run_group(Worker& worker, std::vector<Job*>& group) {
  std::vector<Job*> open;
  for (Job* job : group)
    if (!job->settled) open.push_back(job);
  if (open.size() < 2) return false;
  if (!connect(worker, *open.front(), Steady::now() + options_.patience)) {
    for (Job* job : open) {
      job->refused = open.front()->refused;
      job->settled = true;
    }
    return true;
  }
  std::vector<Job*> kept;
  bool all = true;
  for (Job* job : open) {
    switch (run_in_group(worker, *job, kept.empty())) {
      case InGroup::kept:
        kept.push_back(job);
        break;
      case InGroup::finished:
        job->settled = true;
        break;
      case InGroup::alone:
        all = false;
        break;
      case InGroup::broken:
        for (Job* one : open) one->settled = false;
        again_conflict_.Increment();
        return false;
    }
  }
  if (kept.empty()) {
    roll_back(worker);
  } else if (commit(worker, kept) == Ran::conflict) {
    for (Job* one : open) one->settled = false;
    again_conflict_.Increment();
    return false;
  }
  for (Job* job : kept) job->settled = true;
  return all;
}

/// `first`: the transaction holds no changes yet, and undoing this is undoing all.
Writers::InGroup Writers::run_in_group(Worker& worker, Job& job, bool first) {
  if (!worker.connection) return InGroup::broken;  // lost while the one before was undone
  Connection& connection = *worker.connection;
  job.error = nullptr;
  job.refused.reset();
  bool keep = false;
  auto cause = SqlError::Cause::other;
  {
    const auto longest = std::max(job.deadline.at(), Steady::now() + options_.commit_timeout);
    Watch::Guard guard(watch_, connection, longest, Watch::After::kill);
    try {
      connection.begin_anew();
      if (!first) connection.run("savepoint one");
      ConnectionTransaction transaction(connection);
      keep = transaction.run(*job.body) && !job.error;
    } catch (const SqlError& error) {
      job.error = std::current_exception();
      cause = error.cause();
    } catch (...) {
      job.error = std::current_exception();
    }
    if (!keep && !first && connection.doom() == Doom::none) {
      try {
        connection.run("rollback to savepoint one");
      } catch (const SqlError&) {
        roll_back(worker);
        return InGroup::broken;
      }
    }
  }
  if (connection.doom() == Doom::lost) {
    cluster_.suspect(connection.host());
    drop(worker);
    return InGroup::broken;
  }
  if (connection.doom() == Doom::conflict) {
    roll_back(worker);
    return InGroup::broken;
  }
  if (keep) return InGroup::kept;
  if (CommitHealth::concerns(cause)) health_.failed(Steady::now(), cause);
  if (first) roll_back(worker);
  // What it looked for before it inserted was inserted meanwhile: once more.
  return cause == SqlError::Cause::unique ? InGroup::alone : InGroup::finished;
}

}  // namespace madang::db::mariadb
