#include "platform/db/sqlite_checkpointer.hpp"

#include <chrono>

#include "platform/log/log.hpp"

namespace madang::db::sqlite {

namespace {

constexpr int busy_timeout_ms = 50;  // how long the writer waits for readers when it is urgent
constexpr int most_passes = 3;

void report(int code, Connection& connection) {
  // Busy: a reader holds the log, or another program copies it. The next pass gets further.
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY) return;
  log::warn("db", "checkpoint_failed",
            {{"code", code}, {"error", std::string_view(sqlite3_errmsg(connection.handle()))}});
}

}  // namespace

Checkpointer::Checkpointer(const SqliteOptions& options, Connection& writer,
                           metrics::Registry& registry)
    : writer_(writer),
      connection_(options.path, Connection::Use::writer),
      log_pages_shown_(registry.gauge("madang_db_log_pages", "Pages in the write-ahead log")),
      stall_seconds_(registry.histogram("madang_db_checkpoint_stall_seconds",
                                        "Time the writer spent on the log between groups")),
      wanted_pages_(options.checkpoint_pages),
      urgent_pages_(4 * options.checkpoint_pages),
      next_pass_at_(wanted_pages_) {
  sqlite3_wal_hook(connection_.handle(), nullptr, nullptr);
  sqlite3_wal_hook(writer_.handle(), note_size, this);  // in place of SQLite's own checkpoints
  thread_ = std::jthread([this] { serve(); });
}

Checkpointer::~Checkpointer() {
  close();
}

void Checkpointer::close() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
  thread_.join();
  sqlite3_wal_hook(writer_.handle(), nullptr, nullptr);
}

int Checkpointer::note_size(void* self, sqlite3*, const char*, int pages) {
  static_cast<Checkpointer*>(self)->log_pages_ = pages;
  return SQLITE_OK;
}

void Checkpointer::between_groups() {
  if (log_pages_ < wanted_pages_) next_pass_at_ = wanted_pages_;  // the log began anew
  if (bulk_ == Bulk::copied) {
    copy_the_rest();
    next_pass_at_ = log_pages_ + wanted_pages_;
    bulk_ = Bulk::idle;
  } else if (bulk_ == Bulk::idle && log_pages_ >= next_pass_at_) {
    {
      const std::lock_guard lock(mutex_);
      bulk_ = Bulk::wanted;
    }
    wake_.notify_one();
  }
  log_pages_shown_.Set(log_pages_);
}

void Checkpointer::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return closed_ || bulk_ == Bulk::wanted; });
    if (closed_) return;
    lock.unlock();
    copy_the_bulk();
    lock.lock();
    bulk_ = Bulk::copied;
  }
}

// Several passes: what the writer adds during one is much less than what the one copied.
void Checkpointer::copy_the_bulk() {
  for (int pass = 0; pass < most_passes; ++pass) {
    int in_log = 0;
    int copied = 0;
    const int code = sqlite3_wal_checkpoint_v2(connection_.handle(), nullptr,
                                               SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
    report(code, connection_);
    if (code != SQLITE_OK || in_log - copied < wanted_pages_ / 8) return;
  }
}

void Checkpointer::copy_the_rest() {
  const auto start = std::chrono::steady_clock::now();
  sqlite3* db = writer_.handle();
  const bool urgent = log_pages_ >= urgent_pages_;
  if (urgent) sqlite3_busy_timeout(db, busy_timeout_ms);
  const int mode = urgent ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
  report(sqlite3_wal_checkpoint_v2(db, nullptr, mode, nullptr, nullptr), writer_);
  if (urgent) sqlite3_busy_timeout(db, Connection::busy_timeout_ms);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  stall_seconds_.Observe(took.count());
}

}  // namespace madang::db::sqlite
