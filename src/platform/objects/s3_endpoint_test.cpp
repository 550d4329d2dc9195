// The endpoint behind the real HTTP server, spoken to over a socket.
#include "platform/objects/s3_endpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <thread>

#include "../../../tests/support/http_client.hpp"
#include "base/encoding.hpp"
#include "platform/http/server.hpp"

namespace madang::objects {
namespace {

using namespace std::chrono_literals;
using test::Answer;
using test::Client;
using testing::HasSubstr;

class Elsewhere final : public http::Handler {
 public:
  http::BodyPolicy body_policy(const http::Request&, bool) override { return {.limit = 100}; }
  Task<http::Response> handle(http::Request&) override {
    http::Response response{.status = 418};
    co_return response;
  }
  http::Response protocol_error(const Problem&, unsigned, std::string_view) override {
    return {.status = 400};
  }
};

class S3EndpointTest : public testing::Test {
 protected:
  S3EndpointTest() { start({}); }
  ~S3EndpointTest() override {
    stop();
    std::filesystem::remove_all(root_);
  }

  void start(S3Options options, std::uint64_t free_floor = 0) {
    stop();
    store_ = std::make_unique<DiskStore>(
        DiskOptions{.root = root_, .free_floor = free_floor, .credentials = {"AKID", "secret"}},
        clock_);
    files_ = std::make_unique<runtime::Bulkhead>(
        runtime::Bulkhead::Options{.name = "files", .threads = 2}, registry_);
    endpoint_ = std::make_unique<S3Endpoint>(options, *store_, *files_, rest_, registry_);
    pool_ = std::make_unique<runtime::IoPool>(2);
    http::ServerOptions server;
    server.port = 0;
    server.body_timeout = 300ms;
    server_ = std::make_unique<http::Server>(server, *endpoint_, *pool_, registry_);
    server_->start();
    host_ = "127.0.0.1:" + std::to_string(server_->port());
  }
  void stop() {
    if (!server_) return;
    server_->stop_accepting();
    server_->drain(2s);
    files_->close();
    server_.reset();
    pool_.reset();
  }

  /// The target of a URL that lets `length` bytes of `type` in.
  std::string target(std::string_view key, std::uint64_t length, std::string type = "image/png",
                     std::chrono::seconds lifetime = 600s) {
    const auto grant = store_->presign_put({.key = std::string(key),
                                            .content_type = std::move(type),
                                            .length = length,
                                            .lifetime = lifetime,
                                            .origin = "http://" + host_});
    return grant->url.substr(("http://" + host_).size());
  }
  std::string head(std::string_view method, std::string_view target, std::string_view headers) {
    return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: " + host_ +
           "\r\n" + std::string(headers) + "\r\n";
  }
  std::string put_head(std::string_view target, std::uint64_t length, std::string_view more = {},
                       std::string_view type = "image/png") {
    return head("PUT", target,
                "Content-Type: " + std::string(type) +
                    "\r\nContent-Length: " + std::to_string(length) + "\r\n" + std::string(more));
  }
  Answer ask(std::string_view bytes) {
    Client client(server_->port());
    client.send(bytes);
    return client.receive();
  }
  Answer put(std::string_view key, std::string_view body, std::string_view more = {}) {
    return ask(put_head(target(key, body.size()), body.size(), more) + std::string(body));
  }
  std::string stored(std::string_view key) {
    const auto object = store_->get(key, 1u << 30);
    return object ? std::string(as_text(object->bytes)) : std::string(object.error().code);
  }
  void expect_error(const Answer& answer, unsigned status, std::string_view code) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr("<Code>" + std::string(code) + "</Code>"));
    EXPECT_THAT(answer.head, HasSubstr("Content-Type: application/xml\r\n"));
    EXPECT_THAT(answer.head, HasSubstr("x-amz-request-id: "));
  }
  std::size_t temporaries() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(root_ / "tmp"), {}));
  }

  static std::filesystem::path fresh() {
    static std::atomic<int> next = 0;
    return std::filesystem::temp_directory_path() /
           ("madang-s3-" + std::to_string(::getpid()) + "-" + std::to_string(next++));
  }
  const std::filesystem::path root_ = fresh();
  ManualClock clock_{*parse_rfc3339("2026-11-21T10:00:00Z")};
  metrics::Registry registry_;
  Elsewhere rest_;
  std::unique_ptr<DiskStore> store_;
  std::unique_ptr<runtime::Bulkhead> files_;
  std::unique_ptr<S3Endpoint> endpoint_;
  std::unique_ptr<runtime::IoPool> pool_;
  std::unique_ptr<http::Server> server_;
  std::string host_;
};

