// What is particular to S3, against a real one; what every store must do is the contract's.
#include "platform/objects/s3_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "../../../tests/support/s3_server.hpp"
#include "base/encoding.hpp"

namespace madang::objects {
namespace {

using namespace std::chrono_literals;
using Steady = Deadline::Steady;
using testing::HasSubstr;
using testing::Not;

template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : std::string(result.error().code);
}

class S3StoreTest : public testing::Test {
 protected:
  std::unique_ptr<S3Store> open(S3StoreOptions options) {
    return std::make_unique<S3Store>(std::move(options), clock_, random_, registry_);
  }
  std::unique_ptr<S3Store> fresh() { return open(test::S3Server::instance().fresh_bucket()); }

  /// As any client would.
  unsigned send(std::string_view method, const std::string& url, std::string_view body = {},
                std::string type = "image/png") {
    HttpTransport transport({});
    HttpRequest request{.method = method, .url = url, .headers = {}, .body = as_bytes(body)};
    if (method == "PUT") request.headers = {{"content-type", std::move(type)}};
    request.max_body = 1 << 20;
    const auto answer = transport.send(request, Deadline::after(20s));
    if (answer) last_ = as_text(answer->body);
    return answer ? answer->status : 0;
  }
  static PutGrant grant(std::string key, std::uint64_t length) {
    return {.key = std::move(key), .content_type = "image/png", .length = length, .origin = "x"};
  }
  bool shows(const std::string& line) {
    return registry_.scrape().find(line + "\n") != std::string::npos;
  }

