// What every object store must do; each adapter's test includes this once and instantiates it
// with a way to make one.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/encoding.hpp"
#include "platform/objects/object_store.hpp"

namespace madang::objects::contract {

using namespace std::chrono_literals;

/// A store and what it stands on, thrown away together.
struct Fixture {
  virtual ~Fixture() = default;
  virtual ObjectStore& store() = 0;
  virtual ManualClock& clock() = 0;
};

struct Adapter {
  std::string name;
  std::function<std::unique_ptr<Fixture>()> make;
};

class ObjectStoreContract : public testing::TestWithParam<Adapter> {
 protected:
  void SetUp() override { fixture_ = GetParam().make(); }
  ObjectStore& store() { return fixture_->store(); }
  ManualClock& clock() { return fixture_->clock(); }

 private:
  std::unique_ptr<Fixture> fixture_;
};

inline std::string text_of(const Result<Object>& object) {
  return object ? std::string(as_text(object->bytes))
                : "error: " + std::string(object.error().code);
}

template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : std::string(result.error().code);
}

TEST_P(ObjectStoreContract, GivesBackWhatWasPut) {
  const auto put = store().put("media/1/a.webp", "image/webp", as_bytes("hello"));
  ASSERT_TRUE(put) << put.error().detail;
  EXPECT_EQ(put->etag, "5d41402abc4b2a76b9719d911017c592");
  const auto object = store().get("media/1/a.webp", 5);
  EXPECT_EQ(text_of(object), "hello");
  EXPECT_EQ(object->info.content_type, "image/webp");
  EXPECT_EQ(object->info.size, 5u);
  const auto head = store().head("media/1/a.webp");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->etag, put->etag);
  EXPECT_EQ(head->size, 5u);
  EXPECT_EQ(head->content_type, "image/webp");
}

TEST_P(ObjectStoreContract, KeepsBytesOfEveryValueAndSize) {
  for (const std::size_t size : {0u, 1u, 255u, 256u, 257u, 65'536u, 1'000'003u}) {
    std::string body(size, '\0');
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 31 + i / 256);
    ASSERT_TRUE(store().put("x/" + std::to_string(size), "a/b", as_bytes(body)));
    const auto object = store().get("x/" + std::to_string(size), size);
    ASSERT_TRUE(object);
    EXPECT_EQ(as_text(object->bytes), body);
  }
}

TEST_P(ObjectStoreContract, ReadsAreBounded) {
  ASSERT_TRUE(store().put("x/big", "a/b", as_bytes("123456")));
  EXPECT_EQ(code_of(store().get("x/big", 5)), "object_too_large");
  EXPECT_EQ(code_of(store().get("x/big", 6)), "ok");
}

TEST_P(ObjectStoreContract, WhatIsNotThereIsNamed) {
  EXPECT_EQ(code_of(store().get("x/none", 10)), "no_such_object");
  EXPECT_EQ(code_of(store().head("x/none")), "no_such_object");
  EXPECT_EQ(code_of(store().copy("x/none", "x/other")), "no_such_object");
  EXPECT_EQ(code_of(store().remove("x/none")), "ok");
}

TEST_P(ObjectStoreContract, KeysAreChecked) {
  const std::string long_key(max_key_length + 1, 'k');
  for (const std::string_view key : std::vector<std::string_view>{
           "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/.", "a b", "a+b", "a%2f",
           "a\\b", "한글", std::string_view("a\0b", 3), std::string_view(long_key)}) {
    EXPECT_FALSE(valid_key(key)) << key;
    EXPECT_EQ(code_of(store().put(key, "a/b", {})), "bad_object_key") << key;
    EXPECT_EQ(code_of(store().get(key, 1)), "bad_object_key") << key;
    EXPECT_EQ(code_of(store().head(key)), "bad_object_key") << key;
    EXPECT_EQ(code_of(store().remove(key)), "bad_object_key") << key;
    EXPECT_EQ(code_of(store().copy(key, "a")), "bad_object_key") << key;
    EXPECT_EQ(code_of(store().copy("a", key)), "bad_object_key") << key;
    EXPECT_EQ(code_of(store().presign_put(
                  {.key = std::string(key), .content_type = "a/b", .origin = "http://h"})),
              "bad_object_key");
  }
  EXPECT_EQ(code_of(store().put(long_key.substr(1), "a/b", {})), "ok");
  EXPECT_EQ(code_of(store().put("...", "a/b", {})), "ok");
}

TEST_P(ObjectStoreContract, KeysThatLookAlikeAreDifferent) {
  for (const std::string_view key : {"a/b", "a-b", "a.b", "a_b", "A/b", "a/b/c", "a/b-c"})
    ASSERT_TRUE(store().put(key, "a/b", as_bytes(key)));
  for (const std::string_view key : {"a/b", "a-b", "a.b", "a_b", "A/b", "a/b/c", "a/b-c"})
    EXPECT_EQ(text_of(store().get(key, 100)), key);
}