TEST_F(S3EndpointTest, StoresWhatWasSignedAndAnswersAsS3) {
  const Answer answer = put("incoming/1", "hello");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.head, HasSubstr("ETag: \"5d41402abc4b2a76b9719d911017c592\"\r\n"));
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(stored("incoming/1"), "hello");
  EXPECT_EQ(store_->head("incoming/1")->content_type, "image/png");
  EXPECT_EQ(temporaries(), 0u);
}

TEST_F(S3EndpointTest, TakesLargeBodiesAndEmptyOnes) {
  std::string body(9'999'999, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 1000);
  EXPECT_EQ(put("incoming/big", body).status, 200);
  EXPECT_EQ(stored("incoming/big"), body);
  EXPECT_EQ(put("incoming/empty", "").status, 200);
  EXPECT_EQ(stored("incoming/empty"), "");
}

TEST_F(S3EndpointTest, TheSameUrlOverwritesUntilItExpires) {
  const std::string url = target("incoming/1", 5);
  EXPECT_EQ(ask(put_head(url, 5) + "first").status, 200);
  EXPECT_EQ(ask(put_head(url, 5) + "again").status, 200);
  EXPECT_EQ(stored("incoming/1"), "again");
  clock_.advance(600s);
  const Answer late = ask(put_head(url, 5) + "third");
  expect_error(late, 403, "AccessDenied");
  EXPECT_THAT(late.body, HasSubstr("<Message>Request has expired</Message>"));
  EXPECT_EQ(stored("incoming/1"), "again");
}

TEST_F(S3EndpointTest, AnotherTypeLengthKeyOrSignatureIsRefused) {
  const std::string url = target("incoming/1", 5);
  expect_error(ask(put_head(url, 5, {}, "image/jpeg") + "hello"), 403, "SignatureDoesNotMatch");
  expect_error(ask(put_head(url, 6) + "hello!"), 403, "SignatureDoesNotMatch");
  std::string other = url;
  other.replace(other.find("incoming/1"), 10, "incoming/2");
  expect_error(ask(put_head(other, 5) + "hello"), 403, "SignatureDoesNotMatch");
  other = url;
  other.back() = other.back() == '0' ? '1' : '0';
  expect_error(ask(put_head(other, 5) + "hello"), 403, "SignatureDoesNotMatch");
  other = url.substr(0, url.find('?'));
  expect_error(ask(put_head(other, 5) + "hello"), 403, "AccessDenied");
  other = url.substr(0, url.rfind('&'));
  expect_error(ask(put_head(other, 5) + "hello"), 400, "AuthorizationQueryParametersError");
  expect_error(ask(head("GET", url, "")), 403, "SignatureDoesNotMatch");
  expect_error(ask(head("POST", url, "Content-Length: 0\r\n")), 405, "MethodNotAllowed");
  EXPECT_EQ(stored("incoming/1"), "no_such_object");
  EXPECT_EQ(stored("incoming/2"), "no_such_object");
}

TEST_F(S3EndpointTest, PathsOutsideTheStoreAreRefused) {
  for (const std::string_view path :
       {"/objects/madang/../x", "/objects/madang/%2e%2e/x", "/objects/madang/", "/objects/madang",
        "/objects/madang/a%00b", "/objects/madang/a//b", "/objects/madang/%zz"})
    expect_error(ask(put_head(path, 1) + "x"), 400, "InvalidURI");
  expect_error(ask(put_head("/objects/other/x", 1) + "x"), 404, "NoSuchBucket");
  expect_error(ask(put_head("/objects/madang/" + std::string(300, 'k'), 1) + "x"), 400,
               "KeyTooLongError");
  EXPECT_EQ(ask(head("GET", "/elsewhere", "")).status, 418u);
  EXPECT_EQ(ask(head("GET", "/objectsx/madang/a", "")).status, 418u);
}