  ManualClock clock_{SystemClock().now()};
  SystemRandom random_;
  metrics::Registry registry_;
  std::string last_;
};

TEST_F(S3StoreTest, APresignedPutLetsExactlyWhatWasSignedIn) {
  const auto store = fresh();
  const auto signed_put = store->presign_put(grant("incoming/1", 5));
  ASSERT_TRUE(signed_put);
  const std::string& url = signed_put->url;
  EXPECT_EQ(send("PUT", url, "hello", "image/jpeg"), 403u) << "another type";
  EXPECT_EQ(send("PUT", url, "hello!"), 403u) << "longer";
  EXPECT_EQ(send("PUT", url, "hell"), 403u) << "shorter";
  std::string other = url;
  other.replace(other.find("incoming/1"), 10, "incoming/2");
  EXPECT_EQ(send("PUT", other, "hello"), 403u) << "another name";
  other = url;
  other.back() = other.back() == '0' ? '1' : '0';
  EXPECT_EQ(send("PUT", other, "hello"), 403u) << "another signature";
  EXPECT_EQ(send("PUT", url.substr(0, url.find('?')), "hello"), 403u) << "no signature";
  EXPECT_EQ(send("GET", url), 403u) << "another method";
  other = url;
  other.replace(other.find("X-Amz-Expires=600"), 17, "X-Amz-Expires=900");
  EXPECT_EQ(send("PUT", other, "hello"), 403u) << "a longer life";
  EXPECT_EQ(code_of(store->head("incoming/1")), "no_such_object");
  EXPECT_EQ(code_of(store->head("incoming/2")), "no_such_object");
  EXPECT_EQ(send("PUT", url, "hello"), 200u) << last_;
  EXPECT_EQ(send("PUT", url, "again"), 200u) << "as often as wanted";
  const auto object = store->get("incoming/1", 10);
  ASSERT_TRUE(object);
  EXPECT_EQ(as_text(object->bytes), "again");
  EXPECT_EQ(object->info.content_type, "image/png");
}

TEST_F(S3StoreTest, APresignedPutExpires) {
  clock_.set(SystemClock().now() - 601s);
  const auto store = fresh();
  EXPECT_EQ(send("PUT", store->presign_put(grant("incoming/1", 5))->url, "hello"), 403u);
  EXPECT_THAT(last_, HasSubstr("AccessDenied"));
}

TEST_F(S3StoreTest, APresignedGetIsForOneObject) {
  const auto store = fresh();
  ASSERT_TRUE(store->put("private/1", "image/webp", as_bytes("picture")));
  ASSERT_TRUE(store->put("private/2", "image/webp", as_bytes("another")));
  const auto url = store->presign_get({.key = "private/1", .lifetime = 60s, .origin = "x"});
  ASSERT_TRUE(url);
  EXPECT_EQ(send("GET", *url), 200u);
  EXPECT_EQ(last_, "picture");
  std::string other = *url;
  other.replace(other.find("private/1"), 9, "private/2");
  EXPECT_EQ(send("GET", other), 403u);
  EXPECT_EQ(send("GET", url->substr(0, url->find('?'))), 403u);
}

TEST_F(S3StoreTest, ABucketMayBeAHostName) {
  S3StoreOptions options = test::S3Server::instance().fresh_bucket();
  options.endpoint.replace(options.endpoint.find("127.0.0.1"), 9, "localhost");
  options.style = S3StoreOptions::Style::virtual_host;
  const std::string bucket = options.bucket;
  const auto store = open(options);
  EXPECT_TRUE(store->check(Deadline::after(20s)));
  ASSERT_TRUE(store->put("a/b", "a/b", as_bytes("hello")));
  ASSERT_TRUE(store->copy("a/b", "a/c"));
  EXPECT_EQ(as_text(store->get("a/c", 10)->bytes), "hello");
  EXPECT_THAT(store->public_origin(), testing::StartsWith("http://" + bucket + ".localhost:"));
  EXPECT_EQ(send("PUT", store->presign_put(grant("incoming/1", 2))->url, "hi"), 200u) << last_;
  options.style = S3StoreOptions::Style::path;
  EXPECT_EQ(as_text(open(options)->get("incoming/1", 10)->bytes), "hi") << "the same bucket";
}

TEST_F(S3StoreTest, UrlsAreMadeForWhereBrowsersAre) {
  S3StoreOptions options = test::S3Server::instance().fresh_bucket();
  options.public_endpoint = "https://pictures.example:443/";
  const auto store = open(options);
  EXPECT_EQ(store->public_origin(), "https://pictures.example");
  EXPECT_THAT(store->presign_put(grant("incoming/1", 5))->url,
              testing::StartsWith("https://pictures.example/" + options.bucket + "/incoming/1?"));
  EXPECT_TRUE(store->put("a/b", "a/b", as_bytes("x"))) << "the server itself goes the other way";
}

TEST_F(S3StoreTest, OptionsAreChecked) {
  const S3StoreOptions good{.endpoint = "http://127.0.0.1:1",
                            .public_endpoint = {},
                            .bucket = "bucket",
                            .credentials = {"key", "secret"},
                            .ca_file = {}};
  EXPECT_NO_THROW(open(good));
  for (const char* endpoint : {"", "127.0.0.1", "ftp://h", "http://", "http://h/path",
                               "http://user@h", "http://h?x", "http://h;script-src"}) {
    S3StoreOptions options = good;
    options.endpoint = endpoint;
    EXPECT_THROW(open(options), std::invalid_argument) << endpoint;
  }
  for (const char* bucket : {"", "ab", "Upper", "with/slash", "a b c"}) {
    S3StoreOptions options = good;
    options.bucket = bucket;
    EXPECT_THROW(open(options), std::invalid_argument) << bucket;
  }
  S3StoreOptions options = good;
  options.credentials.secret.clear();
  EXPECT_THROW(open(options), std::invalid_argument);
}

TEST_F(S3StoreTest, WhatIsMisconfiguredIsSaidWithoutTheSecret) {
  const S3StoreOptions good = test::S3Server::instance().fresh_bucket();
  const auto complaint = [&](auto change) {
    S3StoreOptions options = good;
    change(options);
    const auto answer = open(options)->check(Deadline::after(20s));
    EXPECT_EQ(code_of(answer), "s3_misconfigured");
    const std::string detail = answer ? "" : answer.error().detail;
    EXPECT_THAT(detail, Not(HasSubstr(options.credentials.secret)));
    return detail;
  };
  EXPECT_TRUE(open(good)->check(Deadline::after(20s)));
  EXPECT_THAT(complaint([](S3StoreOptions& o) { o.credentials.secret = "not-the-secret"; }),
              HasSubstr("SignatureDoesNotMatch"));
  EXPECT_THAT(complaint([](S3StoreOptions& o) { o.credentials.access_key = "NOBODY"; }),
              HasSubstr("InvalidAccessKeyId"));
  EXPECT_THAT(complaint([](S3StoreOptions& o) { o.bucket = "not-there"; }),
              HasSubstr("NoSuchBucket"));
  clock_.advance(-2h);
  EXPECT_THAT(complaint([](S3StoreOptions&) {}), HasSubstr("RequestTimeTooSkewed"));
}

TEST_F(S3StoreTest, ObjectsPutFromHereAreBounded) {
  S3StoreOptions options = test::S3Server::instance().fresh_bucket();
  options.max_object = 5;
  const auto store = open(options);
  EXPECT_EQ(code_of(store->put("a/b", "a/b", as_bytes("123456"))), "object_too_large");
  EXPECT_EQ(code_of(store->put("a/b", "a/b", as_bytes("12345"))), "ok");
}

TEST_F(S3StoreTest, ACopyIsWhatWasDescribed) {
  const auto store = fresh();
  ASSERT_TRUE(store->put("incoming/1", "a/b", as_bytes("0")));
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 0; !done; ++i)
      (void)store->put("incoming/1", "a/b", as_bytes(std::string(1 + i % 7, 'x')));
  });
  for (int i = 0; i < 40; ++i) {
    const auto copy = store->copy("incoming/1", "media/1");
    ASSERT_TRUE(copy) << copy.error().code;
    const auto there = store->head("media/1");
    EXPECT_EQ(there->etag, copy->etag);
    EXPECT_EQ(there->size, copy->size);
  }
  done = true;
}

