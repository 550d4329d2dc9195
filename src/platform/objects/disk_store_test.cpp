// What is particular to the disk adapter; what every store must do is tests/contract's.
#include "platform/objects/disk_store.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/encoding.hpp"
#include "platform/objects/disk_folders.hpp"
#include "platform/objects/object_file.hpp"

namespace madang::objects {
namespace {

using namespace std::chrono_literals;

class DiskStoreTest : public testing::Test {
 protected:
  ~DiskStoreTest() override { fs::remove_all(root_); }
  DiskOptions options() const {
    return {.root = root_, .free_floor = 0, .credentials = {"key", "secret"}};
  }
  fs::path file(std::string_view key) const { return DiskFolders(root_).file(key); }
  std::size_t temporaries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(root_ / "tmp"), {}));
  }

  static fs::path fresh() {
    static std::atomic<int> next = 0;
    return fs::temp_directory_path() /
           ("madang-disk-" + std::to_string(::getpid()) + "-" + std::to_string(next++));
  }
  const fs::path root_ = fresh();
  ManualClock clock_{*parse_rfc3339("2026-11-21T10:00:00.700Z")};
};

TEST_F(DiskStoreTest, AFullDiskIsNamedBeforeAnythingIsWritten) {
  DiskOptions full = options();
  full.free_floor = std::uint64_t(1) << 60;
  DiskStore store(full, clock_);
  const auto put = store.put("a/b", "a/b", as_bytes("x"));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, "storage_full");
  EXPECT_EQ(put.error().kind, Kind::unavailable);
  EXPECT_TRUE(put.error().retry_after.has_value());
  EXPECT_EQ(temporaries(), 0u);
}

TEST_F(DiskStoreTest, AnAbandonedUploadLeavesNothing) {
  DiskStore store(options(), clock_);
  {
    auto upload = store.begin(10);
    ASSERT_TRUE(upload);
    ASSERT_TRUE((*upload)->append(as_bytes("half")));
    EXPECT_EQ(temporaries(), 1u);
  }
  EXPECT_EQ(temporaries(), 0u);
  EXPECT_FALSE(store.head("a/b"));
}

TEST_F(DiskStoreTest, NoTemporaryFileOutlivesACopy) {
  DiskStore store(options(), clock_);
  ASSERT_TRUE(store.put("incoming/1", "a/b", as_bytes("x")));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store.copy("incoming/1", "media/1"));
  EXPECT_EQ(temporaries(), 0u);
}

TEST_F(DiskStoreTest, ADamagedFileIsNoObject) {
  DiskStore store(options(), clock_);
  ASSERT_TRUE(store.put("a/b", "a/b", as_bytes("precious")));
  fs::resize_file(file("a/b"), fs::file_size(file("a/b")) - 3);
  EXPECT_EQ(store.get("a/b", 100).error().code, "object_store_failed");
  ASSERT_TRUE(store.put("a/b", "a/b", as_bytes("again"))) << "and can be put again";
  EXPECT_TRUE(store.get("a/b", 100));
}

TEST_F(DiskStoreTest, OldTemporaryFilesAreCleanedAtStart) {
  DiskStore(options(), clock_);
  const fs::path old = root_ / "tmp" / "left-behind", recent = root_ / "tmp" / "in-use";
  std::ofstream(old) << "x";
  std::ofstream(recent) << "x";
  fs::last_write_time(old, fs::file_time_type::clock::now() - 2h);
  DiskStore(options(), clock_);
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(recent));
}

TEST_F(DiskStoreTest, PresignsForItsOwnEndpoint) {
  const DiskStore store(options(), clock_);
  const auto grant = store.presign_put({.key = "incoming/7",
                                        .content_type = "image/png",
                                        .length = 12,
                                        .lifetime = 600s,
                                        .origin = "http://127.0.0.1:8080"});
  ASSERT_TRUE(grant);
  const std::string prefix = "http://127.0.0.1:8080/objects/madang/incoming/7?";
  ASSERT_TRUE(grant->url.starts_with(prefix)) << grant->url;
  sigv4::SignedRequest request{
      "PUT",
      "/objects/madang/incoming/7",
      std::string_view(grant->url).substr(prefix.size()),
      {{"Host", "127.0.0.1:8080"}, {"Content-Type", "image/png"}, {"Content-Length", "12"}}};
  const auto lookup = [&](std::string_view) { return &store.options().credentials; };
  const auto verified = sigv4::verify(request, clock_.now(), lookup);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->expires_at, grant->expires_at);
  request.headers[2].second = "13";
  EXPECT_FALSE(sigv4::verify(request, clock_.now(), lookup));
}

/// In a child: puts objects, tells each acknowledged one, until it is killed.
[[noreturn]] void put_until_killed(const DiskOptions& options, int report) {
  const SystemClock clock;
  DiskStore store(options, clock);
  for (int i = 0;; ++i) {
    const std::string key = "media/" + std::to_string(i);
    const std::string body(static_cast<std::size_t>(i % 7) * 20'000 + 1,
                           static_cast<char>('a' + i % 26));
    if (!store.put(key, "a/b", as_bytes(body))) ::_exit(1);
    if (::write(report, &i, sizeof i) != sizeof i) ::_exit(2);
  }
}

TEST_F(DiskStoreTest, AcknowledgedObjectsSurviveKill) {
  for (int round = 0; round < 3; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) put_until_killed(options(), pipe[1]);
    ::close(pipe[1]);
    int acknowledged = -1;
    for (int i = 0; i < 20 + round * 13; ++i)
      ASSERT_EQ(::read(pipe[0], &acknowledged, sizeof acknowledged), ssize_t(sizeof acknowledged));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    while (::read(pipe[0], &acknowledged, sizeof acknowledged) == ssize_t(sizeof acknowledged)) {
    }
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    DiskStore store(options(), clock_);
    for (int i = 0; i <= acknowledged; ++i) {
      const auto object = store.get("media/" + std::to_string(i), 1 << 20);
      ASSERT_TRUE(object) << i << " of " << acknowledged << ": " << object.error().detail;
      ASSERT_EQ(object->bytes.size(), static_cast<std::size_t>(i % 7) * 20'000 + 1);
    }
  }
}

TEST(ObjectFile, TrailersGoBothWaysAndNothingElsePasses) {
  const ObjectInfo info{.size = 10,
                        .content_type = "image/webp",
                        .etag = "5d41402abc4b2a76b9719d911017c592",
                        .modified = {}};
  const std::string trailer = make_trailer(info);
  const auto parsed = parse_trailer(trailer, 10 + trailer.size());
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->size, 10u);
  EXPECT_EQ(parsed->content_type, info.content_type);
  EXPECT_EQ(parsed->etag, info.etag);
  EXPECT_FALSE(parse_trailer(trailer, 11 + trailer.size()));
  EXPECT_FALSE(parse_trailer(trailer.substr(1), 10 + trailer.size()));
  for (std::size_t cut = 1; cut <= trailer.size(); ++cut)
    EXPECT_FALSE(parse_trailer(trailer.substr(0, trailer.size() - cut), 10 + trailer.size() - cut));
  for (std::size_t at = trailer.size() - 12; at < trailer.size(); ++at) {
    std::string changed = trailer;
    changed[at] = static_cast<char>(changed[at] ^ 0x40);
    EXPECT_FALSE(parse_trailer(changed, 10 + trailer.size())) << at;
  }
}

}  // namespace
}  // namespace madang::objects
