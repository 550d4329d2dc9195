#include "platform/db/sqlite.hpp"

#include <stdexcept>

#include "platform/db/sqlite_readers.hpp"
#include "platform/db/sqlite_writer.hpp"

namespace madang::db {

namespace {

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const SqliteOptions& options, metrics::Registry& registry)
      : writer_(options, registry), readers_(options, registry) {}

  ~SqliteDatabase() override { shut(); }

  void on_commit(std::function<void()> listener) override {
    writer_.on_commit(std::move(listener));
  }

  std::optional<WriteFault> write_fault() override {
    return writer_.health().fault(CommitHealth::Steady::now());
  }

  bool refuses_writes() override { return writer_.queue().refuses(); }

  void close() override { shut(); }

 protected:
  Task<std::optional<Problem>> submit_write(Deadline deadline, Lane lane, HotRow,
                                            const Body* body) override {
    return writer_.queue().submit(deadline, lane, body);
  }

  // A snapshot taken now holds every commit that was acknowledged, so all reads are fresh here.
  Task<std::optional<Problem>> submit_read(Deadline deadline, Freshness, ReadLane lane,
                                           const Body* body) override {
    return readers_.queue().submit(deadline, lane, body);
  }

  std::optional<Problem> wait_write(Lane lane, const Body* body) override {
    refuse_own_thread(writer_.is_current_thread());
    return writer_.queue().wait(lane, body);
  }

  std::optional<Problem> wait_read(const Body* body) override {
    refuse_own_thread(readers_.is_current_thread());
    return readers_.queue().wait(Lane::interactive, body);
  }

 private:
  // A body that waits for its own thread would wait for ever.
  static void refuse_own_thread(bool own) {
    if (own) throw std::logic_error("a transaction body may not ask the database for another");
  }

  // The readers first: the log can be emptied when nobody reads from it.
  void shut() {
    readers_.close();
    writer_.close();
  }

  sqlite::Writer writer_;
  sqlite::Readers readers_;
};

}  // namespace

std::unique_ptr<Database> open_sqlite(const SqliteOptions& options, metrics::Registry& registry) {
  if (sqlite3_compileoption_used("ENABLE_UPDATE_DELETE_LIMIT") == 0)
    throw SqlError(SqlError::Cause::other,
                   "this SQLite was built without ENABLE_UPDATE_DELETE_LIMIT; Debian's has it");
  return std::make_unique<SqliteDatabase>(options, registry);
}

}  // namespace madang::db
