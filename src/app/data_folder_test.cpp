// The folder's lock, its secret, and the promise that no id is ever made twice, whatever ends a
// process and wherever the clock is then.
#include "app/data_folder.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <string>

#include "base/ids.hpp"

namespace madang::app {
namespace {

using namespace std::chrono_literals;

constexpr auto ahead = 900ms;

/// A process: what Store does with the folder's ceiling and the generator.
struct Life {
  Life(const std::filesystem::path& path, const Clock& clock, Random& random)
      : folder(path, random), now(clock), ids(clock, 0, folder.id_floor(clock.now())) {
    reserve();
  }
  void reserve() {
    const Time ceiling = std::max(now.now(), ids.used_until()) + ahead;
    folder.reserve_ids(ceiling);
    ids.extend(ceiling);
  }
  void end_properly() { folder.release_ids(ids.used_until()); }

  DataFolder folder;
  const Clock& now;
  IdGenerator ids;
};

class DataFolderTest : public testing::Test {
 protected:
  ~DataFolderTest() override { std::filesystem::remove_all(root_); }

  std::unique_ptr<Life> begin() { return std::make_unique<Life>(path(), clock_, random_); }
  std::filesystem::path path() const { return root_ / "data"; }

  std::filesystem::path root_ = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "madang-app-XXXXXX").string();
    return std::filesystem::path(::mkdtemp(pattern.data()));
  }();
  SeededRandom random_{3};
  ManualClock clock_{Time(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21))};
};

TEST_F(DataFolderTest, IsUsedByOneProcessAtATime) {
  const DataFolder first(path(), random_);
  EXPECT_THROW(DataFolder(path(), random_), std::runtime_error);
}

TEST_F(DataFolderTest, IsForItsOwnerOnly) {
  const DataFolder folder(path(), random_);
  const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
  EXPECT_EQ(std::filesystem::status(path()).permissions() & others, std::filesystem::perms::none);
  EXPECT_EQ(std::filesystem::status(path() / "secret.key").permissions() & others,
            std::filesystem::perms::none);
}

TEST_F(DataFolderTest, DerivesKeysThatStayAndDifferByPurpose) {
  std::vector<std::byte> before;
  {
    const DataFolder folder(path(), random_);
    before = folder.key_for("one");
    EXPECT_EQ(before.size(), 32u);
    EXPECT_NE(before, folder.key_for("two"));
  }
  EXPECT_EQ(DataFolder(path(), random_).key_for("one"), before);
  SeededRandom other(4);
  EXPECT_NE(DataFolder(root_ / "other", other).key_for("one"), before);
}

TEST_F(DataFolderTest, RefusesADamagedSecret) {
  {
    const DataFolder folder(path(), random_);
  }
  std::ofstream(path() / "secret.key", std::ios::trunc) << "short";
  EXPECT_THROW(DataFolder(path(), random_), std::runtime_error);
}

TEST_F(DataFolderTest, AfterACleanEndIdsGoOnWhereTheyEnded) {
  auto life = begin();
  const Id last = life->ids.next().value();
  const Time used = life->ids.used_until();
  life->end_properly();
  life.reset();
  life = begin();
  EXPECT_EQ(life->folder.id_floor(clock_.now() + 24h), used);
  EXPECT_GT(life->ids.next().value(), last);
}

TEST_F(DataFolderTest, AfterACrashIdsBeginAtTheCeilingWhenTheClockIsBelowIt) {
  auto life = begin();
  const Time ceiling = clock_.now() + ahead;
  const Id last = life->ids.next().value();
  life.reset();
  clock_.advance(100ms);
  life = begin();
  EXPECT_EQ(life->folder.id_floor(clock_.now()), ceiling);
  const Id next = life->ids.next().value();  // at once: nobody waits for a restart
  EXPECT_GT(next, last);
  EXPECT_GE(id_time(next), ceiling);
}

TEST_F(DataFolderTest, AfterACrashIdsBeginAtTheClockWhenItIsAboveTheCeiling) {
  begin().reset();
  clock_.advance(10s);
  const auto life = begin();
  EXPECT_EQ(life->folder.id_floor(clock_.now()), clock_.now());
  EXPECT_EQ(id_time(life->ids.next().value()), clock_.now());
}

TEST_F(DataFolderTest, AClockThatLeapsAheadAfterACrashMovesTheFloorByAnHourAtMost) {
  const Time ceiling = clock_.now() + ahead;
  begin().reset();
  const DataFolder folder(path(), random_);
  EXPECT_EQ(folder.id_floor(clock_.now() + std::chrono::days(400)), ceiling + 1h);
}

TEST_F(DataFolderTest, TheLatestCeilingCounts) {
  auto life = begin();
  clock_.advance(5s);
  life->reserve();
  const Time ceiling = clock_.now() + ahead;
  life.reset();
  EXPECT_EQ(DataFolder(path(), random_).id_floor(clock_.now()), ceiling);
}

TEST_F(DataFolderTest, AClockThatWasSetBackGivesNoIdsUntilItIsNearAgain) {
  auto life = begin();
  const Time start = clock_.now();
  const Id last = life->ids.next().value();
  life.reset();
  clock_.set(start - 1h);
  life = begin();
  EXPECT_EQ(life->folder.id_floor(clock_.now()), start + ahead);
  const auto refused = life->ids.next();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ids_exhausted");
  clock_.set(start);
  life->reserve();
  EXPECT_GT(life->ids.next().value(), last);
}

// A power failure may lose what was written last: the lock's content is an older one. The clock has
// moved on by more than ids ever run ahead.
TEST_F(DataFolderTest, ALostCeilingRepeatsNoIdOnceTheMachineIsUpAgain) {
  begin()->end_properly();
  const std::filesystem::path old = root_ / "old";
  std::filesystem::copy_file(path() / "lock", old);
  Id last = 0;
  {
    const auto life = begin();
    for (auto id = life->ids.next(); id; id = life->ids.next()) last = *id;  // up to the ceiling
  }
  std::filesystem::copy_file(old, path() / "lock",
                             std::filesystem::copy_options::overwrite_existing);
  clock_.advance(2s);
  EXPECT_GT(begin()->ids.next().value(), last);
}

TEST_F(DataFolderTest, NoIdIsMadeTwiceInALongHistory) {
  SeededRandom dice(11);
  Id last = 0;
  int made = 0, lives = 0, refused = 0;
  for (; lives < 400; ++lives) {
    auto life = begin();
    for (auto steps = dice.below(6); steps > 0; --steps) {
      for (auto burst = dice.below(400); burst > 0; --burst) {
        const auto id = life->ids.next();
        if (!id) {
          ++refused;
          break;
        }
        ASSERT_GT(*id, last) << "in life " << lives;
        last = *id;
        ++made;
      }
      const auto millis = static_cast<std::int64_t>(dice.below(500));
      clock_.advance(dice.below(8) == 0 ? std::chrono::milliseconds(-millis * 4)
                                        : std::chrono::milliseconds(millis));
      if (dice.below(2) == 0) life->reserve();
    }
    if (dice.below(2) == 0) life->end_properly();
    life.reset();
    clock_.advance(std::chrono::milliseconds(dice.below(2'000)));
  }
  EXPECT_GT(made, 10'000);
  EXPECT_GT(refused, 10);
}

}  // namespace
}  // namespace madang::app
