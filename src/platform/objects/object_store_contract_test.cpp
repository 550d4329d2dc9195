// The object store's contract for both adapters; S3 is a real one.
#include "../../../tests/contract/object_store_contract.hpp"

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "../../../tests/support/s3_server.hpp"
#include "platform/objects/disk_store.hpp"
#include "platform/objects/s3_store.hpp"

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

/// The test's clock jumps, the server's does not. What the test puts is told to this class with the
/// test's time; what it then sweeps by that time is swept by the server's time of the same moment.
class TimeShifted final : public ObjectStore {
 public:
  TimeShifted(S3StoreOptions options, const ManualClock& shown)
      : shown_(shown),
        still_(shown.now()),
        store_(std::move(options), still_, random_, registry_) {}

  Result<ObjectInfo> put(std::string_view key, std::string_view content_type,
                         BytesView bytes) override {
    note();
    return store_.put(key, content_type, bytes);
  }
  Result<ObjectInfo> copy(std::string_view from, std::string_view to) override {
    return store_.copy(from, to);
  }
  Result<Object> get(std::string_view key, std::uint64_t max_bytes, Deadline deadline) override {
    return store_.get(key, max_bytes, deadline);
  }
  Result<ObjectInfo> head(std::string_view key, Deadline deadline) override {
    return store_.head(key, deadline);
  }
  Result<void> remove(std::string_view key) override { return store_.remove(key); }
  Result<std::size_t> sweep(std::string_view prefix, Time older_than, std::size_t limit) override {
    return store_.sweep(prefix, on_the_server(older_than), limit);
  }
  Result<PresignedPut> presign_put(const PutGrant& grant) const override {
    return store_.presign_put(grant);
  }
  Result<std::string> presign_get(const GetGrant& grant) const override {
    return store_.presign_get(grant);
  }
  bool shared() const override { return store_.shared(); }

 private:
  struct Moment {
    Time shown, real;
  };
  /// Milliseconds are what S3 tells of a time.
  void note() {
    const std::lock_guard lock(mutex_);
    if (!moments_.empty() && moments_.back().shown == shown_.now()) return;
    std::this_thread::sleep_for(3ms);
    moments_.push_back({shown_.now(), SystemClock().now()});
    std::this_thread::sleep_for(3ms);
  }
  Time on_the_server(Time shown) {
    const std::lock_guard lock(mutex_);
    for (const Moment& moment : moments_)
      if (moment.shown >= shown) return moment.real;
    return SystemClock().now() + 1h;
  }

  const ManualClock& shown_;
  const ManualClock still_;
  SystemRandom random_;
  metrics::Registry registry_;
  S3Store store_;
  std::mutex mutex_;
  std::vector<Moment> moments_;
};

class S3Fixture final : public Fixture {
 public:
  ObjectStore& store() override { return store_; }
  ManualClock& clock() override { return clock_; }

 private:
  ManualClock clock_{SystemClock().now()};
  TimeShifted store_{test::S3Server::instance().fresh_bucket(), clock_};
};

INSTANTIATE_TEST_SUITE_P(Disk, ObjectStoreContract,
                         testing::Values(Adapter{"disk",
                                                 [] { return std::make_unique<DiskFixture>(); }}),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(S3, ObjectStoreContract,
                         testing::Values(Adapter{"s3",
                                                 [] { return std::make_unique<S3Fixture>(); }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace madang::objects::contract