TEST_P(ObjectStoreContract, ACopyStandsOnItsOwn) {
  ASSERT_TRUE(store().put("incoming/1", "image/png", as_bytes("first")));
  const auto copied = store().copy("incoming/1", "media/1");
  ASSERT_TRUE(copied) << copied.error().detail;
  EXPECT_EQ(copied->content_type, "image/png");
  ASSERT_TRUE(store().put("incoming/1", "image/jpeg", as_bytes("second")));
  EXPECT_EQ(text_of(store().get("media/1", 100)), "first");
  ASSERT_TRUE(store().remove("incoming/1"));
  EXPECT_EQ(text_of(store().get("media/1", 100)), "first");
  EXPECT_EQ(store().head("media/1")->content_type, "image/png");
}

TEST_P(ObjectStoreContract, CopyingAgainChangesNothing) {
  ASSERT_TRUE(store().put("incoming/1", "image/png", as_bytes("first")));
  ASSERT_TRUE(store().copy("incoming/1", "media/1"));
  ASSERT_TRUE(store().copy("incoming/1", "media/1"));
  ASSERT_TRUE(store().copy("media/1", "media/1"));
  EXPECT_EQ(text_of(store().get("media/1", 100)), "first");
  EXPECT_EQ(text_of(store().get("incoming/1", 100)), "first");
}

TEST_P(ObjectStoreContract, SweepsWhatIsOldUnderOnePrefix) {
  ASSERT_TRUE(store().put("incoming/old-1", "a/b", as_bytes("1")));
  ASSERT_TRUE(store().put("incoming/old-2", "a/b", as_bytes("2")));
  ASSERT_TRUE(store().put("media/old", "a/b", as_bytes("3")));
  clock().advance(25h);
  ASSERT_TRUE(store().put("incoming/new", "a/b", as_bytes("4")));
  EXPECT_EQ(store().sweep("incoming", clock().now() - 24h, 1), 1u) << "the limit holds";
  EXPECT_EQ(store().sweep("incoming", clock().now() - 24h, 100), 1u);
  EXPECT_EQ(store().sweep("incoming", clock().now() - 24h, 100), 0u);
  EXPECT_EQ(store().sweep("nothing", clock().now(), 100), 0u);
  EXPECT_EQ(text_of(store().get("incoming/new", 10)), "4");
  EXPECT_EQ(text_of(store().get("media/old", 10)), "3");
  EXPECT_EQ(code_of(store().head("incoming/old-1")), "no_such_object");
  EXPECT_EQ(code_of(store().head("incoming/old-2")), "no_such_object");
}

TEST_P(ObjectStoreContract, ManyWritersOfOneKeyLeaveOneWholeObject) {
  constexpr int threads = 4, rounds = 25;
  std::atomic<int> broken = 0;
  {
    std::vector<std::jthread> writers;
    for (int t = 0; t < threads; ++t) {
      writers.emplace_back([&, t] {
        const std::string body(10'000 + static_cast<std::size_t>(t), static_cast<char>('a' + t));
        for (int i = 0; i < rounds; ++i)
          if (!store().put("x/contended", "a/b", as_bytes(body))) ++broken;
      });
    }
    for (int i = 0; i < rounds * 4; ++i) {
      const auto object = store().get("x/contended", 1 << 20);
      if (!object) {
        broken += object.error().code == "no_such_object" ? 0 : 1;
        continue;
      }
      const std::string_view body = as_text(object->bytes);
      const bool whole = body.size() == 10'000u + static_cast<unsigned>(body[0] - 'a') &&
                         body.find_first_not_of(body[0]) == body.npos;
      if (!whole) ++broken;
    }
  }
  EXPECT_EQ(broken, 0);
}

TEST_P(ObjectStoreContract, PresignedPutsNameWhatToSend) {
  const auto grant = store().presign_put({.key = "incoming/7",
                                          .content_type = "image/png",
                                          .length = 12,
                                          .lifetime = 600s,
                                          .origin = "https://yard.example"});
  ASSERT_TRUE(grant);
  EXPECT_TRUE(grant->url.contains("X-Amz-Signature="));
  EXPECT_TRUE(grant->url.contains("incoming/7?"));
  ASSERT_EQ(grant->headers.size(), 1u);
  EXPECT_EQ(grant->headers[0].first, "Content-Type");
  EXPECT_EQ(grant->headers[0].second, "image/png");
  EXPECT_LE(grant->expires_at, clock().now() + 600s);
  EXPECT_GT(grant->expires_at, clock().now() + 598s);
}

}  // namespace madang::objects::contract