TEST_F(S3StoreTest, ASweepGoesThroughEveryPageAndAroundStrangers) {
  S3StoreOptions options = test::S3Server::instance().fresh_bucket();
  options.page = 3;
  const auto store = open(options);
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(store->put("incoming/" + std::to_string(i), "a/b", as_bytes("x")));
  ASSERT_TRUE(store->put("incoming2/0", "a/b", as_bytes("x")));
  const Time later = SystemClock().now() + 1h;
  EXPECT_EQ(store->sweep("incoming", SystemClock().now() - 1h, 100), 0u);
  EXPECT_EQ(store->sweep("incoming", later, 4), 4u);
  EXPECT_EQ(store->sweep("incoming", later, 100), 6u) << "goes on, and from the start again";
  EXPECT_EQ(store->sweep("incoming", later, 100), 0u);
  EXPECT_TRUE(store->head("incoming2/0"));
}

TEST_F(S3StoreTest, ASweepOfALargePrefixGoesOnWhereItWas) {
  S3StoreOptions options = test::S3Server::instance().fresh_bucket();
  options.page = 1;  // 20 pages are 20 keys
  const auto store = open(options);
  for (int i = 100; i < 130; ++i)
    ASSERT_TRUE(store->put("incoming/" + std::to_string(i), "a/b", as_bytes("x")));
  EXPECT_EQ(store->sweep("incoming", SystemClock().now() - 1h, 100), 0u) << "20 young ones";
  const Time later = SystemClock().now() + 1h;
  EXPECT_EQ(store->sweep("incoming", later, 100), 20u) << "10 behind them, 10 from the start";
  EXPECT_FALSE(store->head("incoming/129"));
  EXPECT_EQ(store->sweep("incoming", later, 100), 10u);
}

TEST_F(S3StoreTest, NobodyWaitsForTheSameTimeOutTwice) {
  S3StoreOptions options = test::S3Server::instance().fresh_bucket();
  options.attempt = 400ms;
  const auto store = open(options);
  ASSERT_TRUE(store->put("a/b", "a/b", as_bytes("x")));
  test::S3Server::instance().control("kill s3-osd -STOP");
  for (int i = 0; i < 5; ++i) {
    const auto began = Steady::now();
    EXPECT_EQ(code_of(store->get("a/b", 10)), "object_store_away");
    EXPECT_LT(Steady::now() - began, 780ms) << "one attempt, not two";
  }
  const auto began = Steady::now();
  EXPECT_EQ(code_of(store->get("a/b", 10)), "s3_unavailable");
  EXPECT_LT(Steady::now() - began, 200ms);
  test::S3Server::instance().control("kill s3-osd -CONT");
  Result<Object> back = store->get("a/b", 10);
  for (int i = 0; !back && i < 400; ++i) {
    std::this_thread::sleep_for(50ms);
    back = store->get("a/b", 10);
  }
  EXPECT_EQ(code_of(back), "ok");
}

TEST_F(S3StoreTest, WhatIsGoneIsToldAtOnceAndComesBack) {
  const auto store = fresh();
  ASSERT_TRUE(store->put("a/b", "a/b", as_bytes("x")));
  // By TERM: after a KILL the gateway that comes next waits half a minute for the one before.
  test::S3Server::instance().control("kill s3 -TERM");
  std::string code;
  for (int i = 0; i < 2'000 && code != "s3_unavailable"; ++i) {
    const auto answer = store->head("a/b", Deadline::after(5s));
    code = code_of(answer);
    if (answer) std::this_thread::sleep_for(10ms);
    if (answer) continue;
    EXPECT_EQ(answer.error().kind, Kind::unavailable);
    EXPECT_TRUE(answer.error().retry_after);
    EXPECT_THAT(answer.error().detail, Not(HasSubstr("127.0.0.1")));
  }
  EXPECT_EQ(code, "s3_unavailable");
  EXPECT_TRUE(shows("madang_breaker_state{dependency=\"s3\"} 2"));
  test::S3Server::instance().start("s3");
  Result<ObjectInfo> back = store->head("a/b");
  for (int i = 0; !back && i < 400; ++i) {
    std::this_thread::sleep_for(50ms);
    back = store->head("a/b");
  }
  EXPECT_EQ(code_of(back), "ok");
  EXPECT_TRUE(shows("madang_breaker_state{dependency=\"s3\"} 0"));
}

}  // namespace
}  // namespace madang::objects
