#include "platform/db/sqlite.hpp"

#include "../../../tests/contract/db_contract.hpp"

namespace madang::db {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "madang-db-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  Folder(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

class SqliteStore final : public TestStore {
 public:
  std::unique_ptr<Database> open(const Limits& limits, metrics::Registry& registry) override {
    const SqliteOptions options{.path = folder_ / "test.db",
                                .readers = limits.readers,
                                .write_queue = limits.write_queue,
                                .background_queue = limits.background_queue,
                                .read_queue = limits.read_queue};
    return open_sqlite(options, registry);
  }

 private:
  Folder folder_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseContract, testing::Values(StoreMaker([] {
                           return std::make_unique<SqliteStore>();
                         })));

}  // namespace
}  // namespace madang::db
