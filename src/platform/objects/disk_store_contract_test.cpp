// The object store's contract for the disk adapter.
#include <unistd.h>
#include <atomic>
#include <filesystem>
#include <string>

#include "../../../tests/contract/object_store_contract.hpp"
#include "platform/objects/disk_store.hpp"

namespace madang::objects::contract {
namespace {

class DiskFixture final : public Fixture {
 public:
  DiskFixture()
      : store_({.root = root_, .free_floor = 0, .credentials = {"key", "secret"}}, clock_) {}
  ~DiskFixture() override { std::filesystem::remove_all(root_); }
  ObjectStore& store() override { return store_; }
  ManualClock& clock() override { return clock_; }

 private:
  static std::filesystem::path fresh() {
    static std::atomic<int> next = 0;
    return std::filesystem::temp_directory_path() /
           ("madang-objects-" + std::to_string(::getpid()) + "-" + std::to_string(next++));
  }

  const std::filesystem::path root_ = fresh();
  ManualClock clock_{*parse_rfc3339("2026-11-21T10:00:00Z")};
  DiskStore store_;
};

INSTANTIATE_TEST_SUITE_P(Disk, ObjectStoreContract,
                         testing::Values(Adapter{"disk",
                                                 [] { return std::make_unique<DiskFixture>(); }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace madang::objects::contract
