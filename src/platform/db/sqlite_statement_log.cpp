#include "platform/db/sqlite_statement_log.hpp"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "base/json_text.hpp"

namespace madang::db::sqlite {

namespace {

class StatementLog {
 public:
  explicit StatementLog(const char* path)
      : file_(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    if (file_ < 0)
      throw std::runtime_error(std::string("MADANG_STATEMENT_LOG: cannot open ") + path);
  }

  void add(sqlite3* connection, const std::string& sql) {
    const std::lock_guard lock(mutex_);
    if (!seen_.insert(sql).second) return;
    const std::string line = R"({"program":)" + json_string(program_invocation_short_name) +
                             R"(,"sql":)" + json_string(sql) + R"(,"plan":[)" +
                             plan_of(connection, sql) + "]}\n";
    // In one call, so that lines of several processes do not mix.
    if (write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw std::runtime_error("MADANG_STATEMENT_LOG: a line could not be written");
  }

 private:
  /// The plan's lines as JSON texts; none for DDL and for plain inserts.
  static std::string plan_of(sqlite3* connection, const std::string& sql) {
    constexpr int detail_column = 3;
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(connection, ("explain query plan " + sql).c_str(), -1, &statement, nullptr);
    std::string out;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const auto* detail =
          reinterpret_cast<const char*>(sqlite3_column_text(statement, detail_column));
      if (detail == nullptr) continue;
      if (!out.empty()) out += ',';
      append_json_string(out, detail);
    }
    sqlite3_finalize(statement);
    return out;
  }

  const int file_;
  std::mutex mutex_;
  std::unordered_set<std::string> seen_;
};

StatementLog* wanted_log() {
  // Never destroyed: connections of static objects may still prepare statements at exit.
  const char* path = std::getenv("MADANG_STATEMENT_LOG");
  return path != nullptr && *path != '\0' ? new StatementLog(path) : nullptr;
}

}  // namespace

void log_statement(sqlite3* connection, const std::string& sql) {
  static StatementLog* const log = wanted_log();
  if (log != nullptr) log->add(connection, sql);
}

}  // namespace madang::db::sqlite
