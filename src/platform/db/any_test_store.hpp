// A store for the tests of what lies above the database port: the same test on each engine. Those
// that do not name one take SQLite, or what MADANG_TEST_STORE says.
#pragma once

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "platform/db/mariadb_test_store.hpp"
#include "platform/db/sqlite_test_store.hpp"

namespace madang::db {

enum class TestEngine { sqlite, mariadb };

inline constexpr std::array test_engines{TestEngine::sqlite, TestEngine::mariadb};

inline std::string engine_name(const testing::TestParamInfo<TestEngine>& engine) {
  return engine.param == TestEngine::mariadb ? "MariaDb" : "Sqlite";
}

inline TestEngine wished_engine() {
  const char* wish = std::getenv("MADANG_TEST_STORE");
  return wish != nullptr && std::string_view(wish) == "mariadb" ? TestEngine::mariadb
                                                                : TestEngine::sqlite;
}

/// Empty at first; what was written is there when it is opened again.
class AnyStore {
 public:
  explicit AnyStore(TestEngine engine = wished_engine()) : engine_(engine) {
    if (engine == TestEngine::mariadb)
      store_ = std::make_unique<MariaDbStore>();
    else
      store_ = std::make_unique<SqliteStore>();
  }

  std::unique_ptr<Database> open(metrics::Registry& registry) { return store_->open({}, registry); }
  TestEngine engine() const { return engine_; }
  /// The type of a column that numbers its rows by itself.
  std::string own_number() const {
    return engine_ == TestEngine::mariadb ? "bigint auto_increment primary key"
                                          : "integer primary key";
  }

 private:
  const TestEngine engine_;
  std::unique_ptr<TestStore> store_;
};

}  // namespace madang::db
