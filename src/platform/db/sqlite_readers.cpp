#include "platform/db/sqlite_readers.hpp"

#include <algorithm>

#include "platform/log/log.hpp"

namespace madang::db::sqlite {

Readers::Readers(const SqliteOptions& options, metrics::Registry& registry)
    : queue_("db_readers", options.read_queue, 0, registry),
      metrics_("db_readers", options.readers, registry) {
  for (int i = 0; i < options.readers; ++i)
    connections_.push_back(std::make_unique<Connection>(options.path, Connection::Use::reader));
  for (auto& connection : connections_)
    threads_.emplace_back([this, &connection = *connection] { serve(connection); });
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

void Readers::serve(Connection& connection) {
  ConnectionTransaction transaction(connection);
  Command begin(connection, "begin");
  Command commit(connection, "commit");
  Command rollback(connection, "rollback");
  while (Job* job = queue_.wait_take()) {
    metrics_.busy.Increment();
    try {
      begin.run();
      transaction.run(*job->body);
      commit.run();
    } catch (...) {
      job->error = std::current_exception();
    }
    try {
      if (connection.in_transaction()) rollback.run();
    } catch (const SqlError& error) {
      log::error("db", "rollback_failed", {{"error", std::string_view(error.what())}});
    }
    metrics_.count(connection.statements());
    metrics_.busy.Decrement();
    JobList done;
    done.push_back(*job);
    tell(std::move(done));
  }
}

}  // namespace madang::db::sqlite
