// For the guard of query plans (tests/plans.test.mjs): with the environment variable
// MADANG_STATEMENT_LOG naming a file, each distinct text that this process prepares is appended to
// it, with the plan the engine has for it. Without the variable: nothing. Private to the adapter.
#pragma once

#include <sqlite3.h>

#include <string>

namespace madang::db::sqlite {

/// One line of JSON a text: {"program": ..., "sql": ..., "plan": [...]}. Several processes may
/// share the file. From any thread; throws std::runtime_error when the file cannot be written: a
/// guard must not miss anything.
void log_statement(sqlite3* connection, const std::string& sql);

}  // namespace madang::db::sqlite
