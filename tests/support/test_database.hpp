// The database of a test of what lies above the port: SQLite, or, with MADANG_TEST_STORE=mariadb,
// one on a MariaDB server that the test program starts when it first needs it.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "mariadb_server.hpp"
#include "platform/db/mariadb.hpp"
#include "platform/db/sqlite.hpp"

namespace madang::db {

inline bool tests_use_mariadb() {
  const char* wish = std::getenv("MADANG_TEST_STORE");
  return wish != nullptr && std::string_view(wish) == "mariadb";
}

/// Opened again by the same file's name it holds what was written. Patient: the tests of other
/// things are not about a machine that is busy.
inline std::unique_ptr<Database> open_test_database(const std::filesystem::path& file,
                                                    metrics::Registry& registry) {
  constexpr std::chrono::seconds patience{20};
  if (!tests_use_mariadb()) return open_sqlite({.path = file, .max_wait = patience}, registry);
  static test::MariaDbServer server;
  static std::map<std::filesystem::path, std::string> names;
  std::string& name = names[file];
  if (name.empty()) name = server.fresh_database();
  const MariaDbOptions options{.hosts = {{"127.0.0.1", server.port()}},
                               .user = "app",
                               .password = "secret",
                               .database = name,
                               .max_wait = patience,
                               .durability = Durability::local_only};
  return open_mariadb(options, registry);
}

}  // namespace madang::db
