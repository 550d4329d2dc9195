#include "app/object_migration.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "base/encoding.hpp"

namespace madang::app {
namespace {

namespace fs = std::filesystem;

class ObjectMigrationTest : public testing::Test {
 protected:
  ~ObjectMigrationTest() override { fs::remove_all(root_); }

  objects::DiskOptions at(const std::string& name) const {
    objects::DiskOptions options;
    options.root = root_ / name;
    options.free_floor = 0;
    options.credentials = {.access_key = "key", .secret = "secret"};
    return options;
  }
  Result<ObjectMigration> copy(bool dry_run = false) {
    return copy_objects(from_, to_, {.dry_run = dry_run, .threads = 4, .progress_every = 25},
                        [this](const ObjectMigration&) { ++told_; });
  }
  static fs::path fresh() {
    static std::atomic<int> next = 0;
    return fs::temp_directory_path() /
           ("madang-migration-" + std::to_string(::getpid()) + "-" + std::to_string(next++));
  }

  const fs::path root_ = fresh();
  SystemClock clock_;
  objects::DiskStore from_{at("from"), clock_};
  objects::DiskStore to_{at("to"), clock_};
  int told_ = 0;
};

TEST_F(ObjectMigrationTest, BringsEverythingOnce) {
  for (int i = 0; i < 60; ++i)
    ASSERT_TRUE(from_.put("media/" + std::to_string(i) + "-a/w320.webp", "image/webp",
                          as_bytes(std::string(static_cast<std::size_t>(i % 7), 'x'))));
  const auto planned = copy(true);
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->copied, 60u);
  EXPECT_FALSE(to_.head("media/7-a/w320.webp")) << "a dry run changes nothing";
  const auto first = copy();
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_EQ(first->objects, 60u);
  EXPECT_EQ(first->copied, 60u);
  EXPECT_EQ(first->bytes, planned->bytes);
  EXPECT_EQ(told_, 4) << "twice in the dry run, twice now";
  for (int i = 0; i < 60; ++i) {
    const std::string key = "media/" + std::to_string(i) + "-a/w320.webp";
    const auto there = to_.get(key, 10);
    ASSERT_TRUE(there) << key;
    EXPECT_EQ(there->bytes.size(), static_cast<std::size_t>(i % 7));
    EXPECT_EQ(there->info.content_type, "image/webp");
  }
  EXPECT_EQ(copy()->copied, 0u) << "nothing twice";
  ASSERT_TRUE(from_.put("media/7-a/w320.webp", "image/webp", as_bytes("new")));
  ASSERT_TRUE(from_.put("private/1", "image/webp", as_bytes("late")));
  EXPECT_EQ(copy()->copied, 2u) << "what came or changed meanwhile";
  EXPECT_EQ(as_text(to_.get("media/7-a/w320.webp", 10)->bytes), "new");
}

TEST_F(ObjectMigrationTest, NamesWhatCannotBeRead) {
  ASSERT_TRUE(from_.put("media/1", "a/b", as_bytes("precious")));
  for (const auto& entry : fs::recursive_directory_iterator(root_ / "from" / "objects"))
    if (entry.is_regular_file()) fs::resize_file(entry.path(), 3);
  const auto answer = copy();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "object_store_failed");
  EXPECT_TRUE(answer.error().detail.starts_with("media/1: ")) << answer.error().detail;
}

}  // namespace
}  // namespace madang::app
