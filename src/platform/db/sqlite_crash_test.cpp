// Kill -9 at any moment: what was acknowledged is there, what was not is there wholly or not at
// all.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <set>

#include "base/random.hpp"
#include "platform/db/sqlite_test_store.hpp"

extern char** environ;

namespace madang::db {
namespace {

constexpr int writers = 8;
constexpr int report_fd = 3;

// One transaction: a row, and a count of the rows in another table. The row is large, so that the
// log is copied back many times.
auto add_row(Id id) {
  return [id](Transaction& tx) -> Result<bool> {
    tx.execute("insert into t values (?, zeroblob(10000))", id);
    tx.execute("update total set n = n + 1");
    return true;
  };
}

// The program that is killed: writes until then, and reports each acknowledged id. Only run by the
// test below, which starts this very executable with this test alone.
TEST(SqliteCrash, DISABLED_Child) {
  const char* path = std::getenv("MADANG_TEST_STORE");
  const char* first = std::getenv("MADANG_TEST_FIRST_ID");
  if (path == nullptr || first == nullptr) GTEST_SKIP() << "started by hand";
  metrics::Registry registry;
  const auto db = open_sqlite({.path = path, .checkpoint_pages = 64}, registry);
  std::atomic<Id> next = std::atoll(first);
  std::vector<std::jthread> threads;
  for (int i = 0; i < writers; ++i)
    threads.emplace_back([&] {
      for (;;) {
        const Id id = next++;
        if (!db->write_blocking(add_row(id)).has_value()) ::_exit(1);
        if (::write(report_fd, &id, sizeof id) != sizeof id) ::_exit(2);
      }
    });
}

/// Starts the child, collects what it reports, and kills it.
class Victim {
 public:
  Victim(const std::string& store, Id first_id) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    ::setenv("MADANG_TEST_STORE", store.c_str(), 1);
    ::setenv("MADANG_TEST_FIRST_ID", std::to_string(first_id).c_str(), 1);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], report_fd);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    const char* arguments[] = {"victim", "--gtest_filter=SqliteCrash.DISABLED_Child",
                               "--gtest_also_run_disabled_tests", nullptr};
    const int failed = ::posix_spawn(&pid_, "/proc/self/exe", &files, nullptr,
                                     const_cast<char**>(arguments), environ);
    if (failed != 0) std::abort();
    posix_spawn_file_actions_destroy(&files);
    ::close(ends[1]);
    reader_ = std::jthread([this, from = ends[0]] { collect(from); });
  }

  /// Kills it `life` after its first report; all ids that it reported.
  std::vector<Id> kill_after(std::chrono::microseconds life) {
    first_report_.wait();
    std::this_thread::sleep_for(life);
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << status;
    reader_.join();
    return std::move(ids_);
  }

 private:
  void collect(int from) {
    Id id = 0;
    while (::read(from, &id, sizeof id) == sizeof id) {
      ids_.push_back(id);
      if (ids_.size() == 1) first_report_.count_down();
    }
    if (ids_.empty()) first_report_.count_down();
    ::close(from);
  }

  pid_t pid_ = -1;
  std::latch first_report_{1};
  std::vector<Id> ids_;
  std::jthread reader_;
};

TEST(SqliteCrash, EveryAcknowledgedRowSurvives) {
  constexpr int rounds = 12;
  SqliteStore store;
  const auto read_ids = [](Transaction& tx) -> Result<std::vector<std::tuple<Id>>> {
    return tx.rows<Id>("select id from t order by id");
  };
  {
    metrics::Registry registry;
    const auto db = store.open({}, registry);
    run_sql(*db, "create table t (id integer primary key, raw blob)");
    run_sql(*db, "create table total (n integer)");
    run_sql(*db, "insert into total values (0)");
  }
  SeededRandom random(20261121);
  std::size_t acknowledged = 0;
  for (int round = 0; round < rounds; ++round) {
    const Id first_id = Id(round + 1) * 1'000'000'000;
    Victim victim(store.path().string(), first_id);
    const std::chrono::microseconds life(random.below(120'000));
    const std::vector<Id> told = victim.kill_after(life);
    metrics::Registry registry;
    const auto db = store.open({}, registry);
    std::set<Id> there;
    for (const auto& [id] : db->read_blocking(read_ids).value()) there.insert(id);
    for (const Id id : told) EXPECT_TRUE(there.contains(id)) << id << " in round " << round;
    EXPECT_EQ(number(*db, "select n from total"), static_cast<std::int64_t>(there.size()));
    acknowledged += told.size();
  }
  RecordProperty("acknowledged", static_cast<int>(acknowledged));
  EXPECT_GE(acknowledged, static_cast<std::size_t>(rounds));
  const auto faults = verify_sqlite(store.path());
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0], "not a store of this program: no table schema_migrations");
}

}  // namespace
}  // namespace madang::db