TEST_F(S3EndpointTest, ALengthMustBeSignedAndSent) {
  const std::string url = target("incoming/1", 5);
  expect_error(ask(head("PUT", url, "Content-Type: image/png\r\nTransfer-Encoding: chunked\r\n") +
                   "5\r\nhello\r\n0\r\n\r\n"),
               411, "MissingContentLength");
  const std::string query = sigv4::presign(
      {.method = "PUT", .path = "/objects/madang/incoming/1", .headers = {{"host", host_}}},
      store_->options().credentials, clock_.now());
  expect_error(ask(put_head("/objects/madang/incoming/1?" + query, 5) + "hello"), 403,
               "AccessDenied");
}

TEST_F(S3EndpointTest, TooLargeIsToldBeforeTheBody) {
  start({.max_bytes = 1000});
  expect_error(ask(put_head(target("incoming/1", 1001), 1001)), 400, "EntityTooLarge");
  EXPECT_EQ(put("incoming/1", std::string(1000, 'x')).status, 200u);
}

TEST_F(S3EndpointTest, AnIncompleteOrStuckBodyLeavesNothing) {
  Client client(server_->port());
  client.send(put_head(target("incoming/1", 500'000), 500'000) + std::string(400'000, 'x'));
  client.half_close();
  client.receive();  // whether the answer arrives depends on who closes first
  const Answer slow = ask(put_head(target("incoming/2", 10), 10) + "half");
  expect_error(slow, 400, "RequestTimeout");
  EXPECT_EQ(stored("incoming/1"), "no_such_object");
  EXPECT_EQ(stored("incoming/2"), "no_such_object");
  for (int i = 0; i < 1000 && temporaries() > 0; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(temporaries(), 0u);
}

TEST_F(S3EndpointTest, DigestsAreVerified) {
  // Of "hello": computed with openssl and a reference implementation of each CRC.
  EXPECT_EQ(put("incoming/1", "hello", "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n").status, 200u);
  EXPECT_EQ(put("incoming/1", "hello", "x-amz-checksum-crc32: NhCmhg==\r\n").status, 200u);
  EXPECT_EQ(put("incoming/1", "hello", "x-amz-checksum-crc32c: mnG7TA==\r\n").status, 200u);
  EXPECT_EQ(
      put("incoming/1", "hello", "x-amz-checksum-sha1: qvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n").status,
      200u);
  EXPECT_EQ(put("incoming/1", "hello",
                "x-amz-content-sha256: "
                "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\r\n")
                .status,
            200u);
  expect_error(put("incoming/2", "hellO", "Content-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n"), 400,
               "BadDigest");
  expect_error(put("incoming/2", "hellO", "x-amz-checksum-crc32: NhCmhg==\r\n"), 400, "BadDigest");
  expect_error(put("incoming/2", "hellO", "x-amz-checksum-crc32c: mnG7TA==\r\n"), 400, "BadDigest");
  expect_error(put("incoming/2", "hellO",
                   "x-amz-content-sha256: "
                   "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\r\n"),
               400, "XAmzContentSHA256Mismatch");
  expect_error(put("incoming/2", "hello", "Content-MD5: nonsense\r\n"), 400, "InvalidDigest");
  expect_error(put("incoming/2", "hello", "x-amz-checksum-crc32: AAAA\r\n"), 400, "InvalidRequest");
  EXPECT_EQ(stored("incoming/2"), "no_such_object");
}

TEST(Checksums, KnownValues) {
  const auto hex = [](Algorithm algorithm) {
    const auto digest = make_digest(algorithm);
    digest->update(as_bytes("1234"));
    digest->update(as_bytes("56789"));
    return to_hex(digest->finish());
  };
  // The catalogue's check values ("123456789").
  EXPECT_EQ(hex(Algorithm::crc32), "cbf43926");
  EXPECT_EQ(hex(Algorithm::crc32c), "e3069283");
  EXPECT_EQ(hex(Algorithm::crc64nvme), "ae8b14860a799888");
  EXPECT_EQ(hex(Algorithm::md5), "25f9e794323b453885f5181f1b624d0b");
}

TEST_F(S3EndpointTest, TheSdksEmptyChecksumInTheQueryIsIgnoredOthersAreNot) {
  const auto url = [&](std::string_view checksum) {
    const std::string path = "/objects/madang/incoming/1";
    return path + "?" +
           sigv4::presign({.method = "PUT",
                           .path = path,
                           .query = {{"x-amz-checksum-crc32", std::string(checksum)},
                                     {"x-amz-sdk-checksum-algorithm", "CRC32"},
                                     {"x-id", "PutObject"}},
                           .headers = {{"host", host_},
                                       {"content-type", "image/png"},
                                       {"content-length", "5"}}},
                          store_->options().credentials, clock_.now());
  };
  EXPECT_EQ(ask(put_head(url("AAAAAA=="), 5) + "hello").status, 200u);
  EXPECT_EQ(ask(put_head(url("NhCmhg=="), 5) + "hello").status, 200u);
  expect_error(ask(put_head(url("NhCmhg=="), 5) + "hellO"), 400, "BadDigest");
}

TEST_F(S3EndpointTest, WhatIsNotImplementedIsSaid) {
  const std::string url = target("incoming/1", 5);
  expect_error(ask(put_head(url, 5, "Authorization: AWS4-HMAC-SHA256 Credential=x\r\n") + "hello"),
               501, "NotImplemented");
  expect_error(ask(put_head(url, 5, "x-amz-copy-source: /madang/x\r\n") + "hello"), 501,
               "NotImplemented");
  expect_error(ask(put_head(url, 5, "x-amz-acl: public-read\r\n") + "hello"), 403, "AccessDenied");
}

TEST_F(S3EndpointTest, TooManyUploadsAreToldToSlowDown) {
  start({.max_uploads = 1});
  Client first(server_->port());
  first.send(put_head(target("incoming/1", 10), 10) + "half");
  for (int i = 0; i < 1000 && !registry_.scrape().contains("madang_uploads_running 1"); ++i)
    std::this_thread::sleep_for(1ms);
  const Answer second = put("incoming/2", "hello");
  expect_error(second, 503, "SlowDown");
  EXPECT_THAT(second.head, HasSubstr("Retry-After: 1\r\n"));
  first.send("whole!");
  EXPECT_EQ(first.receive().status, 200u);
  EXPECT_EQ(put("incoming/2", "hello").status, 200u);
}

TEST_F(S3EndpointTest, AFullDiskIsSaid) {
  start({}, std::uint64_t(1) << 60);
  expect_error(put("incoming/1", "hello"), 507, "InsufficientStorage");
}

TEST_F(S3EndpointTest, UrlsSignedForThePublicHostWorkBehindAProxy) {
  const auto grant = store_->presign_put({.key = "incoming/1",
                                          .content_type = "image/png",
                                          .length = 5,
                                          .lifetime = 600s,
                                          .origin = "https://yard.example"});
  const std::string url = grant->url.substr(std::string_view("https://yard.example").size());
  expect_error(ask(put_head(url, 5) + "hello"), 403, "SignatureDoesNotMatch");
  start({.public_host = "yard.example"});
  EXPECT_EQ(ask(put_head(url, 5) + "hello").status, 200u);
  EXPECT_EQ(ask(put_head(target("incoming/2", 5), 5) + "hello").status, 200u);
}

TEST_F(S3EndpointTest, PresignedReads) {
  ASSERT_TRUE(store_->put("media/1", "image/webp", as_bytes("picture")));
  const auto url =
      store_->presign_get({.key = "media/1", .lifetime = 60s, .origin = "http://" + host_});
  const std::string path = url->substr(("http://" + host_).size());
  const Answer answer = ask(head("GET", path, ""));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.body, "picture");
  EXPECT_THAT(answer.head, HasSubstr("Content-Type: image/webp\r\n"));
  EXPECT_THAT(answer.head, HasSubstr("Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n"));
  EXPECT_THAT(answer.head, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(answer.head, HasSubstr("sandbox"));
  ASSERT_TRUE(store_->remove("media/1"));
  expect_error(ask(head("GET", path, "")), 404, "NoSuchKey");
  clock_.advance(60s);
  expect_error(ask(head("GET", path, "")), 403, "AccessDenied");
}

TEST_F(S3EndpointTest, BrowsersMayAsk) {
  const Answer answer = ask(head("OPTIONS", target("incoming/1", 5), "Origin: http://x\r\n"));
  EXPECT_EQ(answer.status, 204u);
  EXPECT_THAT(answer.head, HasSubstr("Access-Control-Allow-Methods: PUT, GET, HEAD\r\n"));
}

TEST_F(S3EndpointTest, NoAnswerSpeaksHtml) {
  const Answer answer =
      ask(head("GET", "/objects/madang/a?<script>=1&X-Amz-Date=%3Cscript%3E", ""));
  EXPECT_THAT(answer.body, testing::Not(HasSubstr("<script>")));
}

}  // namespace
}  // namespace madang::objects
