// Stores in temporary folders, for the tests of the SQLite adapter.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "../../../tests/contract/db_contract.hpp"
#include "platform/db/sqlite.hpp"

namespace madang::db {

/// A folder that goes away with the test.
class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "madang-db-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

class SqliteStore final : public TestStore {
 public:
  std::filesystem::path path() const { return folder_ / "store.db"; }

  std::unique_ptr<Database> open(const Limits& limits, metrics::Registry& registry) override {
    const SqliteOptions options{.path = path(),
                                .readers = limits.readers,
                                .write_queue = limits.write_queue,
                                .background_queue = limits.background_queue,
                                .read_queue = limits.read_queue,
                                .max_wait = limits.max_wait};
    return open_sqlite(options, registry);
  }

 private:
  TestFolder folder_;
};

/// A store that is open, with the table t of the contract.
class SqliteTest : public testing::Test {
 protected:
  void SetUp() override {
    db_ = store_.open({}, registry_);
    run_sql(*db_, "create table t (id integer primary key, n integer)");
  }

  IoThreads io_;  // outlives the database, which wakes its coroutines
  SqliteStore store_;
  metrics::Registry registry_;
  std::unique_ptr<Database> db_;
};

}  // namespace madang::db
