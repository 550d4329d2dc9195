#include "platform/db/sqlite_readers.hpp"

#include <algorithm>

#include "platform/log/log.hpp"
#include "platform/runtime/turns.hpp"

namespace madang::db::sqlite {

namespace {

constexpr int steps_between_looks = 20'000;  // of SQLite's machine: well under a millisecond

}  // namespace

Readers::Readers(const SqliteOptions& options, metrics::Registry& registry)
    : queue_("db_readers", options.read_queue, 0, options.max_wait, registry),
      metrics_("db_readers", options.readers, registry),
      stopped_(
          registry.counter("madang_db_reads_stopped_total", "Reads stopped at their deadline")) {
  for (int i = 0; i < options.readers + 1; ++i)
    connections_.push_back(std::make_unique<Connection>(options.path, Connection::Use::reader));
  for (auto& connection : connections_) {
    const bool first = connection == connections_.front();
    const Take take = first ? &JobQueue::wait_take_first : &JobQueue::wait_take;
    threads_.emplace_back([this, &connection = *connection, take] { serve(connection, take); });
  }
}

Readers::~Readers() {
  close();
}

bool Readers::is_current_thread() const {
  const auto is_me = [](const std::jthread& thread) {
    return thread.get_id() == std::this_thread::get_id();
  };
  return std::any_of(threads_.begin(), threads_.end(), is_me);
}

void Readers::close() {
  queue_.close();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
  connections_.clear();
}

struct Readers::Reader {
  explicit Reader(Connection& of) : connection(of) {}
  Connection& connection;
  ConnectionTransaction transaction{connection};
  Command begin{connection, "begin"};
  Command commit{connection, "commit"};
  Command rollback{connection, "rollback"};
  Deadline deadline = Deadline::never();
};

void Readers::serve(Connection& connection, Take take) {
  if (take == &JobQueue::wait_take_first) runtime::take_short_turns();
  Reader reader(connection);
  const auto too_late = [](void* of) {
    return static_cast<Reader*>(of)->deadline.passed() ? 1 : 0;
  };
  sqlite3_progress_handler(connection.handle(), steps_between_looks, too_late, &reader);
  while (Job* job = (queue_.*take)()) {
    metrics_.busy.Increment();
    reader.deadline = job->deadline;
    const auto begun = Deadline::Steady::now();
    perform(reader, *job);
    queue_.served(Deadline::Steady::now() - begun);
    metrics_.count(connection.statements());
    metrics_.busy.Decrement();
    JobList done;
    done.push_back(*job);
    tell(std::move(done));
  }
}

void Readers::perform(Reader& reader, Job& job) {
  try {
    reader.begin.run();
    reader.transaction.run(*job.body);
  } catch (const SqlError& error) {
    if (error.cause() == SqlError::Cause::interrupted) {
      stopped_.Increment();
      job.refused = JobQueue::refusal("the read took too long; try again shortly.");
    } else {
      job.error = std::current_exception();
    }
  } catch (...) {
    job.error = std::current_exception();
  }
  reader.deadline = Deadline::never();  // what follows is short, and must not be stopped
  try {
    if (reader.connection.in_transaction()) (job.error ? reader.rollback : reader.commit).run();
  } catch (const SqlError& error) {
    log::error("db", "read_not_ended", {{"error", std::string_view(error.what())}});
  }
}

}  // namespace madang::db::sqlite
