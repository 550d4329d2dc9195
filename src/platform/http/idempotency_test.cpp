// Stored answers of Idempotency-Key: repeated, refused, forgotten.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <filesystem>

#include "../../../tests/support/test_database.hpp"
#include "platform/http/call.hpp"
#include "platform/metrics/metrics.hpp"

namespace madang::db {
extern const ModuleSchema http_schema;
}  // namespace madang::db

namespace madang::http {
namespace {

using namespace std::chrono_literals;

const Time start = from_micros(1'800'000'000'000'000);

IdempotencyKey key_of(Id account, std::string key, std::byte body = std::byte{1}) {
  return {account, "POST /posts", std::move(key), {body}};
}

class IdempotencyTest : public testing::Test {
 protected:
  IdempotencyTest() {
    const std::array<const db::ModuleSchema*, 1> schemas{&db::http_schema};
    db::migrate(*db_, schemas);
  }
  ~IdempotencyTest() override {
    db_->close();
    std::filesystem::remove_all(folder_);
  }

  template <class T, class F>
  T write(F body) {
    return *db_->write_blocking([&](db::Transaction& tx) -> Result<T> { return body(tx); });
  }
  Result<void> try_store(const IdempotencyKey& key, Time at) {
    return db_->write_blocking(
        [&](db::Transaction& tx) { return store_answer(tx, key, 201, R"({"id":1})", at); });
  }
  void store(const IdempotencyKey& key, Time at) { try_store(key, at).value(); }
  Result<std::optional<StoredAnswer>> find(const IdempotencyKey& key) {
    return db_->read_blocking([&](db::Transaction& tx) { return find_answer(tx, key); });
  }
  std::int64_t forget(Time now, std::int64_t limit) {
    return write<std::int64_t>([&](db::Transaction& tx) { return forget_answers(tx, now, limit); });
  }

  std::filesystem::path folder_ = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "madang-XXXXXX").string();
    return std::filesystem::path(::mkdtemp(pattern.data()));
  }();
  metrics::Registry registry_;
  std::unique_ptr<db::Database> db_ = db::open_test_database(folder_ / "store.db", registry_);
};

TEST_F(IdempotencyTest, AnAnswerIsFoundByAccountRouteKeyAndBody) {
  store(key_of(1, "a"), start);
  const auto found = find(key_of(1, "a"));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->status, 201u);
  EXPECT_EQ((*found)->body, R"({"id":1})");
  EXPECT_FALSE(find(key_of(1, "b"))->has_value());
  EXPECT_FALSE(find(key_of(2, "a"))->has_value());
  IdempotencyKey elsewhere = key_of(1, "a");
  elsewhere.route = "POST /comments";
  EXPECT_FALSE(find(elsewhere)->has_value());
  const auto other_body = find(key_of(1, "a", std::byte{2}));
  ASSERT_FALSE(other_body);
  EXPECT_EQ(other_body.error().code, "idempotency_mismatch");
}

TEST_F(IdempotencyTest, AKeyIsStoredOnce) {
  store(key_of(1, "a"), start);
  const auto again = try_store(key_of(1, "a"), start + 1s);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, "idempotency_in_flight");
}

TEST_F(IdempotencyTest, AnswersAreForgottenAfterADayInChunks) {
  for (const char* key : {"a", "b", "c"}) store(key_of(1, key), start);
  store(key_of(1, "later"), start + 1h);
  EXPECT_EQ(forget(start + 24h, 100), 0);
  EXPECT_EQ(forget(start + 24h + 1s, 2), 2);
  EXPECT_EQ(forget(start + 24h + 1s, 2), 1);
  EXPECT_EQ(forget(start + 24h + 1s, 2), 0);
  EXPECT_TRUE(find(key_of(1, "later"))->has_value());
}

TEST_F(IdempotencyTest, AWithdrawnAccountsAnswersGoAndNobodyElses) {
  store(key_of(1, "a"), start);
  store(key_of(2, "a"), start);
  write<int>([](db::Transaction& tx) {
    forget_answers_of(tx, 1);
    return 0;
  });
  EXPECT_FALSE(find(key_of(1, "a"))->has_value());
  EXPECT_TRUE(find(key_of(2, "a"))->has_value());
}

}  // namespace
}  // namespace madang::http
